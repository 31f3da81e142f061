"""The deliveries of webhook messages, in transactions: fan-out to endpoints, what is due, attempts, replay.

`orders.webhooks.outbox` writes the messages. The sender (activities.webhooks) asks here what is due and records its
attempts.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, delete, insert, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import UtcDateTime, utc_now
from models.database import Database
from models.enums import DeliveryState, MessageType
from models.order import Service
from models.webhooks import PENDING, WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage
from orders import audit
from orders.errors import InvalidField, NotFound
from orders.lifecycle.allowed import OPERATOR, Asker
from orders.webhooks.outbox import Ping, message
from orders.webhooks.redaction import data_for_shop, is_for_shops
from orders.webhooks.targets import check_url

_OWNER = select(Service.owner).where(Service.id == WebhookMessage.service_id).scalar_subquery()
"""Of a message: whose the service is that it is about."""
_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
BATCH = 200
SKIP_BATCH = 1000
"""Messages that are skipped in one transaction, while there is no endpoint."""
ANSWER_LENGTH = 200
KINDS = tuple(kind.value for kind in MessageType if kind is not MessageType.PING)
"""What an endpoint can ask for; a ping goes only to the one that is tried."""


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


# From messages to deliveries.


@dataclass(frozen=True)
class Backlog:
    """What the sender has to do."""

    has_endpoints: bool
    """There is an endpoint, if only a paused one."""
    has_new: bool
    due: frozenset[int]
    """Endpoints for which something is due, those left alone included."""


async def backlog(database: Database) -> Backlog:
    """Asked every second, so in one statement, which reads as many rows as there are endpoints."""
    async with database.read() as session:
        found = (await session.exec(_BACKLOG)).all()
    return Backlog(
        has_endpoints=bool(found),
        has_new=any(has_new for _, _, has_new in found),
        due=frozenset(endpoint for endpoint, is_due, _ in found if is_due and endpoint is not None),
    )


async def fan_out(database: Database) -> int:
    """Write the deliveries of a batch of new messages, one for every endpoint that wants it. Returns the number of
    messages."""
    async with database.write() as session:
        new = await session.exec(
            select(WebhookMessage.id, WebhookMessage.kind, WebhookMessage.service_id, _OWNER)
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
        return await _skip_new(session, limit=SKIP_BATCH)


async def _skip_new(session: AsyncSession, limit: int | None = None) -> int:
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


def wants(endpoint: WebhookEndpoint, kind: str, owner: str | None) -> bool:
    """`owner`: whose the service is that the message is about; None: the operators', or there is none."""
    if kind == MessageType.PING or (endpoint.kinds and kind not in endpoint.kinds):
        return False
    return endpoint.owner is None or (endpoint.owner == owner and is_for_shops(kind))


def _delivery(endpoint: WebhookEndpoint, one: WebhookMessage) -> WebhookDelivery:
    return WebhookDelivery(endpoint_id=endpoint.id, message_id=one.id, service_id=one.service_id)


# What is due, and how it went.


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
_BACKLOG = select(WebhookEndpoint.id, and_(col(WebhookEndpoint.active).is_(True), _DUE), _NEW)


async def _outgoing_messages(session: AsyncSession, endpoint: int) -> list[OutgoingMessage]:
    rows = await session.exec(
        select(WebhookDelivery, WebhookMessage, WebhookEndpoint)
        .join(WebhookMessage, col(WebhookDelivery.message_id) == col(WebhookMessage.id))
        .join(WebhookEndpoint, col(WebhookDelivery.endpoint_id) == col(WebhookEndpoint.id))
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
            data=one.data if to.owner is None else data_for_shop(one.data),
            attempts=delivery.attempts,
        )
        for delivery, one, to in rows.all()
    ]


async def record(
    database: Database, outgoing: OutgoingMessage, attempt: Attempt, *, again_in: timedelta | None
) -> bool:
    """Record an attempt and what follows from it. `again_in`: None if a failed attempt was the last one.

    True if this is the first failure of the endpoint.
    """
    async with database.write() as session:
        endpoint = await session.get(WebhookEndpoint, outgoing.endpoint, with_for_update={"key_share": True})
        delivery = await _locked(session, outgoing.delivery)
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
            endpoint.failing_since = endpoint.failing_since or now
            endpoint.failure = attempt.error
            if attempt.endpoint_gone:
                endpoint.active = False
            if again_in is None and delivery.state is DeliveryState.PENDING:
                delivery.state, delivery.ended_at = DeliveryState.GIVEN_UP, now
            elif again_in is not None:
                delivery.next_attempt_at = now + again_in
        session.add_all([delivery, endpoint])
        return news


async def _locked(session: AsyncSession, number: int) -> WebhookDelivery | None:
    found = await session.exec(
        select(WebhookDelivery)
        .where(WebhookDelivery.id == number)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


# Again, and away.


async def replay_one(session: AsyncSession, number: int, *, actor: str, asker: Asker = OPERATOR) -> None:
    """Send a delivery once more, however it ended. Raises NotFound, also for one to an endpoint of another."""
    delivery = await _locked(session, number)
    if delivery is None:
        raise NotFound("delivery", number)
    endpoint = await session.get_one(WebhookEndpoint, delivery.endpoint_id)
    if not (asker.is_staff or endpoint.owner == asker.name):
        raise NotFound("delivery", number)
    await _queue_again(session, delivery)
    _audit(session, endpoint, actor, "replayed", {"delivery": str(number)})


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
    _audit(session, endpoint, actor, "replayed", {"deliveries": "all that were given up"})
    return len(deliveries)


async def replay_since(session: AsyncSession, endpoint: WebhookEndpoint, since: datetime, *, actor: str) -> int:
    """Everything that has happened since then and that the endpoint wants, also what is older than the endpoint."""
    told = await session.exec(
        select(WebhookMessage, _OWNER)
        .where(col(WebhookMessage.at) >= since, col(WebhookMessage.spread_at).is_not(None))
        .order_by(col(WebhookMessage.id))
    )
    wanted = [one for one, owner in told.all() if wants(endpoint, one.kind, owner)]
    found = await session.exec(
        select(WebhookDelivery)
        .join(WebhookMessage, col(WebhookDelivery.message_id) == col(WebhookMessage.id))
        .where(WebhookDelivery.endpoint_id == endpoint.id, col(WebhookMessage.at) >= since)
        .with_for_update(of=WebhookDelivery)
    )
    known = {one.message_id: one for one in found.all()}
    for one in wanted:
        await _queue_again(session, known.get(one.id) or _delivery(endpoint, one))
    _audit(session, endpoint, actor, "replayed", {"since": since.isoformat()})
    return len(wanted)


async def _remove_deliveries(session: AsyncSession, which: ColumnElement[bool]) -> None:
    numbers = select(WebhookDelivery.id).where(which)
    await session.exec(delete(WebhookAttempt).where(col(WebhookAttempt.delivery_id).in_(numbers)))
    await session.exec(delete(WebhookDelivery).where(which))


# Endpoints.


async def endpoint_named(session: AsyncSession, name: str) -> WebhookEndpoint:
    """The endpoint, locked until the end of this transaction, before any delivery of it is. Raises NotFound."""
    found = await session.exec(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.name == name)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    endpoint = found.one_or_none()
    if endpoint is None:
        raise NotFound("webhook", name)
    return endpoint


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
    for kind in endpoint.kinds:
        if kind not in KINDS:
            raise InvalidField("kind", f"there is no type {kind!r}; known are {', '.join(KINDS)}")
    await _skip_new(session)  # what happened while nobody listened is not news for the first who does
    session.add(endpoint)
    await session.flush()
    _audit(session, endpoint, actor, "added", {"url": endpoint.url, "owner": endpoint.owner or ""})


async def remove_endpoint(session: AsyncSession, endpoint: WebhookEndpoint, *, actor: str) -> None:
    """With its deliveries and their log."""
    _audit(session, endpoint, actor, "removed", {"url": endpoint.url})
    await _remove_deliveries(session, col(WebhookDelivery.endpoint_id) == endpoint.id)
    await session.delete(endpoint)
    await session.flush()


async def pause(session: AsyncSession, endpoint: WebhookEndpoint, *, actor: str) -> None:
    """Nothing is sent there until it is resumed; what happens meanwhile is kept for it."""
    endpoint.active = False
    session.add(endpoint)
    _audit(session, endpoint, actor, "paused")
    await session.flush()


async def resume(session: AsyncSession, endpoint: WebhookEndpoint, *, actor: str) -> int:
    """Everything that waits for this endpoint is sent now. Returns how much that is."""
    endpoint.active, endpoint.failing_since, endpoint.failure = True, None, ""
    session.add(endpoint)
    backlog = and_(col(WebhookDelivery.endpoint_id) == endpoint.id, col(WebhookDelivery.state) == DeliveryState.PENDING)
    updated = await session.exec(update(WebhookDelivery).where(backlog).values(next_attempt_at=utc_now()))
    _audit(session, endpoint, actor, "resumed")
    await session.flush()
    return updated.rowcount


async def ping(session: AsyncSession, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """A message for this endpoint alone, to try it."""
    one = message(MessageType.PING, Ping(endpoint=endpoint.name))
    one.spread_at = utc_now()
    session.add(one)
    await session.flush()
    delivery = _delivery(endpoint, one)
    session.add(delivery)
    await session.flush()
    return delivery


def _audit(
    session: AsyncSession, endpoint: WebhookEndpoint, actor: str, action: str, detail: dict[str, str] | None = None
) -> None:
    audit.record(session, "webhook", endpoint.id, action, by=actor, facts={"name": endpoint.name, **(detail or {})})
