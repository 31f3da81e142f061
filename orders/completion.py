"""How an operation ends: applied, marked done by a person, or cancelled; and the next one of the service goes."""

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.catalogue import PlanMapping
from models.columns import utc_now
from models.enums import EventKind, IntentState, OperationKind, RenewalOwner, ServiceStatus, Source, Stage
from models.events import UpstreamEvent, UpstreamSnapshot
from models.messages import Decision, DecisionKind, DecisionRecord, TaskCompletion
from models.order import Operation, Service
from models.parameters import ADDON_PREFIX, PLAN_ID
from models.product_types import PRODUCT_TYPES
from orders import funds, intents, manual
from orders.errors import InvalidField, Refused
from orders.history import Origin, attribute, write_look
from orders.intake import check_parameters
from orders.naming import check_name
from orders.services import apply_snapshot
from orders.stages import enter, locked_operation
from orders.turns import start_next_queued

NOT_BEGUN = frozenset({Stage.QUEUED, Stage.ACCEPTED})


async def complete(session: AsyncSession, number: int, by: TaskCompletion | None = None) -> int | None:
    """Bring service, operation and task to their final state. Returns the next operation of the service, if any.

    `by`: the person who said that the manual work is done. Safe to repeat: an operation that has ended stays as it is.
    """
    operation = await locked_operation(session, number)
    if not operation.stage.is_running:
        return None
    service = await session.get_one(Service, operation.service_id, populate_existing=True)
    await _apply_last_look(session, service, operation)
    await _apply_own_part(session, service, operation)
    if by is not None and await manual.is_by_hand(session, service):
        await manual.apply_by_hand(session, service, operation, by)
    await manual.close_task(session, number, by)
    await manual.bring_home(session, service)
    await funds.release(session, number)
    await enter(session, operation, Stage.COMPLETED)
    session.add(
        AuditEntry(actor="resellflow", action="operation_completed", subject="operation", subject_number=number)
    )
    return await start_next_queued(session, operation.service_id)


async def _apply_own_part(session: AsyncSession, service: Service, operation: Operation) -> None:
    """What the upstream does not show in our words: our plan, our add-ons, our parameters."""
    asked = operation.parameters
    if operation.kind is OperationKind.CHANGE_PLAN and PLAN_ID in asked:
        service.plan_id = int(asked[PLAN_ID])
    if operation.kind is OperationKind.SET_PARAMETERS:
        addons = {n.removeprefix(ADDON_PREFIX): int(v) for n, v in asked.items() if n.startswith(ADDON_PREFIX)}
        service.addons = {**service.addons, **addons}
        if "domain" in asked:
            service.name, service.name_is_ours = asked["domain"], False
        if "renewal_owner" in asked:
            service.renewal_owner = RenewalOwner(asked["renewal_owner"])
    if operation.kind is OperationKind.CLOSE and service.status is not ServiceStatus.CLOSED:
        service.status, service.status_since = ServiceStatus.CLOSED, utc_now()
    session.add(service)


async def _apply_last_look(session: AsyncSession, service: Service, operation: Operation) -> None:
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


async def cancel_before_it_began(session: AsyncSession, number: int, decision: Decision) -> None:
    """Cancel an operation that waits in the queue or for its start. Raises Refused if it has begun meanwhile."""
    operation = await locked_operation(session, number)
    if operation.stage not in NOT_BEGUN:
        raise Refused(f"operation {number} has begun: it is {operation.stage.value}")
    record = DecisionRecord(
        operation=number, kind=DecisionKind.CANCEL, decision=decision, decision_id=f"before-it-began-{number}"
    )
    await decide(session, record)


async def free_unused_funds(session: AsyncSession, number: int) -> None:
    """While a person thinks, others may have the money, unless this order may have been charged already."""
    intent = await intents.latest(session, number)
    if not intents.may_have_charged(intent):
        await funds.release(session, number)


async def decide(session: AsyncSession, record: DecisionRecord) -> None:
    """Write a person's decision down, with its audit entry. Raises Refused or InvalidField; nothing is changed then.

    Repeated with the same decision_id it does nothing more.
    """
    operation = await locked_operation(session, record.operation)
    if await _decided_already(session, record):
        return
    if operation.stage is Stage.QUEUED and record.kind is not DecisionKind.CANCEL:
        raise Refused(f"operation {record.operation} is in the queue; it goes on by itself when its turn comes")
    decision = record.decision
    attribute(session, Origin(decision.actor, record.kind.value, operation.id, decision.reason, Source.PERSON))
    match record.kind:
        case DecisionKind.RETRY:
            await _retry(session, operation, vouched=decision.nothing_was_bought)
        case DecisionKind.CORRECT_AND_RETRY:
            await _abandon(session, operation, vouched=decision.nothing_was_bought)
            await _correct(session, operation, decision.parameters)
            await _retry(session, operation, vouched=False)
        case DecisionKind.MARK_DONE:
            await _mark_done(session, operation, decision.upstream_number)
        case DecisionKind.CANCEL:
            await _cancel(session, operation, decision.nothing_was_bought)
        case DecisionKind.REJECT_TASK:
            service = await session.get_one(Service, operation.service_id)
            await manual.bring_home(session, service)
            await _cancel(session, operation, vouched=True)
    detail = {"reason": decision.reason, "decision": record.decision_id}
    if decision.parameters:
        detail["parameters"] = ", ".join(f"{name}={value}" for name, value in sorted(decision.parameters.items()))
    if decision.upstream_number:
        detail["upstream_number"] = decision.upstream_number
    if decision.nothing_was_bought:
        detail["nothing_was_bought"] = "vouched for"
    session.add(
        AuditEntry(
            actor=decision.actor,
            action=record.kind.value,
            subject="operation",
            subject_number=record.operation,
            detail=detail,
        )
    )
    await session.flush()


async def _decided_already(session: AsyncSession, record: DecisionRecord) -> bool:
    entries = await session.exec(
        select(AuditEntry).where(
            AuditEntry.subject == "operation",
            AuditEntry.subject_number == record.operation,
            AuditEntry.action == record.kind.value,
        )
    )
    return any(entry.detail.get("decision") == record.decision_id for entry in entries.all())


async def _retry(session: AsyncSession, operation: Operation, *, vouched: bool) -> None:
    assert operation.id is not None  # noqa: S101 - read from the database
    await _abandon(session, operation, vouched=vouched)
    intent = await intents.latest(session, operation.id)
    # From here on it goes by itself: nobody who looks now shall take it for one that still waits for a person.
    service = await session.get_one(Service, operation.service_id)
    if intent is not None and intent.state is IntentState.ACCEPTED and service.upstream_number:
        # Nothing is sent again; the poller watches those that are in this stage.
        await enter(
            session, operation, Stage.AWAITING_CONFIRMATION, f"item {service.upstream_number}, waited for again"
        )
    else:
        await enter(session, operation, Stage.CHECKING_BALANCE, "tried again by a person's decision")


async def _abandon(session: AsyncSession, operation: Operation, *, vouched: bool) -> None:
    """A person has looked, and vouches that the call whose outcome is unknown had no effect."""
    intent = await intents.latest(session, operation.id or 0)
    if vouched and intent is not None and (not intent.state.is_settled or intents.leaves_unpaid(intent)):
        words = "a person vouched that nothing was bought"
        await intents.settle(session, intent, IntentState.ABANDONED, message=words, reopen=True)
        await funds.release(session, operation.id or 0)


async def _correct(session: AsyncSession, operation: Operation, parameters: dict[str, str]) -> None:
    if not parameters:
        raise InvalidField("parameters", "name at least one parameter to correct")
    service = await session.get_one(Service, operation.service_id)
    kind = PRODUCT_TYPES[service.product_type]
    found = await session.exec(
        select(PlanMapping).where(PlanMapping.plan_id == service.plan_id, PlanMapping.module_id == service.module_id)
    )
    mapping = found.one()
    intent = await intents.latest(session, operation.id or 0)
    if intent is not None and not intent.state.is_settled:
        raise Refused(
            "the outcome of the earlier request is not known yet; correcting it now could buy a second service"
        )
    if intent is not None and intent.state is IntentState.ACCEPTED:
        raise Refused("the upstream has accepted the order as it was; it can't be corrected any more")
    own = {name: value for name, value in parameters.items() if name != "domain"}
    check_parameters(own, kind, mapping)
    if "domain" in parameters:
        try:
            service.name = check_name(kind, parameters["domain"])
        except ValueError as error:
            raise InvalidField("domain", str(error)) from error
        service.name_is_ours = False
    service.parameters = {**service.parameters, **own}
    session.add(service)


async def _mark_done(session: AsyncSession, operation: Operation, upstream_number: str) -> None:
    assert operation.id is not None  # noqa: S101 - read from the database
    service = await session.get_one(Service, operation.service_id)
    if operation.kind is OperationKind.OPEN:
        if not upstream_number:
            raise InvalidField("upstream_number", "name the item at the upstream that this service is")
        if service.upstream_number not in (None, upstream_number):
            await _let_go(session, service)
        await intents.link(session, service, upstream_number)
    intent = await intents.latest(session, operation.id)
    if intent is not None and not intent.state.is_settled:
        await intents.settle(session, intent, IntentState.ABANDONED, message="marked done by a person")
    await funds.charge(session, service.account_id or 0, operation.id)
    if operation.kind is OperationKind.OPEN and service.status in (ServiceStatus.ORDERED, ServiceStatus.PROCESSING):
        service.status = ServiceStatus.ACTIVE
        service.status_since = utc_now()
        session.add(service)
    await _apply_last_look(session, service, operation)
    await _apply_own_part(session, service, operation)
    await manual.bring_home(session, service)
    await enter(session, operation, Stage.COMPLETED, "marked done by a person")
    await start_next_queued(session, operation.service_id)


async def _let_go(session: AsyncSession, service: Service) -> None:
    """The service is another item than was thought: the one it had is an orphan from now on."""
    found = await session.exec(
        select(UpstreamSnapshot).where(
            UpstreamSnapshot.account_id == service.account_id,
            UpstreamSnapshot.product_type == service.product_type,
            UpstreamSnapshot.number == service.upstream_number,
        )
    )
    for snapshot in found.all():
        snapshot.service_id = None
        session.add(snapshot)
    service.upstream_number = None
    session.add(service)
    await session.flush()


async def _cancel(session: AsyncSession, operation: Operation, vouched: bool) -> None:
    assert operation.id is not None  # noqa: S101 - read from the database
    intent = await intents.latest(session, operation.id)
    if intent is not None and intent.state is IntentState.ACCEPTED and intents.may_have_charged(intent):
        raise Refused("the upstream has accepted and charged this order; close the service instead of cancelling it")
    debt = await intents.owed(session, operation.id)
    if debt is not None and not vouched:
        raise Refused(
            f"{debt.message}. It could still be paid there: remove it at the upstream, then cancel with "
            "nothing_was_bought"
        )
    if intent is not None and not intent.state.is_settled:
        if operation.stage is not Stage.NEEDS_ATTENTION:
            raise Refused("a request may be under way; wait for its outcome")
        if not vouched:
            raise Refused(
                "the outcome of the request is not known: a paid service may be there. Look at the upstream; then mark "
                "it done, or cancel with nothing_was_bought"
            )
        await intents.settle(session, intent, IntentState.ABANDONED, message="cancelled by a person who vouched for it")
    await funds.release(session, operation.id)
    if operation.kind is OperationKind.OPEN:
        service = await session.get_one(Service, operation.service_id)
        service.status = ServiceStatus.CLOSED
        service.status_since = utc_now()
        session.add(service)
    await enter(session, operation, Stage.CANCELLED, "cancelled by a person")
    await start_next_queued(session, operation.service_id)
