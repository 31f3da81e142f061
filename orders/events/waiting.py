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

BY_SIGHT_ALWAYS = (Stage.AWAITING_CONFIRMATION, Stage.AWAITING_MANUAL_TASK)
"""What a person does by hand is seen as well as what the upstream does; only it is not looked for so often."""
CONFIRMED_BY_SIGHT = (*BY_SIGHT_ALWAYS, Stage.NEEDS_ATTENTION)
"""Also what the upstream has accepted and a person was asked about: it may come late."""


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
        return operation_type(self.kind).outcome(self.parameters, Seen.of_snapshot(snapshot))


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
