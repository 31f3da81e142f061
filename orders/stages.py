"""The one place that moves an operation from stage to stage, with its time, its explanation and its record."""

from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import FailureClass, ReservationState, Source, Stage, TaskState
from models.order import Operation, Reservation, StageEntry, Task
from orders.errors import NotFound
from orders.history import OURSELVES, Origin, attribute
from orders.outbox import stage_entered

_OUT_OF_THE_QUEUE = frozenset({Stage.QUEUED, Stage.ACCEPTED, Stage.CANCELLED})


async def locked_operation(session: AsyncSession, number: int) -> Operation:
    """The operation, locked until the end of this transaction. Raises NotFound."""
    found = await session.exec(
        select(Operation)
        .where(Operation.id == number)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    operation = found.one_or_none()
    if operation is None:
        raise NotFound("operation", number)
    attribute_to(session, operation)
    return operation


def attribute_to(session: AsyncSession, operation: Operation) -> None:
    """From here on, whatever this transaction changes of a service comes from this operation."""
    attribute(session, origin_of(operation))


def origin_of(operation: Operation) -> Origin:
    return Origin(operation.actor or OURSELVES, operation.kind.value, operation.id, source=Source.OPERATION)


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
    operation.stage = stage
    operation.reason = reason
    operation.failure_class = failure
    assert operation.id is not None  # noqa: S101 - stored already
    session.add(StageEntry(operation_id=operation.id, stage=stage, at=now, reason=reason))
    if stage.is_final:
        operation.ended_at = now
        await _close_task(session, operation, TaskState.DONE if stage is Stage.COMPLETED else TaskState.CANCELLED)
    session.add(operation)
    if before is not stage:
        stage_entered(session, operation, before)
    await session.flush()
    return True


@dataclass(frozen=True)
class LeftBehind:
    """What is to be seen to after an operation has ended."""

    holds_money: bool
    """Money is set aside for it, or it is in line for some."""
    is_followed: bool
    """Another operation of the service waits for its turn."""


async def complete(session: AsyncSession, operation: Operation, task: Task | None) -> LeftBehind:
    """Enter the last stage of an operation that runs and is locked; its task ends with it.

    What is left behind is read by the statement that ends it: under the lock nobody gets money or queues for it now.
    """
    assert operation.id is not None  # noqa: S101 - stored already
    await session.flush()
    now, before, queued = utc_now(), operation.stage, aliased(Operation)
    money = select(Reservation.id).where(
        Reservation.operation_id == operation.id, Reservation.state != ReservationState.RELEASED
    )
    others = select(queued.id).where(queued.service_id == operation.service_id, queued.stage == Stage.QUEUED)
    ended = await session.exec(
        update(Operation)
        .where(col(Operation.id) == operation.id)
        .values(stage=Stage.COMPLETED, stage_since=now, reason="", failure_class=None, ended_at=now)
        .returning(money.exists(), others.exists())
        .execution_options(synchronize_session="evaluate")
    )
    left = LeftBehind(*ended.one())
    session.add(StageEntry(operation_id=operation.id, stage=Stage.COMPLETED, at=now))
    if task is not None and task.state is TaskState.OPEN:
        task.state, task.closed_at = TaskState.DONE, now
        session.add(task)
    stage_entered(session, operation, before)
    await session.flush()
    return left


async def note_started(session: AsyncSession, operation: Operation) -> None:
    """Its workflow runs. Safe to repeat."""
    if operation.workflow_started_at is None:
        operation.workflow_started_at = utc_now()
        session.add(operation)
    if operation.stage is Stage.ACCEPTED:
        await enter(session, operation, Stage.CHECKING_BALANCE)


async def _close_task(session: AsyncSession, operation: Operation, state: TaskState) -> None:
    task = (await session.exec(select(Task).where(Task.operation_id == operation.id))).one_or_none()
    if task is not None and task.state is TaskState.OPEN:
        task.state = state
        task.closed_at = utc_now()
        session.add(task)
