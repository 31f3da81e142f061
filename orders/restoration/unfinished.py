"""Operations that have not ended in the restored database: each may have been sent after the backup."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import PlanMapping, ProcessingModule
from models.enums import (
    FINAL_STAGES,
    FailureClass,
    IntentState,
    ModuleKind,
    ReservationState,
    Source,
    Stage,
)
from models.events import UpstreamEvent, UpstreamSnapshot
from models.order import Intent, Operation, Service
from models.parameters import Renewal
from orders.lifecycle.stages import enter
from orders.money import funds
from orders.operations.registry import operation_type
from orders.restoration import before
from orders.services import naming
from orders.services.history import Origin, changing
from orders.settlement.intents import SEEN_UP_TO

REASON = "the database was restored from a backup; Resellflow looks whether the operation was sent after it"
_KEEP_THEIR_STAGE = (Stage.QUEUED, Stage.NEEDS_ATTENTION)
_SENT_BEFORE = (Stage.AWAITING_CONFIRMATION, Stage.AWAITING_MANUAL_TASK)


@dataclass(frozen=True)
class Unfinished:
    """An operation that has not ended, and whether it may be sent without a search, as things are recorded."""

    operation: Operation
    service: Service
    mapping: PlanMapping | None
    snapshot: UpstreamSnapshot | None
    is_suspected: bool
    """Nothing recorded keeps it from being sent, so it gets an unsettled intent."""

    @property
    def next_step(self) -> str:
        """For people."""
        if not self.is_suspected:
            return "goes on as recorded"
        if self.operation.stage is Stage.NEEDS_ATTENTION:
            return "is looked for when you decide to try again"
        return "is looked for before it is sent"


async def unfinished(session: AsyncSession) -> list[Unfinished]:
    found = await session.exec(
        # It knows no more than four.
        select(Operation, Service, ProcessingModule, PlanMapping, UpstreamSnapshot)  # type: ignore[call-overload]
        .join(Service, col(Service.id) == col(Operation.service_id))
        .join(ProcessingModule, col(ProcessingModule.id) == func.coalesce(Service.home_module_id, Service.module_id))
        .outerjoin(
            PlanMapping,
            and_(
                col(PlanMapping.plan_id) == col(Service.plan_id),
                col(PlanMapping.module_id) == col(ProcessingModule.id),
            ),
        )
        .outerjoin(
            UpstreamSnapshot,
            and_(
                col(UpstreamSnapshot.account_id) == col(Service.account_id),
                col(UpstreamSnapshot.product_type) == col(Service.product_type),
                col(UpstreamSnapshot.number) == col(Service.upstream_number),
            ),
        )
        .where(col(Operation.stage).not_in(FINAL_STAGES))
        .order_by(col(Operation.id))
    )
    rows = found.all()
    calls: dict[int, list[Intent]] = {}
    of_these = col(Intent.operation_id).in_(select(Operation.id).where(col(Operation.stage).not_in(FINAL_STAGES)))
    for call in (await session.exec(select(Intent).where(of_these))).all():
        calls.setdefault(call.operation_id, []).append(call)
    return [
        Unfinished(
            operation,
            service,
            mapping,
            snapshot,
            is_suspected=service.account_id is not None
            and module.kind is ModuleKind.UPSTREAM
            and operation.stage not in _SENT_BEFORE
            and operation.called_off_at is None  # looked for, and never sent, anyway
            and before.may_be_sent(calls.get(operation.id, [])),
        )
        for operation, service, module, mapping, snapshot in rows
    ]


async def suspect(session: AsyncSession, one: Unfinished, at: datetime) -> None:
    """Treat it as if its answer were lost: nothing of it is sent before it is settled."""
    operation, service = one.operation, one.service
    last = await session.exec(select(func.max(UpstreamSnapshot.id)))
    attempts = await session.exec(select(func.max(Intent.attempt)).where(Intent.operation_id == operation.id))
    known = {SEEN_UP_TO: [str(last.one() or 0)], **before.notes(at, service, one.snapshot, one.mapping)}
    session.add(
        Intent(
            operation_id=operation.id,
            account_id=service.account_id or 0,
            attempt=(attempts.one() or 0) + 1,
            state=IntentState.UNKNOWN,
            mark=service.mark,
            before=known,
            failure_class=FailureClass.OUTCOME_UNKNOWN,
            message=REASON,
            unknown_since=at,
        )
    )
    if issubclass(operation_type(operation.kind).parameters, Renewal):
        expires = before.known_expiry(service, one.snapshot)
        noted = Renewal(expires_before=expires.isoformat() if expires is not None else "", expires_announced="").row()
        operation.parameters = {**noted, **operation.parameters}
    entry = await funds.reservation_of(session, operation.id)
    if entry is not None and entry.state is ReservationState.WAITING:
        await funds.release(session, operation.id)  # who is looked for keeps nobody else in line waiting
    if operation.stage not in _KEEP_THEIR_STAGE:
        await enter(session, operation, Stage.OUTCOME_UNKNOWN, REASON, failure=FailureClass.OUTCOME_UNKNOWN)
    session.add(operation)


async def give_new_mark(session: AsyncSession, service: Service, tag: str, actor: str) -> None:
    """Nothing was sent with the one that it has."""
    mark = naming.mark(tag, service.id)
    origin = Origin(actor, "restored", reason="another order had its number and its mark", source=Source.PERSON)
    async with changing(session, service, origin):
        if service.name_is_ours:
            service.name = service.name.replace(service.mark, mark)
        service.mark = mark
    session.add(service)


async def begin_anew(session: AsyncSession) -> None:
    """No workflow runs: the sweep starts those of all operations under way, and they hear of all events again."""
    under_way = col(Operation.stage).not_in([*FINAL_STAGES, Stage.QUEUED])
    numbers = select(Operation.id).where(under_way)
    events = col(UpstreamEvent.operation_id).in_(numbers)
    await session.exec(update(UpstreamEvent).where(events).values(delivered_at=None, delivery_note=""))
    await session.exec(update(Operation).where(under_way).values(workflow_started_at=None))
