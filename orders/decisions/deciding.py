"""A person's decision about an operation: checked, carried out, and written to the audit log."""

from dataclasses import replace

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.columns import utc_now
from models.enums import IntentState, OperationKind, ServiceStatus, Source, Stage
from models.messages import Decision, DecisionKind, DecisionRecord
from models.order import Operation, Service
from orders import audit
from orders.access.roles import OPERATOR, Requester, Right, lacks
from orders.audit import OURSELVES
from orders.decisions import corrections, pending
from orders.decisions.allowed import (
    NOTHING_BOUGHT,
    PAID,
    PAID_STAYS,
    Denied,
    Facts,
    Traces,
    judge,
    what_giving_up_means,
)
from orders.decisions.facts import facts_of
from orders.errors import InvalidField, NotTheirs, Refused
from orders.lifecycle import calling_off
from orders.lifecycle.causes import not_shown
from orders.lifecycle.completion import apply_last_look, apply_own_part, still_wrong
from orders.lifecycle.queueing import start_next_queued
from orders.lifecycle.stages import enter, locked_operation
from orders.money import funds, prices
from orders.operations.registry import operation_type
from orders.services.history import Origin, changing
from orders.settlement import intents
from orders.settlement.second_items import report_not_closed
from orders.tasks import manual

CANCELLED_BY_A_PERSON = "cancelled by a person"
_UNVOUCHED = (
    "the outcome of the request is not known: a paid service may be there. Look at the upstream; then mark it done, or "
    "decide again with nothing_was_bought"
)
_UNPAID = (
    "{owes} is unpaid, and would stop every other order in that cart. Pay it there, then decide again with it_is_paid; "
    "or cancel, and it is removed"
)
_NOT_GIVEN_UP = (
    "the upstream has accepted it, so that cancelling it ends only the waiting here: {means}. Decide again with "
    "what_is_paid_stays if that is meant"
)


async def decide(session: AsyncSession, record: DecisionRecord, requester: Requester = OPERATOR) -> None:
    """Write a decision down, with its audit entry. Raises Refused or InvalidField; nothing is changed then.

    What is possible says `orders.decisions.allowed`. Repeating it with the same decision_id does nothing. `requester`
    decides where the record holds the decision itself; else whoever has written it down.
    """
    operation = await locked_operation(session, record.operation)
    if await _decided_already(session, record):
        return
    decision, requester = await pending.decision_of(session, record, requester)
    facts = await facts_of(session, operation)
    judged = judge(facts, record.kind, replace(requester, asked_for_it=operation.actor == requester.name))
    if isinstance(judged, Denied):
        raise (NotTheirs if judged.by_role else Refused)(judged.why)
    if decision.nothing_was_bought and not requester.may(Right.VOUCH):
        raise NotTheirs(lacks(requester.name, requester.role, Right.VOUCH, "to vouch that nothing was bought"))
    if NOTHING_BOUGHT in judged.needs and not decision.nothing_was_bought:
        raise Refused(_UNVOUCHED)
    if PAID in judged.needs and not decision.it_is_paid:
        raise Refused(_UNPAID.format(owes=facts.owes))
    if PAID_STAYS in judged.needs and not decision.what_is_paid_stays:
        raise Refused(_NOT_GIVEN_UP.format(means=what_giving_up_means(facts)))
    origin = Origin(decision.actor, record.kind.value, operation.id, decision.reason, Source.PERSON)
    accepted_price = ""
    match record.kind:
        case DecisionKind.RETRY:
            await _retry(session, operation, vouched=decision.nothing_was_bought, by=decision.actor)
        case DecisionKind.LOOK_NOW if operation.stage is Stage.NEEDS_ATTENTION:
            await _retry(session, operation, vouched=False)
        case DecisionKind.LOOK_NOW:
            pass  # its workflow looks
        case DecisionKind.CORRECT_AND_RETRY:
            await _abandon(session, operation, vouched=decision.nothing_was_bought)
            await corrections.correct(session, operation, decision.parameters, origin)
            await _retry(session, operation, vouched=False)
        case DecisionKind.ACCEPT_PRICE:
            accepted_price = _accept_price(operation, decision)
            await _retry(session, operation, vouched=False)
        case DecisionKind.MARK_DONE:
            await _mark_done(session, operation, decision.upstream_number, origin)
        case DecisionKind.CANCEL if PAID_STAYS in judged.needs:
            await _give_up(session, operation, facts, origin)
        case DecisionKind.CANCEL:
            await _cancel(session, operation, facts, decision, origin)
        case DecisionKind.REJECT_TASK if facts.owes:  # ended at once, its row would stop every other order in that cart
            await calling_off.call_off(session, operation, origin, by_its_holder=True)
        case DecisionKind.REJECT_TASK:
            await calling_off.end(session, operation, CANCELLED_BY_A_PERSON, origin)
    detail = {"reason": decision.reason, "decision": record.decision_id}
    if decision.parameters and not accepted_price:
        detail["parameters"] = ", ".join(f"{name}={value}" for name, value in sorted(decision.parameters.items()))
    if accepted_price:
        detail["price"] = accepted_price
    if decision.upstream_number:
        detail["upstream_number"] = decision.upstream_number
    if decision.nothing_was_bought:
        detail["nothing_was_bought"] = "vouched for"
    if decision.what_is_paid_stays:
        detail["what_is_paid_stays"] = "known"
    if decision.it_is_paid:
        detail["it_is_paid"] = "vouched for"
    audit.record(session, "operation", record.operation, record.kind.value, by=decision.actor, facts=detail)
    await pending.forget(session, record.decision)
    await session.flush()


async def is_called_off(session: AsyncSession, record: DecisionRecord) -> bool:
    """The decision was a cancellation that is not over yet: it ends once nothing of it is left at the upstream."""
    operation = await session.get_one(Operation, record.operation)
    cancelled = record.kind in (DecisionKind.CANCEL, DecisionKind.REJECT_TASK)
    return cancelled and not operation.stage.is_final


async def _decided_already(session: AsyncSession, record: DecisionRecord) -> bool:
    entries = await session.exec(
        select(AuditEntry).where(
            AuditEntry.subject == "operation",
            AuditEntry.subject_number == record.operation,
            AuditEntry.action == record.kind.value,
        )
    )
    return any(entry.detail.get("decision") == record.decision_id for entry in entries.all())


async def _retry(session: AsyncSession, operation: Operation, *, vouched: bool, by: str = "") -> None:
    await _abandon(session, operation, vouched=vouched)
    if by != OURSELVES:  # only a person may have cleared up what the upstream wanted then
        prices.forget_refusal(operation)
    intent = await intents.latest(session, operation.id)
    # From here on it continues automatically: nobody who looks now may think that it still waits for a person.
    service = await session.get_one(Service, operation.service_id)
    bought = intent is not None and intent.state is IntentState.ACCEPTED and intents.may_have_charged(intent)
    if bought and service.upstream_number:
        # Nothing is sent again; the poller watches those that are in this stage.
        await enter(
            session, operation, Stage.AWAITING_CONFIRMATION, f"item {service.upstream_number}, waited for again"
        )
    else:
        whose = "automatically" if by == OURSELVES else "by a person's decision"
        await enter(session, operation, Stage.CHECKING_BALANCE, f"tried again {whose}")


def _accept_price(operation: Operation, decision: Decision) -> str:
    """The sum that the operation shows is accepted; whoever names another one has seen another one."""
    shown, named = prices.shown_sum(operation), decision.parameters.get("price", "")
    if named and not prices.is_the_same(operation.cost, named):
        raise InvalidField("price", f"the price is {shown}, not {named}; look at the operation, then accept its price")
    prices.accept(operation, actor=decision.actor, at=utc_now())
    return shown


async def _abandon(session: AsyncSession, operation: Operation, *, vouched: bool) -> None:
    """A person has looked, and vouches that the call whose outcome is unknown had no effect."""
    intent = await intents.latest(session, operation.id)
    if intent is not None and intent.state.is_settled:  # also below payments that were refused
        intent = await intents.owed(session, operation.id)
    if vouched and intent is not None:
        words = "a person vouched that nothing was bought"
        await intents.settle(session, intent, IntentState.ABANDONED, message=words, reopen=True)
        await funds.release(session, operation.id)


async def _mark_done(session: AsyncSession, operation: Operation, upstream_number: str, origin: Origin) -> None:
    service = await session.get_one(Service, operation.service_id)
    if operation.kind is OperationKind.OPEN:
        if not upstream_number:
            raise InvalidField("upstream_number", "name the item at the upstream that this service is")
        if service.upstream_number not in (None, upstream_number):
            await intents.unlink(session, service, origin)
        await intents.link(session, service, upstream_number, origin)
    intent = await intents.latest(session, operation.id)
    if intent is not None and not intent.state.is_settled:
        await intents.settle(session, intent, IntentState.ABANDONED, message="marked done by a person")
    await funds.charge(session, service.account_id or 0, operation.id)
    if operation.kind is OperationKind.OPEN and service.status in (ServiceStatus.ORDERED, ServiceStatus.PROCESSING):
        async with changing(session, service, origin):
            service.status = ServiceStatus.ACTIVE
        service.status_since = utc_now()
        session.add(service)
    snapshot = await apply_last_look(session, service, operation)
    await apply_own_part(session, service, operation, snapshot, origin)
    await manual.restore_module(session, service, origin)
    missing = not_shown(operation, snapshot)
    if missing and snapshot is not None and operation_type(operation.kind).ends_service:
        await report_not_closed(session, service, operation.id, snapshot)
    summary = "; ".join(filter(None, ["marked done by a person", still_wrong(service, operation), missing]))
    await enter(session, operation, Stage.COMPLETED, summary)
    await start_next_queued(session, operation.service_id)


async def _cancel(
    session: AsyncSession, operation: Operation, facts: Facts, decision: Decision, origin: Origin
) -> None:
    """It ends at once if nothing was sent, or a person vouches for it. Otherwise it is called off and ends
    automatically."""
    if not decision.nothing_was_bought and facts.traces is not Traces.NONE:
        await calling_off.call_off(session, operation, origin)
        return
    intent = await intents.latest(session, facts.number)
    if intent is not None and not intent.state.is_settled:
        words = "cancelled by a person who vouched for it"
        await intents.settle(session, intent, IntentState.ABANDONED, message=words)
    if operation.called_off_at is None:  # so that its workflow is told, should it not hear of it now
        operation.called_off_at, operation.called_off_by = utc_now(), decision.actor
        session.add(operation)
    await calling_off.end(session, operation, CANCELLED_BY_A_PERSON, origin)


async def _give_up(session: AsyncSession, operation: Operation, facts: Facts, origin: Origin) -> None:
    """The upstream has accepted it: what it has charged counts as charged, and its item stays with the service."""
    service = await session.get_one(Service, operation.service_id)
    if facts.traces is Traces.ACCEPTED:
        await funds.charge(session, service.account_id or 0, facts.number)
    else:  # the item was as wanted before anything was sent
        await funds.release(session, facts.number)
    await manual.restore_module(session, service, origin)
    words = f"{CANCELLED_BY_A_PERSON} after the upstream had accepted it: {what_giving_up_means(facts)}"
    await enter(session, operation, Stage.CANCELLED, words)
    await start_next_queued(session, operation.service_id)
