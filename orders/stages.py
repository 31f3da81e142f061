"""The one place that moves an operation from stage to stage, with its time, its explanation and its record."""

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import FailureClass, Source, Stage, TaskState
from models.explanations import explain
from models.order import Operation, StageEntry, Task
from orders.allowed import person_may
from orders.errors import NotFound
from orders.facts import facts_of
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
    attribute(session, Origin(operation.actor or OURSELVES, operation.kind.value, number, source=Source.OPERATION))
    return operation


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
    explanation = explain(stage, reason, called_off=operation.called_off_at is not None)
    if operation.stage is stage and operation.waits_for == explanation.waits_for:
        return True
    now, before = utc_now(), operation.stage
    if before is not stage:
        operation.stage_since = now
    operation.stage = stage
    operation.reason = reason
    operation.waits_for = explanation.waits_for
    operation.next_step = explanation.next_step
    operation.failure_class = failure
    operation.person_may = person_may(await facts_of(session, operation))
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


async def _close_task(session: AsyncSession, operation: Operation, state: TaskState) -> None:
    task = (await session.exec(select(Task).where(Task.operation_id == operation.id))).one_or_none()
    if task is not None and task.state is TaskState.OPEN:
        task.state = state
        task.closed_at = utc_now()
        session.add(task)
