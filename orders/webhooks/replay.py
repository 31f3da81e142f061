"""Sending again: one delivery, those that were given up, or everything since a time."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import DeliveryState
from models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookMessage
from orders.access.roles import OPERATOR, Requester
from orders.errors import InvalidField, NotFound
from orders.webhooks.deliveries import locked_delivery
from orders.webhooks.endpoints import record_action
from orders.webhooks.fanout import delivery_of, wanted_by

MOST = 10_000
"""Deliveries put into the queue by one transaction, at most."""


async def replay_one(session: AsyncSession, number: int, *, actor: str, requester: Requester = OPERATOR) -> None:
    """Send a delivery once more, however it ended. Raises NotFound, also for one to an endpoint of another."""
    delivery = await locked_delivery(session, number)
    if delivery is None:
        raise NotFound("delivery", number)
    endpoint = await session.get_one(WebhookEndpoint, delivery.endpoint_id)
    if not (requester.is_staff or endpoint.owner == requester.name):
        raise NotFound("delivery", number)
    _queue_again(session, [delivery])
    record_action(session, endpoint, actor, "replayed", {"delivery": str(number)})
    await session.flush()


def _queue_again(session: AsyncSession, deliveries: Iterable[WebhookDelivery]) -> None:
    """Each gets all its attempts anew. The messages keep their ids."""
    for delivery in deliveries:
        delivery.state, delivery.ended_at = DeliveryState.PENDING, None
        delivery.attempts, delivery.next_attempt_at = 0, utc_now()
        session.add(delivery)


async def replay_given_up(session: AsyncSession, endpoint: WebhookEndpoint, *, actor: str) -> int:
    """The oldest of them, as many as go in one time. Returns how many."""
    found = await session.exec(
        select(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.state == DeliveryState.GIVEN_UP)
        .order_by(col(WebhookDelivery.id))
        .limit(MOST)
        .with_for_update()
    )
    deliveries = found.all()
    _queue_again(session, deliveries)
    record_action(session, endpoint, actor, "replayed", {"deliveries": f"{len(deliveries)} that were given up"})
    await session.flush()
    return len(deliveries)


async def replay_since(session: AsyncSession, endpoint: WebhookEndpoint, since: datetime, *, actor: str) -> int:
    """Everything that has happened since then and that the endpoint wants, also what is older than the endpoint.
    Raises InvalidField where that is too much for one time."""
    messages = await session.exec(
        select(WebhookMessage)
        .where(col(WebhookMessage.at) >= since, col(WebhookMessage.spread_at).is_not(None), wanted_by(endpoint))
        .order_by(col(WebhookMessage.id))
        .limit(MOST + 1)
    )
    wanted = messages.all()
    if len(wanted) > MOST:
        raise InvalidField("since", f"finds more than {MOST} messages; choose a later time")
    found = await session.exec(
        select(WebhookDelivery)
        .join(WebhookMessage, col(WebhookDelivery.message_id) == col(WebhookMessage.id))
        .where(WebhookDelivery.endpoint_id == endpoint.id, col(WebhookMessage.at) >= since)
        .with_for_update(of=WebhookDelivery)
    )
    known = {one.message_id: one for one in found.all()}
    _queue_again(session, [known.get(one.id) or delivery_of(endpoint, one) for one in wanted])
    record_action(session, endpoint, actor, "replayed", {"since": since.isoformat()})
    await session.flush()
    return len(wanted)
