"""Calling an operation off: from then on nothing of it is sent, and it ends without a charge where that is possible.

Calling off and the writing of an intent (`intents.prepare`) both hold the operation's lock: whichever comes first
decides, and the other one sees it.
"""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.columns import utc_now
from models.enums import OperationKind, ServiceStatus, Source, Stage
from models.messages import DecisionKind
from models.order import Operation, Service
from orders import audit
from orders.access.roles import Requester, Right, lacks
from orders.decisions.allowed import Facts, Traces
from orders.decisions.facts import facts_of
from orders.errors import NotTheirs
from orders.lifecycle.queueing import start_next_queued
from orders.lifecycle.stages import enter, locked_operation
from orders.money import funds
from orders.services.history import Origin, changing, origin_of
from orders.tasks import manual

CALLED_OFF = "called_off"
"""In the audit: a closing called off the opening of its service."""


async def call_off(
    session: AsyncSession, operation: Operation, origin: Origin, *, by_its_holder: bool = False
) -> Facts:
    """The operation is locked by this transaction, its service too. Returns the facts that decided.

    Nothing has ever left: it has ended. Something may have been left at the upstream: its workflow looks for that first
    (activities.calling_off). A request is under way: its outcome decides. Accepted: it is too late and nothing
    is changed, unless this kind of upstream can still call it off; then the workflow asks it to. Nothing is changed
    either while somebody has its task in hand, unless it is they who say so (`by_its_holder`).
    """
    facts = await facts_of(session, operation)
    if facts.stage.is_final or _is_too_late(facts) or (facts.in_hand_of and not by_its_holder):
        return facts
    by = origin.actor
    if operation.called_off_at is None:
        operation.called_off_at, operation.called_off_by = utc_now(), by[:64]
        session.add(operation)
    match facts.traces:
        case Traces.NONE:
            await end(session, operation, f"called off by {by}; nothing of it had been sent", origin)
        case Traces.POSSIBLE:
            await funds.release(session, facts.number)
            stage = Stage.QUEUED if operation.stage is Stage.QUEUED else Stage.OUTCOME_UNKNOWN
            await enter(session, operation, stage, f"called off by {by}; an earlier request may have left something")
        case Traces.UNDER_WAY if operation.stage is not Stage.NEEDS_ATTENTION:
            reason = f"called off by {by}; a request may be under way"
            await enter(session, operation, operation.stage, reason, failure=operation.failure_class)
        case Traces.ACCEPTED:
            reason = f"called off by {by}; the upstream has accepted it, and is asked to call it off"
            await enter(session, operation, operation.stage, reason, failure=operation.failure_class)
        case Traces.UNDER_WAY:
            pass  # a person has to find out about it; the reason says about what
    return facts


def _is_too_late(facts: Facts) -> bool:
    return facts.traces is Traces.ACCEPTED and not facts.can_be_called_off


async def not_wanted(session: AsyncSession, opening: Operation, origin: Origin) -> bool:
    """The service is closed before it is there: its opening is called off. True if its workflow is to be notified.

    A request that may be under way must not be disturbed; its workflow continues on its own and sees it then.
    """
    facts = await call_off(session, opening, origin)
    if opening.called_off_at is None:
        return False
    audit.record(session, "operation", facts.number, CALLED_OFF, by=origin.actor)
    await session.flush()
    return facts.traces is not Traces.UNDER_WAY


def check_whose(opening: Operation, facts: Facts, requester: Requester) -> None:
    """Whoever closes a service that is being opened calls its opening off: the same right as cancelling it.

    Raises NotTheirs. What is bought already is closed like any service of theirs.
    """
    is_called_off = not _is_too_late(facts) and not facts.in_hand_of
    if opening.actor == requester.name or not is_called_off:
        return
    if requester.is_staff:
        if facts.traces is Traces.NONE or requester.may(Right.VOUCH):
            return
        what = f"to call off operation {opening.id}, which opens service {opening.service_id} and has sent something,"
        raise NotTheirs(lacks(requester.name, requester.role, Right.VOUCH, what))
    raise NotTheirs(
        f"{requester.name} is a {requester.role.value} and did not ask for operation {opening.id}, which opens service "
        f"{opening.service_id}; it may be called off by {opening.actor} or by an operator. Once the service is open "
        "they may close it"
    )


def what_follows(opening: Facts) -> str:
    """What becomes of a closing that comes while the service is being opened; for the one who requested it."""
    its = f"operation {opening.number}, which opens it,"
    if opening.in_hand_of and opening.traces is not Traces.ACCEPTED:
        return (
            f"the task of {its} has been taken by {opening.in_hand_of}: if it is rejected, both end; otherwise the "
            "service is deleted once it is open"
        )
    match opening.traces:
        case Traces.NONE:
            return f"{its} had sent nothing, so nothing is bought"
        case Traces.POSSIBLE:
            return (
                f"{its} is called off: what its requests may have left at the upstream is removed first, then both end "
                "without a charge"
            )
        case Traces.UNDER_WAY if opening.stage is Stage.NEEDS_ATTENTION:
            return _a_person_is_needed(opening.number)
        case Traces.UNDER_WAY:
            return (
                f"a request of {its} may be under way: if it had no effect, both end without a charge; "
                "otherwise the service is deleted once it is open"
            )
        case Traces.ACCEPTED if opening.can_be_called_off:
            return (
                f"{its} is accepted by the upstream, which is asked to call it off: if it is not bought yet, both end "
                "without a charge; otherwise the service is deleted once it is open"
            )
        case Traces.ACCEPTED:
            return f"{its} is bought already: the service is deleted once it is open"


def _a_person_is_needed(opening: int) -> str:
    return (
        f"operation {opening}, which opens it, is called off and needs a person: Resellflow can't tell what its "
        "requests have left at the upstream. Once a person has decided, both end, or the service is deleted"
    )


async def say_that_a_person_is_needed(session: AsyncSession, opening: Operation) -> None:
    """The closing waits for an opening that was called off and does not continue on its own. The opening is locked."""
    if opening.kind is not OperationKind.OPEN or opening.called_off_at is None:
        return
    found = await session.exec(
        select(Operation.id).where(
            Operation.service_id == opening.service_id,
            Operation.kind == OperationKind.CLOSE,
            Operation.stage == Stage.QUEUED,
        )
    )
    for number in found.all():
        closing = await locked_operation(session, number)
        await enter(session, closing, Stage.QUEUED, _a_person_is_needed(opening.id))


async def end_called_off(session: AsyncSession, operation: Operation, what_is_left: str) -> None:
    """End an operation that was called off earlier; the history names who did it, and why."""
    found = await session.exec(
        select(AuditEntry)
        .where(
            AuditEntry.subject == "operation",
            AuditEntry.subject_number == operation.id,
            col(AuditEntry.action).in_([DecisionKind.CANCEL.value, DecisionKind.REJECT_TASK.value, CALLED_OFF]),
        )
        .order_by(col(AuditEntry.id))
        .limit(1)
    )
    entry = found.first()
    by, origin = operation.called_off_by, origin_of(operation)
    if entry is not None:
        source = Source.OPERATION if entry.action == CALLED_OFF else Source.PERSON
        origin = Origin(by, entry.action, operation.id, entry.detail.get("reason", ""), source)
    await end(session, operation, f"called off by {by}; {what_is_left}", origin)


async def end(session: AsyncSession, operation: Operation, reason: str, origin: Origin) -> int | None:
    """End an operation that had no effect: its money is free, an opening's service is closed, its queue goes on.

    What still waited in the queue leaves it, and nothing else changes: the turn, and a processing module that was
    lent for a task, are another operation's. Returns the next operation of the service, if any.
    """
    had_its_turn = operation.stage.is_running
    await funds.release(session, operation.id)
    service = await session.get_one(Service, operation.service_id)
    if had_its_turn:
        await manual.restore_module(session, service, origin)
    if operation.kind is OperationKind.OPEN:
        async with changing(session, service, origin):
            service.status, service.status_since = ServiceStatus.CLOSED, utc_now()
        session.add(service)
    await enter(session, operation, Stage.CANCELLED, reason)
    return await start_next_queued(session, operation.service_id) if had_its_turn else None
