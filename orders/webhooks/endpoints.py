"""Endpoints: added, tried, paused, resumed and removed, each with its audit entry."""

import re

from sqlalchemy import ColumnElement, and_, delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import DeliveryState, MessageType
from models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from orders import audit
from orders.errors import InvalidField
from orders.locking import locked
from orders.webhooks.fanout import delivery_of, skip_new
from orders.webhooks.outbox import Ping, message
from orders.webhooks.targets import check_url

_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
KINDS = tuple(message_type.value for message_type in MessageType if message_type is not MessageType.PING)
"""What an endpoint can ask for; a ping goes only to the one that is tried."""


async def endpoint_named(session: AsyncSession, name: str) -> WebhookEndpoint:
    """The endpoint, locked until the end of this transaction, before any delivery of it is. Raises NotFound."""
    return await locked(session, WebhookEndpoint, WebhookEndpoint.name == name, what="webhook", name=name)


async def add_endpoint(session: AsyncSession, endpoint: WebhookEndpoint, *, private: bool, actor: str) -> None:
    """Raises InvalidField for a name that is taken, an address that may not be used, or an unknown type.

    `private`: as in orders.webhooks.targets.
    """
    if not _NAME.fullmatch(endpoint.name):
        raise InvalidField("name", "consists of up to 64 letters, digits, '.', '_' and '-'")
    taken = await session.exec(select(WebhookEndpoint.id).where(WebhookEndpoint.name == endpoint.name))
    if taken.first() is not None:
        raise InvalidField("name", f"there is a webhook {endpoint.name!r} already")
    try:
        check_url(endpoint.url, private=private)
    except ValueError as error:
        raise InvalidField("url", str(error)) from error
    if (endpoint.secret_env is None) == (endpoint.secret_file is None):
        raise InvalidField("secret", "name the environment variable or the file that holds the secret, one of them")
    for message_type in endpoint.kinds:
        if message_type not in KINDS:
            raise InvalidField("kind", f"there is no type {message_type!r}; known: {', '.join(KINDS)}")
    await skip_new(session)  # what happened while nobody listened is not news for the first who does
    session.add(endpoint)
    await session.flush()
    record_action(session, endpoint, actor, "added", {"url": endpoint.url, "owner": endpoint.owner or ""})


async def remove_endpoint(session: AsyncSession, endpoint: WebhookEndpoint, *, actor: str) -> None:
    """With its deliveries and their log."""
    record_action(session, endpoint, actor, "removed", {"url": endpoint.url})
    await _remove_deliveries(session, col(WebhookDelivery.endpoint_id) == endpoint.id)
    await session.delete(endpoint)
    await session.flush()


async def _remove_deliveries(session: AsyncSession, which: ColumnElement[bool]) -> None:
    numbers = select(WebhookDelivery.id).where(which)
    await session.exec(delete(WebhookAttempt).where(col(WebhookAttempt.delivery_id).in_(numbers)))
    await session.exec(delete(WebhookDelivery).where(which))


async def pause(session: AsyncSession, endpoint: WebhookEndpoint, *, actor: str) -> None:
    """Nothing is sent there until it is resumed; what happens meanwhile is kept for it."""
    endpoint.active = False
    session.add(endpoint)
    record_action(session, endpoint, actor, "paused")
    await session.flush()


async def resume(session: AsyncSession, endpoint: WebhookEndpoint, *, actor: str) -> int:
    """Everything that waits for this endpoint is sent now. Returns how much that is."""
    endpoint.active, endpoint.failing_since, endpoint.failure = True, None, ""
    session.add(endpoint)
    backlog = and_(col(WebhookDelivery.endpoint_id) == endpoint.id, col(WebhookDelivery.state) == DeliveryState.PENDING)
    updated = await session.exec(update(WebhookDelivery).where(backlog).values(next_attempt_at=utc_now()))
    record_action(session, endpoint, actor, "resumed")
    await session.flush()
    return updated.rowcount


async def ping(session: AsyncSession, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """A message for this endpoint alone, to try it."""
    one = message(MessageType.PING, Ping(endpoint=endpoint.name))
    one.spread_at = utc_now()
    session.add(one)
    await session.flush()
    delivery = delivery_of(endpoint, one)
    session.add(delivery)
    await session.flush()
    return delivery


def record_action(
    session: AsyncSession, endpoint: WebhookEndpoint, actor: str, action: str, detail: dict[str, str] | None = None
) -> None:
    audit.record(session, "webhook", endpoint.id, action, by=actor, facts={"name": endpoint.name, **(detail or {})})
