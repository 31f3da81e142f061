"""Deliveries: what is due, and how each attempt went. The sender (activities.webhooks) asks and records here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, true
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import Installation
from models.columns import UtcDateTime, utc_now
from models.database import Database
from models.enums import DeliveryState, MessageType
from models.order import Operation
from models.webhooks import PENDING, WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage
from orders.webhooks.wording import data_for, is_own

BATCH = 200
ANSWER_LENGTH = 200


@dataclass(frozen=True)
class OutgoingMessage:
    """One message for one endpoint, with all that sending it takes."""

    delivery: int
    endpoint: int
    endpoint_name: str
    endpoint_fails: bool
    """The last attempt there, of whatever message, failed."""
    url: str
    secret_env: str | None
    secret_file: str | None
    message_id: str
    kind: str
    service: int | None
    at: datetime
    data: dict[str, object]
    attempts: int
    """Attempts since it was last put into the queue."""
    sealed_secrets: Sequence[Mapping[str, str | None]] | None = None
    address_by_shop: bool = False
    """A storefront chose the address: nothing private is reached, and no answer is kept."""
    operation: int | None = None
    request_id: str | None = None
    """The request that the operation came from, if the receiver may know it."""
    traceparent: str | None = None


@dataclass(frozen=True)
class Attempt:
    """One attempt. `error` is empty if the receiver accepted the message."""

    status_code: int | None
    duration_ms: int
    error: str = ""
    answer: str = ""
    endpoint_gone: bool = False
    """The receiver says that the endpoint does not exist any more (410)."""

    @property
    def delivered(self) -> bool:
        return not self.error


@dataclass(frozen=True)
class Backlog:
    """What the sender has to do."""

    has_new: bool
    due: frozenset[int]
    """Endpoints for which something is due, those left alone included."""


async def backlog(database: Database) -> Backlog:
    """Asked every second, so in one statement, which reads as many rows as there are endpoints."""
    async with database.read() as session:
        found = (await session.exec(_BACKLOG)).all()
    return Backlog(
        has_new=any(has_new for _, _, has_new in found),
        due=frozenset(endpoint for endpoint, is_due, _ in found if is_due and endpoint is not None),
    )


async def due(database: Database, *, but_not: Collection[int]) -> list[OutgoingMessage]:
    """What may be sent now, oldest first, at most a batch for each endpoint that works and is not in `but_not`."""
    async with database.read() as session:
        has_due = select(WebhookDelivery.id).where(WebhookDelivery.endpoint_id == WebhookEndpoint.id, _due_now())
        found = await session.exec(
            select(WebhookEndpoint.id).where(
                col(WebhookEndpoint.active).is_(True), col(WebhookEndpoint.id).not_in(but_not), has_due.exists()
            )
        )
        messages: list[OutgoingMessage] = []
        for endpoint in found.all():
            messages += await _outgoing_messages(session, endpoint)
        return messages


async def revived(database: Database, backing_off: Collection[int]) -> list[int]:
    """Which of these endpoints end their back-off: a person has resumed or tests them."""
    if not backing_off:
        return []
    tried = (
        select(WebhookDelivery.endpoint_id)
        .join(WebhookMessage, col(WebhookDelivery.message_id) == col(WebhookMessage.id))
        .where(_due_now(), WebhookMessage.kind == MessageType.PING, WebhookDelivery.attempts == 0)
    )
    async with database.read() as session:
        found = await session.exec(
            select(WebhookEndpoint.id).where(
                col(WebhookEndpoint.id).in_(backing_off),
                col(WebhookEndpoint.failing_since).is_(None) | col(WebhookEndpoint.id).in_(tried),
            )
        )
        return list(found.all())


def _due_now() -> ColumnElement[bool]:
    return and_(PENDING, col(WebhookDelivery.next_attempt_at) <= utc_now())


_NEW = select(WebhookMessage.id).where(col(WebhookMessage.spread_at).is_(None)).exists()
_DUE = (
    select(WebhookDelivery.id)
    .where(
        WebhookDelivery.endpoint_id == WebhookEndpoint.id,
        PENDING,
        col(WebhookDelivery.next_attempt_at) <= bindparam("now", callable_=utc_now, type_=UtcDateTime()),
    )
    .exists()
)
_BACKLOG = (
    select(WebhookEndpoint.id, and_(col(WebhookEndpoint.active).is_(True), _DUE), _NEW)
    .select_from(Installation)  # one row, also where there is no endpoint
    .outerjoin(WebhookEndpoint, true())
)


async def _outgoing_messages(session: AsyncSession, endpoint: int) -> list[OutgoingMessage]:
    rows = await session.exec(
        select(WebhookDelivery, WebhookMessage, WebhookEndpoint, Operation)
        .join(WebhookMessage, col(WebhookDelivery.message_id) == col(WebhookMessage.id))
        .join(WebhookEndpoint, col(WebhookDelivery.endpoint_id) == col(WebhookEndpoint.id))
        .outerjoin(Operation, col(Operation.id) == col(WebhookMessage.operation_id))
        .where(_due_now(), WebhookDelivery.endpoint_id == endpoint)
        .order_by(col(WebhookMessage.kind) != MessageType.PING, col(WebhookMessage.id))  # who tries it, waits
        .limit(BATCH)
    )
    return [
        OutgoingMessage(
            delivery=delivery.id,
            endpoint=endpoint,
            endpoint_name=to.name,
            endpoint_fails=to.failing_since is not None,
            url=to.url,
            secret_env=to.secret_env,
            secret_file=to.secret_file,
            message_id=one.message_id,
            kind=one.kind,
            service=one.service_id,
            at=one.at,
            data=data_for(one, operation, to.owner),
            attempts=delivery.attempts,
            sealed_secrets=to.sealed_secrets,
            address_by_shop=to.address_by_shop,
            operation=one.operation_id,
            request_id=operation.request_id if operation and is_own(operation, to.owner) else None,
            traceparent=operation.traceparent if operation and is_own(operation, to.owner) else None,
        )
        for delivery, one, to, operation in rows.all()
    ]


async def record(
    database: Database, outgoing: OutgoingMessage, attempt: Attempt, *, again_in: timedelta | None
) -> bool:
    """Record an attempt and what follows from it. `again_in`: None if a failed attempt was the last one.

    True if this is the first failure of the endpoint.
    """
    async with database.write() as session:
        endpoint = await session.get(WebhookEndpoint, outgoing.endpoint, with_for_update={"key_share": True})
        delivery = await locked_delivery(session, outgoing.delivery)
        if delivery is None or endpoint is None:
            return False  # removed meanwhile
        session.add(
            WebhookAttempt(
                delivery_id=outgoing.delivery,
                status_code=attempt.status_code,
                duration_ms=attempt.duration_ms,
                error=attempt.error,
                answer=attempt.answer[:ANSWER_LENGTH],
            )
        )
        now = utc_now()
        delivery.attempts += 1
        news = not attempt.delivered and endpoint.failing_since is None
        if attempt.delivered:
            delivery.state, delivery.ended_at = DeliveryState.DELIVERED, now
            endpoint.failing_since, endpoint.failure = None, ""
        else:
            if endpoint.active:  # otherwise it was paused while this was on its way
                endpoint.failing_since = endpoint.failing_since or now
                endpoint.failure = attempt.error
                endpoint.active = not attempt.endpoint_gone
            if again_in is None and delivery.state is DeliveryState.PENDING:
                delivery.state, delivery.ended_at = DeliveryState.GIVEN_UP, now
            elif again_in is not None:
                delivery.next_attempt_at = now + again_in
        session.add_all([delivery, endpoint])
        return news


async def locked_delivery(session: AsyncSession, number: int) -> WebhookDelivery | None:
    found = await session.exec(
        select(WebhookDelivery)
        .where(WebhookDelivery.id == number)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()
