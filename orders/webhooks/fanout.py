"""Fan-out: a message gets its place in the list of all events, and becomes a delivery for every endpoint that wants it.

Positions, not the row numbers, are what a reader of the list goes by. Numbers are given when a row is written, and a
transaction that began earlier may commit later: a reader who has passed number 7 would never see number 6. Positions
are given to committed messages alone, by one transaction after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, bindparam, case, func, insert, null, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import Installation
from models.columns import utc_now
from models.database import Database
from models.enums import MessageType
from models.order import Service
from models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookMessage
from orders.webhooks.redaction import NOT_FOR_SHOPS, is_for_shops

BATCH = 200
OWNER = select(Service.owner).where(Service.id == WebhookMessage.service_id).scalar_subquery()
"""Owner of the service that a message is about."""
_REFERENCE = select(Service.reference).where(Service.id == WebhookMessage.service_id).scalar_subquery()
_METADATA = select(Service.shop_metadata).where(Service.id == WebhookMessage.service_id).scalar_subquery()


@dataclass(frozen=True)
class Spread:
    """A message that has got its position now."""

    number: int
    kind: str
    service: int | None
    owner: str | None


async def fan_out(database: Database) -> int:
    """Spread a batch of new messages, and write their deliveries, one for every endpoint that wants it. Returns the
    number of messages."""
    async with database.write() as session:
        messages = await _spread(session, BATCH)
        if not messages:
            return 0
        # Not removed before the deliveries are written: a storefront may do that at any moment.
        query = select(WebhookEndpoint).order_by(col(WebhookEndpoint.id)).with_for_update(read=True, key_share=True)
        endpoints = (await session.exec(query)).all()
        deliveries = [
            WebhookDelivery(endpoint_id=endpoint.id, message_id=one.number, service_id=one.service)
            for one in messages
            for endpoint in endpoints
            if wants(endpoint, one.kind, one.owner)
        ]
        if deliveries:
            rows = [one.model_dump(exclude={"id"}) for one in deliveries]
            await (await session.connection()).execute(insert(WebhookDelivery), rows)
    return len(messages)


async def skip_new(session: AsyncSession) -> None:
    """Spread all that is new without a delivery, if there is no endpoint yet: who is about to be the first does not
    get what happened before. It stays in the list of events."""
    if (await session.exec(select(WebhookEndpoint.id).limit(1))).first() is None:
        while await _spread(session, BATCH):
            pass


async def _spread(session: AsyncSession, limit: int) -> list[Spread]:
    """Give the oldest new messages their positions, and note whose they are and what the shop had written then."""
    new = select(WebhookMessage.id).where(col(WebhookMessage.spread_at).is_(None))
    batch = new.order_by(col(WebhookMessage.id)).limit(limit).subquery()
    lowest, highest = (await session.exec(select(func.min(batch.c.id), func.max(batch.c.id)))).one()
    if lowest is None:
        return []
    offset = await _reserve(session, lowest, highest)
    done = await session.exec(
        update(WebhookMessage)
        .where(col(WebhookMessage.spread_at).is_(None), col(WebhookMessage.id).between(lowest, highest))
        .values(
            spread_at=utc_now(),
            position=col(WebhookMessage.id) + offset,
            owner=case((col(WebhookMessage.kind).in_(NOT_FOR_SHOPS), null()), else_=OWNER),
            reference=_REFERENCE,
            shop_metadata=_METADATA,
        )
        .returning(
            col(WebhookMessage.id), col(WebhookMessage.kind), col(WebhookMessage.service_id), col(WebhookMessage.owner)
        ),
        execution_options={"synchronize_session": False},
    )
    rows: Sequence[tuple[int, str, int | None, str | None]] = done.all()
    return sorted((Spread(*row) for row in rows), key=lambda one: one.number)


async def _reserve(session: AsyncSession, lowest: int, highest: int) -> int:
    """What is added to these row numbers for positions above all that were given before.

    The row of the installation stays locked to the end of the transaction, so positions are committed in their order.
    """
    last = col(Installation.last_position)
    after: ColumnElement[int] = bindparam("highest") - bindparam("lowest") + last + 1
    done = await session.exec(
        update(Installation)
        .values(last_position=case((last >= bindparam("lowest"), after), else_=bindparam("highest")))
        .returning(last),
        params={"lowest": lowest, "highest": highest},
        execution_options={"synchronize_session": False},
    )
    return int(done.scalar_one()) - highest


def wants(endpoint: WebhookEndpoint, message_type: str, owner: str | None) -> bool:
    """`owner`: whose the service is that the message is about; None: the operators', or there is none."""
    if message_type == MessageType.PING or (endpoint.kinds and message_type not in endpoint.kinds):
        return False
    return endpoint.owner is None or (endpoint.owner == owner and is_for_shops(message_type))


def wanted_by(endpoint: WebhookEndpoint) -> ColumnElement[bool]:
    """`wants` as a condition of messages, by whose their services are now."""
    kind = col(WebhookMessage.kind)
    conditions: list[ColumnElement[bool]] = [kind != MessageType.PING]
    if endpoint.kinds:
        conditions.append(kind.in_(endpoint.kinds))
    if endpoint.owner is not None:
        conditions += [kind.not_in(NOT_FOR_SHOPS), OWNER.in_([endpoint.owner])]
    return and_(*conditions)


def delivery_of(endpoint: WebhookEndpoint, one: WebhookMessage) -> WebhookDelivery:
    return WebhookDelivery(endpoint_id=endpoint.id, message_id=one.id, service_id=one.service_id)
