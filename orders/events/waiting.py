"""Operations that wait for their item to reach a state."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
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
    session: AsyncSession,
    upstream: str,
    stages: Collection[Stage] = (Stage.AWAITING_CONFIRMATION,),
    *,
    items: tuple[str, Collection[str]] | None = None,
) -> list[WaitingOperation]:
    """Operations that wait for a confirmation and know their item, longest waiting last. Of those that need a person
    only what the upstream has accepted: of what it has not, nothing that it shows is the result. `items`: a product
    type and numbers, if only the operations of these items are wanted."""
    query, values = _WAITING, {"stages": list(stages), "upstream": upstream}
    if items is not None:
        query, values = _WAITING_FOR_ITEMS, values | {"product_type": items[0], "numbers": list(items[1])}
    found = await (await session.connection()).execute(query, values)
    now = utc_now()
    return [
        WaitingOperation(
            number=number,
            service=service,
            kind=kind,
            upstream_number=item,
            product_type=type_,
            since_seconds=(now - since).total_seconds(),
            parameters=parameters,
            waits_since=since.isoformat(),
            is_slow=slow,
            stage=stage,
        )
        for number, service, kind, item, type_, since, parameters, slow, stage in found.all()
    ]


_ACCEPTED = (
    select(Intent.id)
    .where(
        Intent.operation_id == Operation.id,
        Intent.state == IntentState.ACCEPTED,
        or_(col(Intent.step) != IntentStep.SEND, col(Intent.unpaid_kind).is_(None)),
    )
    .exists()
)
# Columns and not whole rows: it is asked several times a second, and a hundred orders may wait.
_WAITING: sa.Select[*tuple[Any, ...]] = (
    sa.select(
        col(Operation.id),
        col(Operation.service_id),
        col(Operation.kind),
        col(Service.upstream_number),
        col(Service.product_type),
        col(Operation.stage_since),
        col(Operation.parameters),
        col(Operation.slow_since).is_not(None),
        col(Operation.stage),
    )
    .join(Service, col(Operation.service_id) == col(Service.id))
    .where(
        col(Operation.stage).in_(sa.bindparam("stages", expanding=True)),
        col(Operation.upstream_name) == sa.bindparam("upstream"),
        or_(col(Operation.stage) != Stage.NEEDS_ATTENTION, _ACCEPTED),
        col(Service.upstream_number) != "",
    )
    .order_by(col(Operation.stage_since).desc())
)
_WAITING_FOR_ITEMS = _WAITING.where(
    col(Service.product_type) == sa.bindparam("product_type"),
    col(Service.upstream_number).in_(sa.bindparam("numbers", expanding=True)),
)
