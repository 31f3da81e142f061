"""The one place that moves an operation from stage to stage, with its time, its explanation and its record."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import Update, bindparam, case, update
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from metrics import counters
from models import rows
from models.columns import utc_now
from models.database import after_commit
from models.enums import FailureClass, ReservationState, Stage, TaskState
from models.invariants import required
from models.order import Operation, Reservation, StageEntry, Task
from orders.lifecycle.lines import tell
from orders.locking import locked
from orders.webhooks.outbox import operation_completed, stage_entered

TRIED_AGAIN = frozenset({Stage.WAITING_FOR_FUNDS, Stage.RETRYING, Stage.OUTCOME_UNKNOWN, Stage.AWAITING_CONFIRMATION})
"""Stages in which the upstream is asked again and again, at times that are noted."""
_AT_WORK = frozenset({Stage.ACCEPTED, Stage.CHECKING_BALANCE, Stage.SUBMITTING})
"""Stages in which an activity is at work, or is just about to be."""
_OUT_OF_THE_QUEUE = frozenset({Stage.QUEUED, Stage.ACCEPTED, Stage.CANCELLED})


async def locked_operation(session: AsyncSession, number: int) -> Operation:
    """The operation, locked until the end of this transaction. Raises NotFound."""
    return await locked(session, Operation, Operation.id == number, what="operation", name=number)


async def enter(
    session: AsyncSession,
    operation: Operation,
    stage: Stage,
    reason: str = "",
    *,
    failure: FailureClass | None = None,
) -> bool:
    """Enter a stage. False if the operation has ended already (a late attempt must not wake the dead), or was put back
    into the queue: from there its turn or its end alone lead out.

    The same stage for the same reason again changes nothing, so repeated activities leave one entry.
    """
    if operation.stage.is_final:
        return operation.stage is stage
    if operation.stage is Stage.QUEUED and stage not in _OUT_OF_THE_QUEUE:
        return False
    if operation.stage is stage and operation.reason == reason:
        return True
    now, before = utc_now(), operation.stage
    if before is not stage:
        operation.stage_since = now
        operation.tries, operation.next_try_at = 0, None
        operation.slow_since = operation.usual_seconds = None
    operation.stage = stage
    operation.reason = reason
    operation.failure_class = failure
    session.add(StageEntry(operation_id=operation.id, stage=stage, at=now, reason=reason))
    if stage.is_final:
        operation.ended_at = now
        _count_the_end(session, operation, stage, now)
        await _close_task(session, operation, TaskState.DONE if stage is Stage.COMPLETED else TaskState.CANCELLED)
    session.add(operation)
    if before is not stage:
        stage_entered(session, operation, before)
        tell(session, operation, stage, reason)
    await session.flush()
    return True


@dataclass(frozen=True)
class LeftBehind:
    """What is to be seen to after an operation has ended."""

    holds_money: bool
    """Money is set aside for it, or it is in line for some."""
    is_followed: bool
    """Another operation of the service waits for its turn."""


async def complete(session: AsyncSession, operation: Operation, task: Task | None, reason: str = "") -> LeftBehind:
    """Enter the last stage of an operation that runs and is locked; its task ends with it. `reason`: what is not as it
    should be all the same.

    What is left behind is read by the statement that ends it: under the lock nobody gets money or queues for it now.
    """
    await session.flush()
    now, before = utc_now(), operation.stage
    values = {"stage": Stage.COMPLETED, "stage_since": now, "reason": reason, "failure_class": None, "ended_at": now}
    values |= {"slow_since": None, "usual_seconds": None}
    of_it = {"operation": operation.id, "service": operation.service_id}
    changed = await rows.change(session, _completing(), **of_it, **rows.new(**values))
    left = required(changed, "the operation, which is locked")
    _note_written(operation, values)
    if task is not None and task.state is TaskState.OPEN:
        closed = {"state": TaskState.DONE, "closed_at": now}
        await rows.changed(session, _closing(), task=task.id, **rows.new(**closed))
        _note_written(task, closed)
    entry = StageEntry(operation_id=operation.id, stage=Stage.COMPLETED, at=now, reason=reason)
    await rows.insert(session, entry, operation_completed(operation, before))
    tell(session, operation, Stage.COMPLETED, reason)
    _count_the_end(session, operation, Stage.COMPLETED, now)
    holds_money, is_followed = left
    return LeftBehind(holds_money, is_followed)


def _count_the_end(session: AsyncSession, operation: Operation, stage: Stage, now: datetime) -> None:
    took = (now - operation.created_at).total_seconds() if stage is Stage.COMPLETED else None
    count = counters.operation_ended
    after_commit(session, partial(count, operation.kind.value, operation.upstream_name, stage.value, seconds=took))


def _note_written(row: SQLModel, values: Mapping[str, Any]) -> None:
    """These values are in the database already: the session has nothing to write."""
    for name, value in values.items():
        set_committed_value(row, name, value)


@cache
def _completing() -> Update:
    operation, money = rows.table_of(Operation), rows.table_of(Reservation)
    other = operation.alias()
    service = bindparam("service", type_=operation.c.service_id.type)
    # By the number that is given, not by the row's: SQLite is told both as `id`, and takes the reservation's.
    number = bindparam("operation", type_=operation.c.id.type)
    holds_money = select(money.c.id).where(money.c.operation_id == number, money.c.state != ReservationState.RELEASED)
    is_followed = select(other.c.id).where(other.c.service_id == service, other.c.stage == Stage.QUEUED)
    names = ("stage", "stage_since", "reason", "failure_class", "ended_at", "slow_since", "usual_seconds")
    statement = update(operation).where(operation.c.id == number)
    return statement.values(rows.setting(Operation, *names)).returning(holds_money.exists(), is_followed.exists())


@cache
def _closing() -> Update:
    task = rows.table_of(Task)
    return update(task).where(task.c.id == bindparam("task")).values(rows.setting(Task, "state", "closed_at"))


async def note_started(session: AsyncSession, operation: Operation) -> None:
    """Its workflow runs. Safe to repeat. An operation that was put back into the queue meanwhile stays as it is: it is
    started when its turn comes."""
    if not operation.stage.is_running:
        return
    if operation.workflow_started_at is None:
        operation.workflow_started_at = utc_now()
        session.add(operation)
    if operation.stage is Stage.ACCEPTED:
        await enter(session, operation, Stage.CHECKING_BALANCE)


async def note_next_try(
    session: AsyncSession, number: int, at: datetime, cause: tuple[FailureClass, str] | None = None
) -> None:
    """One more try was in vain; the next one is at `at`.

    `cause`: why it was in vain. While the operation is `retrying`, people see the cause of the last try and not that of
    the first, which may have been mended since. What else they see of the stage stays as it is.
    """
    values: dict[str, Any] = {"tries": Operation.tries + 1, "next_try_at": at}
    if cause is not None:
        retrying = col(Operation.stage) == Stage.RETRYING
        failure = bindparam("failure", cause[0], type_=rows.table_of(Operation).c.failure_class.type)
        values["failure_class"] = case((retrying, failure), else_=col(Operation.failure_class))
        values["reason"] = case((retrying, cause[1]), else_=col(Operation.reason))
    await session.exec(
        update(Operation).where(col(Operation.id) == number, col(Operation.stage).in_(TRIED_AGAIN)).values(values)
    )


async def note_that_it_waits(
    session: AsyncSession, number: int, at: datetime, failure: FailureClass, reason: str
) -> None:
    """It could not go on and comes again at `at`: that is shown, also when it had come further than the try before."""
    operation = await locked_operation(session, number)
    if operation.stage in _AT_WORK:
        await enter(session, operation, Stage.RETRYING, reason, failure=failure)
    await note_next_try(session, number, at, (failure, reason))


async def _close_task(session: AsyncSession, operation: Operation, state: TaskState) -> None:
    task = (await session.exec(select(Task).where(Task.operation_id == operation.id))).one_or_none()
    if task is not None and task.state is TaskState.OPEN:
        task.state = state
        task.closed_at = utc_now()
        session.add(task)
