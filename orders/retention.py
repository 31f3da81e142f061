"""What is old and done with is removed, in slices that let orders through, and what was removed is written down.

Removed by age: decisions that no order acted upon, events and the hints that were followed, stages passed, webhook
messages with their deliveries and tries, snapshots of items that are gone, terms and batches that are over. Never:
idempotency keys, intents, marks, reservations, the audit; anything of an operation that has not ended; an event or a
message that somebody waits for still; the snapshot of an item that the upstream lists, or of a service that is not
closed. Of the stages of an operation the last one stays.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry, Installation
from models.batch import BatchMember, OperationBatch
from models.columns import utc_now
from models.database import Database
from models.decision import PendingDecision, WholeReason
from models.enums import FINAL_STAGES, DeliveryState, EventKind, ServiceStatus
from models.events import UpstreamEvent, UpstreamHint, UpstreamSnapshot
from models.order import Operation, Service, StageEntry
from models.quote import StoredQuote
from models.term import Term
from models.webhooks import WebhookAttempt, WebhookDelivery, WebhookMessage
from orders import audit

SUBJECT = "retention"
SUBJECT_NUMBER = 1
ACTION = "pruned"
ACTOR = "resellflow"
SLICE = 500
"""Rows removed in one transaction, at most."""
WINDOW = 5000
"""Row numbers looked at in one read, at most."""
PENDING_FOR = timedelta(days=1)
"""A decision that its order has not acted upon by then was refused, or never reached it. A reason is in the operation
by then."""
QUOTE_FOR = timedelta(days=7)
"""A quote is kept for this time after it has ended, so that an order that names it is refused by what happened."""
PREVIEW_FOR = timedelta(days=7)
"""A batch that was not run is kept for this time; one that was run, as long as the stages of its operations."""
TERM_FOR = timedelta(days=400)
"""A term is kept for this time after its end."""
BREATH_SECONDS = 0.02
"""Between two slices, in which whoever waits for the write lock gets it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Keep:
    """For how long each kind is kept."""

    events: timedelta
    hints: timedelta
    stages: timedelta
    snapshots: timedelta
    webhooks: timedelta
    """Deliveries and their tries."""
    messages: timedelta


@dataclass(frozen=True)
class Rule:
    """Rows of `table` that fulfil `condition` go."""

    name: str
    table: type[SQLModel]
    condition: ColumnElement[bool]
    grows_by: str = ""
    """A column that grows with the row numbers, nearly so: only rows before `older_than` are looked at then."""
    older_than: datetime | None = None
    key: str = "id"
    """The column with the row numbers. It need not be unique."""


def rules(keep: Keep, now: datetime) -> list[Rule]:
    """In the order in which they have to be applied."""
    return [
        Rule("decisions", PendingDecision, col(PendingDecision.at) < now - PENDING_FOR, "at", now - PENDING_FOR),
        Rule("reasons", WholeReason, col(WholeReason.at) < now - PENDING_FOR, "at", now - PENDING_FOR),
        Rule("events", UpstreamEvent, _events(now - keep.events), "seen_at", now - keep.events),
        Rule("hints", UpstreamHint, col(UpstreamHint.read_at) < now - keep.hints),
        Rule("stages", StageEntry, _stages(now - keep.stages), "at", now - keep.stages),
        Rule("snapshots", UpstreamSnapshot, _snapshots(now - keep.snapshots)),
        Rule("tries", WebhookAttempt, _tries(now - keep.webhooks), "at", now - keep.webhooks),
        Rule("deliveries", WebhookDelivery, _deliveries(now - keep.webhooks)),
        Rule("quotes", StoredQuote, col(StoredQuote.valid_until) < now - QUOTE_FOR, "created_at", now - QUOTE_FOR),
        Rule("members", BatchMember, _members(now, keep)),
        Rule("batches", OperationBatch, _batches(now, keep)),
        Rule("terms", Term, col(Term.ends_on) < (now - TERM_FOR).date(), key="service_id"),
        Rule("messages", WebhookMessage, _messages(now - keep.messages), "at", now - keep.messages),
    ]


def _events(before: datetime) -> ColumnElement[bool]:
    ended = select(Operation.id).where(Operation.id == UpstreamEvent.operation_id, _has_ended()).exists()
    return and_(
        col(UpstreamEvent.seen_at) < before,
        or_(col(UpstreamEvent.operation_id).is_(None), and_(col(UpstreamEvent.delivered_at).is_not(None), ended)),
        or_(
            col(UpstreamEvent.service_id).is_(None),
            col(UpstreamEvent.applied_at).is_not(None),
            col(UpstreamEvent.kind) == EventKind.HELD_BACK,
        ),
    )


def _stages(before: datetime) -> ColumnElement[bool]:
    later = aliased(StageEntry)
    return and_(
        col(StageEntry.at) < before,
        select(Operation.id)
        .where(Operation.id == StageEntry.operation_id, _has_ended(), col(Operation.ended_at) < before)
        .exists(),
        select(later.id).where(later.operation_id == StageEntry.operation_id, col(later.id) > StageEntry.id).exists(),
    )


def _has_ended() -> ColumnElement[bool]:
    return and_(col(Operation.stage).in_(FINAL_STAGES), col(Operation.ended_at).is_not(None))


def _snapshots(before: datetime) -> ColumnElement[bool]:
    """An item that comes back is new then; so its events must be gone, too, whose ids it would make again."""
    closed = select(Service.id).where(Service.id == UpstreamSnapshot.service_id, Service.status == ServiceStatus.CLOSED)
    running = select(Operation.id).where(
        Operation.service_id == UpstreamSnapshot.service_id, col(Operation.stage).not_in(FINAL_STAGES)
    )
    signalled = select(UpstreamEvent.id).where(
        UpstreamEvent.upstream_number == UpstreamSnapshot.number,
        UpstreamEvent.account_id == UpstreamSnapshot.account_id,
        UpstreamEvent.product_type == UpstreamSnapshot.product_type,
    )
    return and_(
        col(UpstreamSnapshot.gone).is_(True),
        col(UpstreamSnapshot.changed_at) < before,
        or_(col(UpstreamSnapshot.service_id).is_(None), closed.exists()),
        ~running.exists(),
        ~signalled.exists(),
    )


def _tries(before: datetime) -> ColumnElement[bool]:
    ended = select(WebhookDelivery.id).where(
        WebhookDelivery.id == WebhookAttempt.delivery_id, _delivery_ended_before(before)
    )
    return and_(col(WebhookAttempt.at) < before, ended.exists())


def _deliveries(before: datetime) -> ColumnElement[bool]:
    tries = select(WebhookAttempt.id).where(WebhookAttempt.delivery_id == WebhookDelivery.id)
    return and_(_delivery_ended_before(before), ~tries.exists())


def _delivery_ended_before(before: datetime) -> ColumnElement[bool]:
    return and_(col(WebhookDelivery.state) != DeliveryState.PENDING, col(WebhookDelivery.ended_at) < before)


def _messages(before: datetime) -> ColumnElement[bool]:
    deliveries = select(WebhookDelivery.id).where(WebhookDelivery.message_id == WebhookMessage.id)
    return and_(col(WebhookMessage.at) < before, col(WebhookMessage.spread_at).is_not(None), ~deliveries.exists())


def _members(now: datetime, keep: Keep) -> ColumnElement[bool]:
    return select(OperationBatch.id).where(OperationBatch.id == BatchMember.batch_id, _is_over(now, keep)).exists()


def _batches(now: datetime, keep: Keep) -> ColumnElement[bool]:
    members = select(BatchMember.id).where(BatchMember.batch_id == OperationBatch.id)
    return and_(_is_over(now, keep), ~members.exists())


def _is_over(now: datetime, keep: Keep) -> ColumnElement[bool]:
    created, begun = col(OperationBatch.created_at), col(OperationBatch.begun_at)
    return or_(and_(begun.is_(None), created < now - PREVIEW_FOR), begun < now - keep.stages)


async def prune(database: Database, keep: Keep) -> dict[str, int]:
    """Apply all rules. Returns how many rows of each kind were removed, which is written to the audit, too."""
    started = time.monotonic()
    removed = {rule.name: await _apply(database, rule) for rule in rules(keep, utc_now())}
    seconds = f"{time.monotonic() - started:.1f}"
    async with database.write() as session:
        detail = {name: str(count) for name, count in removed.items()} | {"seconds": seconds}
        audit.record(session, SUBJECT, SUBJECT_NUMBER, ACTION, by=ACTOR, facts=detail)
    log.info("retention: removed %s in %s s", ", ".join(f"{count} {name}" for name, count in removed.items()), seconds)
    return removed


async def remove_archived(database: Database, start: datetime, end: datetime) -> dict[str, int]:
    """Remove what an archive has of operations that ended from `start` on and before `end`: their stages but the last
    one, and what was seen at the upstream for them. Returns how many rows were removed of each."""
    ended = and_(_has_ended(), col(Operation.ended_at) >= start, col(Operation.ended_at) < end)
    of_them = [
        Rule("stages", StageEntry, and_(_stages(end), _of_one(StageEntry.operation_id, ended)), "at", end),
        Rule("events", UpstreamEvent, and_(_events(end), _of_one(UpstreamEvent.operation_id, ended)), "seen_at", end),
    ]
    return {rule.name: await _apply(database, rule) for rule in of_them}


def _of_one(operation: Any, ended: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(Operation.id).where(Operation.id == operation, ended).exists()


async def _note_where_stages_begin(session: AsyncSession, numbers: Sequence[int]) -> None:
    """In the operations of these entries: they begin after the last of them."""
    following = aliased(StageEntry)
    removed = select(StageEntry.operation_id, func.max(StageEntry.id)).where(col(StageEntry.id).in_(numbers))
    for operation, last in (await session.exec(removed.group_by(col(StageEntry.operation_id)))).all():
        first = select(func.min(following.at)).where(following.operation_id == operation, col(following.id) > last)
        await session.exec(
            update(Operation).where(col(Operation.id) == operation).values(history_begins_at=first.scalar_subquery()),
            execution_options={"synchronize_session": False},
        )


async def _note_where_events_begin(session: AsyncSession, numbers: Sequence[int]) -> None:
    """A reader who has not come so far may have missed some."""
    highest = select(func.max(WebhookMessage.position)).where(col(WebhookMessage.id).in_(numbers))
    position = (await session.exec(highest)).one()
    if position is not None:
        await session.exec(
            update(Installation)
            .where(col(Installation.positions_removed) < position)
            .values(positions_removed=position),
            execution_options={"synchronize_session": False},
        )


async def last_run(session: AsyncSession) -> datetime | None:
    """When `prune` was last done with."""
    found = await session.exec(
        select(AuditEntry.at)
        .where(AuditEntry.subject == SUBJECT, AuditEntry.subject_number == SUBJECT_NUMBER)
        .order_by(col(AuditEntry.id).desc())
        .limit(1)
    )
    return found.first()


async def _apply(database: Database, rule: Rule) -> int:
    number, end = await _range(database, rule)
    removed = 0
    while number < end:
        numbers = await _candidates(database, rule, number, min(end, number + WINDOW))
        number = numbers[-1] + 1 if len(numbers) == SLICE else number + WINDOW
        if numbers:
            removed += await _remove(database, rule, numbers)
            await asyncio.sleep(BREATH_SECONDS)
    return removed


async def _range(database: Database, rule: Rule) -> tuple[int, int]:
    """Row numbers from and below which candidates are looked for."""
    number = col(getattr(rule.table, rule.key))
    async with database.read() as session:
        lowest, highest = (await session.exec(select(func.min(number), func.max(number)))).one()
        if lowest is None:
            return 0, 0
        low, high = int(lowest), int(highest) + 1
        if rule.older_than is None:
            return low, high
        start, at = low, col(getattr(rule.table, rule.grows_by))
        while low < high:  # the first row that is young enough
            middle = (low + high) // 2
            found = await session.exec(select(number, at).where(number >= middle).order_by(number).limit(1))
            row = found.first()
            if row is None or row[1] >= rule.older_than:
                high = middle
            else:
                low = row[0] + 1
        return start, low


async def _candidates(database: Database, rule: Rule, start: int, end: int) -> Sequence[int]:
    number = col(getattr(rule.table, rule.key))
    async with database.read() as session:
        found = await session.exec(
            select(number).where(number >= start, number < end, rule.condition).order_by(number).limit(SLICE)
        )
        return [int(one) for one in found.all()]


async def _remove(database: Database, rule: Rule, numbers: Sequence[int]) -> int:
    number = col(getattr(rule.table, rule.key))
    async with database.write() as session:
        if rule.table is StageEntry:
            await _note_where_stages_begin(session, numbers)
        if rule.table is WebhookMessage:
            await _note_where_events_begin(session, numbers)
        done = await session.exec(
            delete(rule.table).where(number.in_(numbers), rule.condition),  # it may have changed since
            execution_options={"synchronize_session": False},
        )
        return int(done.rowcount)
