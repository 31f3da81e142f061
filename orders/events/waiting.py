"""Operations that wait for their item to reach a state."""

from dataclasses import dataclass, field

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import OperationKind, Stage
from models.events import UpstreamSnapshot
from models.order import Operation, Service
from orders.goals import SEEN_IN_FORMS, Seen, outcome

CONFIRMED_BY_SIGHT = (Stage.AWAITING_CONFIRMATION, Stage.AWAITING_MANUAL_TASK)
"""What a person does by hand is seen as well as what the upstream does; only it is not looked for so often."""


@dataclass(frozen=True)
class Hot:
    """An operation that waits for its item to reach a state."""

    operation: int
    service: int
    kind: OperationKind
    upstream_number: str
    product_type: str
    since_seconds: float
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def by_form(self) -> bool:
        return self.kind in SEEN_IN_FORMS

    def outcome(self, snapshot: UpstreamSnapshot) -> bool | None:
        return outcome(self.kind, self.parameters, Seen.of_snapshot(snapshot))


async def hot_operations(
    session: AsyncSession, upstream: str, stages: tuple[Stage, ...] = (Stage.AWAITING_CONFIRMATION,)
) -> list[Hot]:
    """Operations that wait for a confirmation and know their item, longest waiting last."""
    found = await session.exec(
        select(Operation, Service)
        .join(Service, col(Operation.service_id) == col(Service.id))
        .where(col(Operation.stage).in_(stages), Operation.upstream_name == upstream)
        .order_by(col(Operation.stage_since).desc())
    )
    now = utc_now()
    return [
        Hot(
            operation.id,
            service.id,
            operation.kind,
            service.upstream_number,
            service.product_type,
            (now - operation.stage_since).total_seconds(),
            operation.parameters,
        )
        for operation, service in found.all()
        if operation.id is not None and service.id is not None and service.upstream_number
    ]
