"""Operations that wait for their item to reach a state."""

from dataclasses import dataclass, field

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import IntentState, IntentStep, OperationKind, Stage
from models.events import UpstreamSnapshot
from models.order import Intent, Operation, Service
from orders.operations.registry import operation_type
from orders.operations.seen import Seen

CONFIRMABLE = (Stage.AWAITING_CONFIRMATION, Stage.AWAITING_MANUAL_TASK, Stage.NEEDS_ATTENTION)
"""Stages in which the poller may confirm an operation. Of those in `needs_attention` it confirms what the upstream has
accepted, because that may come late."""
_NOT_ASKED_YET = frozenset({Stage.ACCEPTED, Stage.CHECKING_BALANCE, Stage.RETRYING})
"""Stages in which nothing of the operation is under way: what the upstream shows is no answer to it, and it looks there
itself before it sends (an opening for its mark, the others at their item). An operation that waits for money is
notified too, because it may wait for long: the upstream itself may have paid for its item meanwhile."""


@dataclass(frozen=True)
class WaitingOperation:
    """An operation that waits for its item to reach a state."""

    number: int
    service: int
    kind: OperationKind
    upstream_number: str
    product_type: str
    since_seconds: float
    parameters: dict[str, str] = field(default_factory=dict)
    waits_since: str = ""
    """When it came into its stage: distinguishes one wait of an operation from another."""
    is_slow: bool = False
    """It was notified that it takes longer than usual."""
    stage: Stage = Stage.AWAITING_CONFIRMATION

    @property
    def by_form(self) -> bool:
        return operation_type(self.kind).seen_in_form

    def outcome(self, snapshot: UpstreamSnapshot) -> bool | None:
        """What the item's state means for the operation: as `OperationType.outcome`."""
        met = operation_type(self.kind).outcome(self.parameters, Seen.of_snapshot(snapshot))
        if met and self.stage is Stage.AWAITING_MANUAL_TASK and not proves_manual_work(self.kind, self.parameters):
            return None
        return met


def proves_manual_work(kind: OperationKind, parameters: dict[str, str]) -> bool:
    """That the item shows the goal proves that the person who has the task has done it."""
    type_ = operation_type(kind)
    return type_.goal_proves_manual_work(type_.parameters.of(parameters))


def outcome_of_running(running: Operation, snapshot: UpstreamSnapshot) -> bool | None:
    """What the item's state means for an operation of its service, in whatever stage that is. None: nothing."""
    type_ = operation_type(running.kind)
    met = type_.outcome(running.parameters, Seen.of_snapshot(snapshot))
    match running.stage:
        case Stage.AWAITING_CONFIRMATION:
            return met
        case Stage.AWAITING_MANUAL_TASK:
            return None if met and not proves_manual_work(running.kind, running.parameters) else met
        case stage:
            return None if stage in _NOT_ASKED_YET or not type_.goal_proves_it else met


async def waiting_operations(
    session: AsyncSession, upstream: str, stages: tuple[Stage, ...] = (Stage.AWAITING_CONFIRMATION,)
) -> list[WaitingOperation]:
    """Operations that wait for a confirmation and know their item, longest waiting last. Of those that need a person
    only what the upstream has accepted: of what it has not, nothing that it shows is the result."""
    accepted = (
        select(Intent.id)
        .where(
            Intent.operation_id == Operation.id,
            Intent.state == IntentState.ACCEPTED,
            or_(col(Intent.step) != IntentStep.SEND, col(Intent.unpaid_kind).is_(None)),
        )
        .exists()
    )
    found = await session.exec(
        select(Operation, Service)
        .join(Service, col(Operation.service_id) == col(Service.id))
        .where(
            col(Operation.stage).in_(stages),
            Operation.upstream_name == upstream,
            or_(col(Operation.stage) != Stage.NEEDS_ATTENTION, accepted),
        )
        .order_by(col(Operation.stage_since).desc())
    )
    now = utc_now()
    return [
        WaitingOperation(
            operation.id,
            service.id,
            operation.kind,
            service.upstream_number,
            service.product_type,
            (now - operation.stage_since).total_seconds(),
            operation.parameters,
            operation.stage_since.isoformat(),
            operation.slow_since is not None,
            operation.stage,
        )
        for operation, service in found.all()
        if service.upstream_number
    ]
