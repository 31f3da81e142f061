"""Sending again: one delivery, those that were given up, or everything since a time."""

from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import DeliveryState
from models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookMessage
from orders.access.roles import OPERATOR, Requester
from orders.errors import NotFound
from orders.webhooks.deliveries import locked_delivery
from orders.webhooks.endpoints import record_action
from orders.webhooks.fanout import OWNER, delivery_of, wants


async def replay_one(session: AsyncSession, number: int, *, actor: str, requester: Requester = OPERATOR) -> None:
    """Send a delivery once more, however it ended. Raises NotFound, also for one to an endpoint of another."""
    delivery = await locked_delivery(session, number)
    if delivery is None:
        raise NotFound("delivery", number)
    endpoint = await session.get_one(WebhookEndpoint, delivery.endpoint_id)
    if not (requester.is_staff or endpoint.owner == requester.name):
        raise NotFound("delivery", number)
    await _queue_again(session, delivery)
    record_action(session, endpoint, actor, "replayed", {"delivery": str(number)})


async def _queue_again(session: AsyncSession, delivery: WebhookDelivery) -> None:
    """It gets all its attempts anew. The message keeps its id."""
    delivery.state, delivery.ended_at = DeliveryState.PENDING, None
    delivery.attempts, delivery.next_attempt_at = 0, utc_now()
    session.add(delivery)
    await session.flush()


async def replay_given_up(session: AsyncSession, endpoint: WebhookEndpoint, *, actor: str) -> int:
    found = await session.exec(
        select(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.state == DeliveryState.GIVEN_UP)
        .with_for_update()
    )
    deliveries = found.all()
    for one in deliveries:
        await _queue_again(session, one)
    record_action(session, endpoint, actor, "replayed", {"deliveries": "all that were given up"})
    return len(deliveries)


async def replay_since(session: AsyncSession, endpoint: WebhookEndpoint, since: datetime, *, actor: str) -> int:
    """Everything that has happened since then and that the endpoint wants, also what is older than the endpoint."""
    messages = await session.exec(
        select(WebhookMessage, OWNER)
        .where(col(WebhookMessage.at) >= since, col(WebhookMessage.spread_at).is_not(None))
        .order_by(col(WebhookMessage.id))
    )
    wanted = [one for one, owner in messages.all() if wants(endpoint, one.kind, owner)]
    found = await session.exec(
        select(WebhookDelivery)
        .join(WebhookMessage, col(WebhookDelivery.message_id) == col(WebhookMessage.id))
        .where(WebhookDelivery.endpoint_id == endpoint.id, col(WebhookMessage.at) >= since)
        .with_for_update(of=WebhookDelivery)
    )
    known = {one.message_id: one for one in found.all()}
    for one in wanted:
        await _queue_again(session, known.get(one.id) or delivery_of(endpoint, one))
    record_action(session, endpoint, actor, "replayed", {"since": since.isoformat()})
    return len(wanted)
