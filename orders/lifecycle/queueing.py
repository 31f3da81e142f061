"""The queue of a service: its operations run one after the other, in order; an urgent one may go first."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import TariffPlan
from models.enums import IntentState, OperationKind, ServiceStatus, Stage
from models.order import Operation, Service
from models.parameters import Parameters
from orders import audit
from orders.errors import InvalidField, Refused
from orders.lifecycle.stages import enter, locked_operation
from orders.money import funds
from orders.operations.registry import operation_type
from orders.services.history import origin_of
from orders.settlement import intents
from orders.tasks import manual

_MAY_STEP_ASIDE = frozenset(
    {
        Stage.ACCEPTED,
        Stage.CHECKING_BALANCE,
        Stage.WAITING_FOR_FUNDS,
        Stage.RETRYING,
        Stage.AWAITING_MANUAL_TASK,
        Stage.NEEDS_ATTENTION,
    }
)


async def lock_running(session: AsyncSession, service_number: int) -> Operation | None:
    """The operation that has its turn, locked; None if the service is at rest.

    The turn may pass on while this waits for the lock: then whoever has it now is locked.
    """
    running = select(Operation.id).where(
        Operation.service_id == service_number,
        col(Operation.stage).not_in([Stage.QUEUED, Stage.COMPLETED, Stage.CANCELLED]),
    )
    while (number := (await session.exec(running)).one_or_none()) is not None:
        operation = await locked_operation(session, number)
        if operation.stage.is_running:
            return operation
    return None


async def may_step_aside(session: AsyncSession, running: Operation) -> bool:
    """Nothing of it has been sent, or what was sent is known to have had no effect; and it is not urgent itself.

    An opening never steps aside: before it there is nothing that could be suspended or closed.
    """
    if running.urgent or running.kind is OperationKind.OPEN or running.stage not in _MAY_STEP_ASIDE:
        return False
    intent = await intents.latest(session, running.id)
    return intent is None or (intent.state.is_settled and intent.state is not IntentState.ACCEPTED)


async def step_aside(session: AsyncSession, running: Operation, *, client: str) -> None:
    """Back into the queue, for an urgent operation. Its money is free again; a manual task keeps its words."""
    await funds.release(session, running.id)
    service = await session.get_one(Service, running.service_id, populate_existing=True)
    await manual.restore_module(session, service, origin_of(running))
    was = running.stage
    running.parameters = {**running.parameters, **Parameters(stepped_aside=was).row()}
    running.workflow_started_at = None
    await enter(session, running, Stage.QUEUED, "postponed for an urgent operation; nothing of it had been sent")
    audit.record(session, "operation", running.id, "stepped_aside", by=client, facts={"stage": was.value})


async def start_next_queued(session: AsyncSession, service_number: int) -> int | None:
    """The end of one operation lets the next of the same service go. Returns its number; the sweep starts it.

    An operation that has become pointless or impossible ends here, with the reason.
    """
    service = await session.get_one(Service, service_number)
    found = await session.exec(
        select(Operation)
        .where(Operation.service_id == service_number, Operation.stage == Stage.QUEUED)
        .order_by(col(Operation.urgent).desc(), col(Operation.id))
        .with_for_update(key_share=True)
    )
    for following in found.all():
        reason = await _why_not(session, service, following)
        if not reason:
            await enter(session, following, Stage.ACCEPTED)
            return following.id
        await _cancel(session, following, reason)
    return None


async def _why_not(session: AsyncSession, service: Service, following: Operation) -> str:
    """Why the operation, whose turn has come, can't be done; empty: it can."""
    if service.status is ServiceStatus.CLOSED and following.kind is not OperationKind.OPEN:
        return f"service {service.id} is closed by now; nothing was sent"
    try:
        await operation_type(following.kind).at_its_turn(session, service, following)
    except (InvalidField, Refused) as error:
        plan = await session.get_one(TariffPlan, service.plan_id)
        what = f"service {service.id} has the plan {plan.name} by now: {error}"
        return f"{what}. Nothing was sent or charged; ask anew for what is still wanted"
    return ""


async def _cancel(session: AsyncSession, operation: Operation, reason: str) -> None:
    await enter(session, operation, Stage.CANCELLED, reason)
    audit.record(session, "operation", operation.id, "cancelled", facts={"reason": reason})
