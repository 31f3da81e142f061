"""Fan-out: a message becomes a delivery for every endpoint that wants it."""

from sqlalchemy import insert, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.database import Database
from models.enums import MessageType
from models.order import Service
from models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookMessage
from orders.webhooks.redaction import is_for_shops

BATCH = 200
SKIP_BATCH = 1000
"""Messages that are skipped in one transaction, while there is no endpoint."""
OWNER = select(Service.owner).where(Service.id == WebhookMessage.service_id).scalar_subquery()
"""Owner of the service that a message is about."""


async def fan_out(database: Database) -> int:
    """Write the deliveries of a batch of new messages, one for every endpoint that wants it. Returns the number of
    messages."""
    async with database.write() as session:
        new = await session.exec(
            select(WebhookMessage.id, WebhookMessage.kind, WebhookMessage.service_id, OWNER)
            .where(col(WebhookMessage.spread_at).is_(None))
            .order_by(col(WebhookMessage.id))
            .limit(BATCH)
            .with_for_update()
        )
        messages = new.all()
        if not messages:
            return 0
        endpoints = (await session.exec(select(WebhookEndpoint))).all()
        now = utc_now()
        numbers = [number for number, _, _, _ in messages]
        await session.exec(
            update(WebhookMessage).where(col(WebhookMessage.id).in_(numbers)).values(spread_at=now),
            execution_options={"synchronize_session": False},
        )
        deliveries = [
            WebhookDelivery(endpoint_id=endpoint.id, message_id=number, service_id=service)
            for number, kind, service, owner in messages
            for endpoint in endpoints
            if wants(endpoint, kind, owner)
        ]
        if deliveries:
            rows = [one.model_dump(exclude={"id"}) for one in deliveries]
            await (await session.connection()).execute(insert(WebhookDelivery), rows)
    return len(messages)


async def skip_new(database: Database) -> int:
    """Skip a batch of new messages while there is no endpoint. Returns their number.

    They are kept for a later endpoint that asks for what has happened.
    """
    async with database.write() as session:
        return await skip_unheard(session, limit=SKIP_BATCH)


async def skip_unheard(session: AsyncSession, limit: int | None = None) -> int:
    new = select(WebhookMessage.id).where(col(WebhookMessage.spread_at).is_(None))
    if limit is not None:
        new = new.order_by(col(WebhookMessage.id)).limit(limit)
    done = await session.exec(
        update(WebhookMessage)
        .where(col(WebhookMessage.id).in_(new), ~select(WebhookEndpoint.id).exists())
        .values(spread_at=utc_now()),
        execution_options={"synchronize_session": False},
    )
    return int(done.rowcount)


def wants(endpoint: WebhookEndpoint, message_type: str, owner: str | None) -> bool:
    """`owner`: whose the service is that the message is about; None: the operators', or there is none."""
    if message_type == MessageType.PING or (endpoint.kinds and message_type not in endpoint.kinds):
        return False
    return endpoint.owner is None or (endpoint.owner == owner and is_for_shops(message_type))


def delivery_of(endpoint: WebhookEndpoint, one: WebhookMessage) -> WebhookDelivery:
    return WebhookDelivery(endpoint_id=endpoint.id, message_id=one.id, service_id=one.service_id)
