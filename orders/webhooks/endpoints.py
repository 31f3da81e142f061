"""Endpoints: added, changed, tried, paused, resumed and removed, each with its audit entry."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, true, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import Installation
from models.columns import utc_now
from models.enums import DeliveryState, MessageType
from models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from orders import audit
from orders.access.roles import OPERATOR, Requester
from orders.errors import InvalidField, Refused
from orders.locking import locked
from orders.webhooks.fanout import delivery_of, skip_new
from orders.webhooks.outbox import Ping, message
from orders.webhooks.redaction import is_for_shops
from orders.webhooks.sealing import SealedSecret, Sealer, as_rows, new_secret, sealed_secrets
from orders.webhooks.targets import check_url

NOUN = "webhook"
SECRETS_AT_A_TIME = 4
"""Each message is signed with so many, at most."""

_NAME = re.compile(r"(?:[\w.@-]+:)?\w[\w.-]*", re.ASCII)
_LONGEST_NAME = 64
_NO_NAMES = frozenset({"deliveries"})
"""The API has something else at these addresses."""
KINDS = tuple(message_type.value for message_type in MessageType if message_type is not MessageType.PING)
"""What an endpoint can ask for; a ping goes only to the one that is tried."""


async def endpoint_named(session: AsyncSession, name: str, requester: Requester = OPERATOR) -> WebhookEndpoint:
    """The endpoint, locked until the end of this transaction, before any delivery of it is. Raises NotFound, also for
    what the requester may not see."""
    key = and_(col(WebhookEndpoint.name) == name, visible(requester))
    return await locked(session, WebhookEndpoint, key, what=NOUN, name=name)


def visible(requester: Requester) -> ColumnElement[bool]:
    return true() if requester.is_staff else col(WebhookEndpoint.owner) == requester.name


async def add_endpoint(session: AsyncSession, endpoint: WebhookEndpoint, *, private: bool, actor: str) -> None:
    """Raises InvalidField for a name that is taken, an address that may not be used, or an unknown type.

    `private`: as in orders.webhooks.targets.
    """
    await one_at_a_time(session)
    _check_name(endpoint)
    taken = await session.exec(select(WebhookEndpoint.id).where(WebhookEndpoint.name == endpoint.name))
    if taken.first() is not None:
        raise InvalidField("name", f"there is a webhook {endpoint.name!r} already")
    _check_address(endpoint.url, private=private)
    if [endpoint.secret_env, endpoint.secret_file, endpoint.sealed_secrets].count(None) != 2:
        raise InvalidField(
            "secret",
            "name the environment variable or the file that holds the secret, one of them; or set "
            "RESELL_WEBHOOK_KEY_FILE, and a secret is made here",
        )
    _check_types(endpoint)
    await skip_new(session)  # what happened while nobody listened is not news for the first who does
    session.add(endpoint)
    await session.flush()
    record_action(session, endpoint, actor, "added", {"url": endpoint.url, "owner": endpoint.owner or ""})


async def add_with_secret(
    session: AsyncSession, endpoint: WebhookEndpoint, *, sealer: Sealer, private: bool, actor: str
) -> str:
    """Add an endpoint whose secret is made here. Returns the secret, to be shown once. Raises as `add_endpoint`."""
    endpoint.sealed_secrets = []
    await add_endpoint(session, endpoint, private=private, actor=actor)
    secret = new_secret()
    endpoint.sealed_secrets = as_rows([SealedSecret(sealed=sealer.seal(secret, endpoint.id))])
    await session.flush()
    return secret


async def one_at_a_time(session: AsyncSession) -> None:
    """Until the end of this transaction nobody else adds an endpoint, so that none gets a name twice."""
    await session.exec(select(Installation.id).with_for_update())


def _check_name(endpoint: WebhookEndpoint) -> None:
    name = endpoint.name
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME or name in _NO_NAMES:
        raise InvalidField(
            "name",
            f"consists of up to {_LONGEST_NAME} letters, digits, '.', '_' and '-', begins with none of the latter two "
            "and is not 'deliveries'",
        )
    prefix, colon, _ = name.rpartition(":")
    if colon and prefix != endpoint.owner:
        raise InvalidField("name", "has a ':' only after the name of the storefront that owns it")


def _check_address(url: str, *, private: bool) -> None:
    try:
        check_url(url, private=private)
    except ValueError as error:
        raise InvalidField("url", str(error)) from error


def _check_types(endpoint: WebhookEndpoint) -> None:
    for message_type in endpoint.kinds:
        if message_type not in KINDS:
            raise InvalidField("types", f"there is no type {message_type!r}; known: {', '.join(KINDS)}")
        if endpoint.owner is not None and not is_for_shops(message_type):
            raise InvalidField("types", f"{message_type} goes to no storefront: it is about what belongs to others")


@dataclass(frozen=True)
class EndpointChange:
    """What is to be different; None: it stays."""

    url: str | None = None
    types: Sequence[str] | None = None
    by_shop: bool = False
    """A storefront asks for it."""


async def change_endpoint(
    session: AsyncSession, endpoint: WebhookEndpoint, change: EndpointChange, *, private: bool, actor: str
) -> None:
    """From now on messages go elsewhere, or others do. What waits for a new address is sent there at once. Raises
    InvalidField as `add_endpoint`."""
    before = {"url": endpoint.url, "types": " ".join(endpoint.kinds)}
    if change.types is not None:
        endpoint.kinds = list(change.types)
        _check_types(endpoint)
    if change.url is not None and change.url != endpoint.url:
        _check_address(change.url, private=private)
        endpoint.url, endpoint.address_by_shop = change.url, change.by_shop
        await _send_waiting(session, endpoint)
    session.add(endpoint)
    after = {"url": endpoint.url, "types": " ".join(endpoint.kinds)}
    changes = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    if changes:
        facts = {"name": endpoint.name}
        session.add(audit.entry(NOUN, endpoint.id, "changed", by=actor, facts=facts, changes=changes))
    await session.flush()


async def replace_secret(
    session: AsyncSession, endpoint: WebhookEndpoint, *, sealer: Sealer, overlap: timedelta, actor: str
) -> str:
    """Make a new secret. For `overlap` each message is signed with the ones before it, too. Returns it, to be shown
    once. Raises Refused where the secret does not stand in the database, or where too many sign already."""
    if endpoint.sealed_secrets is None:
        raise Refused(
            f"the secret of webhook {endpoint.name} stands in {place_of_secret(endpoint)}: write the new one there, "
            "before the old one, separated by a space"
        )
    until = utc_now() + overlap
    old = [
        one.model_copy(update={"until": min(one.until or until, until)})
        for one in sealed_secrets(endpoint.sealed_secrets)
        if overlap
    ]
    if len(old) == SECRETS_AT_A_TIME:
        raise Refused(
            f"messages to webhook {endpoint.name} are signed with {len(old)} secrets, and no more are possible; "
            "wait until their time is over, or end it at once with overlap_hours 0"
        )
    secret = new_secret()
    endpoint.sealed_secrets = as_rows([SealedSecret(sealed=sealer.seal(secret, endpoint.id)), *old])
    session.add(endpoint)
    record_action(session, endpoint, actor, "secret_replaced", {"overlap": str(overlap)})
    await session.flush()
    return secret


def place_of_secret(endpoint: WebhookEndpoint) -> str:
    """Where its secret comes from."""
    if endpoint.sealed_secrets is not None:
        return "the database, sealed"
    return f"environment variable {endpoint.secret_env}" if endpoint.secret_env else f"file {endpoint.secret_file}"


async def remove_endpoint(session: AsyncSession, endpoint: WebhookEndpoint, *, actor: str) -> None:
    """With its deliveries and their log. Nobody makes deliveries to it meanwhile (`fanout`)."""
    await session.refresh(endpoint, with_for_update=True)
    record_action(session, endpoint, actor, "removed", {"url": endpoint.url})
    await _remove_deliveries(session, col(WebhookDelivery.endpoint_id) == endpoint.id)
    await session.delete(endpoint)
    await session.flush()


async def _remove_deliveries(session: AsyncSession, which: ColumnElement[bool]) -> None:
    numbers = select(WebhookDelivery.id).where(which)
    await session.exec(delete(WebhookAttempt).where(col(WebhookAttempt.delivery_id).in_(numbers)))
    await session.exec(delete(WebhookDelivery).where(which))


async def pause(session: AsyncSession, endpoint: WebhookEndpoint, *, actor: str) -> None:
    """Nothing is sent there until it is resumed; what happens meanwhile is kept for it. It no longer counts as failing:
    a person has seen to it."""
    endpoint.active, endpoint.failing_since, endpoint.failure = False, None, ""
    session.add(endpoint)
    record_action(session, endpoint, actor, "paused")
    await session.flush()


async def resume(session: AsyncSession, endpoint: WebhookEndpoint, *, actor: str) -> int:
    """Everything that waits for this endpoint is sent now. Returns how much that is."""
    endpoint.active = True
    count = await _send_waiting(session, endpoint)
    record_action(session, endpoint, actor, "resumed")
    await session.flush()
    return count


async def _send_waiting(session: AsyncSession, endpoint: WebhookEndpoint) -> int:
    """Everything that waits for this endpoint is due now, as if it had never failed. Returns how much that is."""
    endpoint.failing_since, endpoint.failure = None, ""
    session.add(endpoint)
    backlog = and_(col(WebhookDelivery.endpoint_id) == endpoint.id, col(WebhookDelivery.state) == DeliveryState.PENDING)
    updated = await session.exec(update(WebhookDelivery).where(backlog).values(next_attempt_at=utc_now()))
    return updated.rowcount


async def ping(session: AsyncSession, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """A message for this endpoint alone, to try it. Raises Refused while it is paused."""
    if not endpoint.active:
        raise Refused(f"webhook {endpoint.name} is switched off; resume it first")
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
    audit.record(session, NOUN, endpoint.id, action, by=actor, facts={"name": endpoint.name, **(detail or {})})
