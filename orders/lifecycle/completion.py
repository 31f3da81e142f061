"""How an operation ends: what was seen is applied, and the next operation of the service starts."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import cast

from sqlalchemy import and_, bindparam
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select

from metrics import counters
from models.columns import utc_now
from models.database import after_commit
from models.enums import EventKind
from models.events import UpstreamEvent, UpstreamSnapshot
from models.messages import TaskCompletion, Written
from models.order import Operation, Service, Task
from orders.decisions import pending
from orders.errors import NotFound
from orders.lifecycle import stages
from orders.lifecycle.queueing import start_next_queued
from orders.money import funds
from orders.operations.base import Ending
from orders.operations.registry import operation_type
from orders.services.history import Origin, changing, origin_of, write_look
from orders.services.state import apply_snapshot, differing, wrong_with
from orders.settlement import intents
from orders.tasks import manual


class NotSeen(Exception):
    """What is said to end the operation is not in the database: nobody saw it at the upstream."""


@dataclass(frozen=True)
class Sighting:
    """An event as a signal reported it."""

    event_id: str
    status: int


async def complete(
    session: AsyncSession, number: int, by: Written | TaskCompletion | None = None, *, event: Sighting | None = None
) -> int | None:
    """Bring service, operation and task to their final state. Returns the next operation of the service, if any.

    `by`: the person who said that the manual work is done. `event`: what the workflow got by signal, which is
    believed if the poller wrote it down; else NotSeen is raised, and nothing is changed. Safe to repeat: an operation
    that has ended stays as it is.
    """
    operation, service, task, snapshot, unapplied, seen_at = await _ending(session, number, event)
    if not operation.stage.is_running:
        return None
    if event is not None and seen_at is None:
        raise NotSeen(f"operation {number} has no event {event.event_id!r} with status {event.status}")
    if snapshot is not None and (unapplied or snapshot.service_id != service.id or differing(service, snapshot)):
        # The poller applies what it sees, unless it did not know yet whose item it was.
        snapshot = await apply_last_look(session, service, operation)
    await operation_type(operation.kind).compare(Ending(session, service, operation, snapshot))
    await apply_own_part(session, service, operation, snapshot, origin_of(operation))
    person = await pending.completion_of(session, number, by)
    if person is not None and await manual.is_by_hand(session, service):
        await manual.apply_by_hand(session, service, operation, person)
    manual.note_who_did_it(session, task, person)
    await manual.restore_module(session, service, origin_of(operation))
    await pending.forget(session, by)
    left = await stages.complete(session, operation, task, still_wrong(service, operation))
    if seen_at is not None:
        of_it = operation.kind.value, operation.upstream_name, seen_at, utc_now()
        after_commit(session, partial(counters.seen_to_completed, *of_it))
    if left.holds_money:
        await funds.release(session, number)
    return await start_next_queued(session, operation.service_id) if left.is_followed else None


_Ending = tuple[Operation, Service, Task, UpstreamSnapshot | None, bool, datetime | None]
_WholeEnding = Select[Operation, Service, Task, UpstreamSnapshot | None, bool, datetime | None]


async def _ending(session: AsyncSession, number: int, event: Sighting | None) -> _Ending:
    """The operation, locked, and what its end touches, in one statement. Raises NotFound.

    The snapshot is that of the service's item, not locked. The last two say whether something that was seen of the
    item has not been applied to the service, and when the poller saw this event, if it has written it down for the
    operation.
    """
    about = {"event": event.event_id if event else "", "status": event.status if event else 0}
    found = await session.exec(_whole_ending(), params={"operation": number, **about})
    row = found.one_or_none()
    if row is None:
        raise NotFound("operation", number)
    return cast(_Ending, tuple(row))


@cache
def _whole_ending() -> _WholeEnding:
    unapplied = (
        select(UpstreamEvent.id)
        .where(
            UpstreamEvent.account_id == Service.account_id,
            UpstreamEvent.product_type == Service.product_type,
            UpstreamEvent.upstream_number == Service.upstream_number,
            col(UpstreamEvent.applied_at).is_(None),
            UpstreamEvent.kind != EventKind.HELD_BACK,
        )
        .exists()
    )
    seen_at = (
        select(UpstreamEvent.seen_at)
        .where(
            UpstreamEvent.event_id == bindparam("event"),
            UpstreamEvent.operation_id == Operation.id,
            UpstreamEvent.status == bindparam("status"),
            col(UpstreamEvent.met).is_distinct_from(False),
        )
        .scalar_subquery()
    )
    query: _WholeEnding = (
        select(  # type: ignore[call-overload]  # it knows no more than four
            Operation, Service, Task, UpstreamSnapshot, unapplied, seen_at
        )
        .join(Service, col(Service.id) == col(Operation.service_id))
        .join(Task, col(Task.operation_id) == col(Operation.id))
        .outerjoin(
            UpstreamSnapshot,
            and_(
                col(UpstreamSnapshot.account_id) == col(Service.account_id),
                col(UpstreamSnapshot.product_type) == col(Service.product_type),
                col(UpstreamSnapshot.number) == col(Service.upstream_number),
            ),
        )
        .where(Operation.id == bindparam("operation"))
        .with_for_update(key_share=True, of=Operation)
        .execution_options(populate_existing=True)
    )
    return query


async def apply_own_part(
    session: AsyncSession, service: Service, operation: Operation, snapshot: UpstreamSnapshot | None, origin: Origin
) -> None:
    """What the upstream does not show in our words: our plan, our add-ons, our parameters."""
    async with changing(session, service, origin):
        type_ = operation_type(operation.kind)
        await type_.apply(Ending(session, service, operation, snapshot), type_.asked(operation))
    session.add(service)


def still_wrong(service: Service, operation: Operation) -> str:
    return wrong_with(service) if operation_type(operation.kind).leaves_usable else ""


async def apply_last_look(session: AsyncSession, service: Service, operation: Operation) -> UpstreamSnapshot | None:
    # The snapshot's lock first, then the service as the poller left it: else an older look could overwrite a newer one.
    await session.flush()
    found = await session.exec(
        select(UpstreamSnapshot)
        .where(
            UpstreamSnapshot.account_id == service.account_id,
            UpstreamSnapshot.product_type == service.product_type,
            UpstreamSnapshot.number == service.upstream_number,
        )
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    snapshot = found.one_or_none()
    await session.refresh(service)
    if snapshot is not None:
        snapshot.service_id = service.id
        write_look(session, service, operation, apply_snapshot(service, snapshot))
        session.add(snapshot)
        await session.exec(
            update(UpstreamEvent)
            .where(
                col(UpstreamEvent.account_id) == service.account_id,
                col(UpstreamEvent.product_type) == service.product_type,
                col(UpstreamEvent.upstream_number) == service.upstream_number,
                col(UpstreamEvent.applied_at).is_(None),
                col(UpstreamEvent.kind) != EventKind.HELD_BACK,
            )
            .values(applied_at=utc_now(), service_id=service.id)
        )
    session.add(service)
    return snapshot


async def free_unused_funds(session: AsyncSession, number: int) -> None:
    """While a person thinks, others may have the money, unless this order may have been charged already."""
    intent = await intents.latest(session, number)
    if not intents.may_have_charged(intent):
        await funds.release(session, number)
