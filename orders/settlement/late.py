"""A yes of the upstream to a request that had been settled otherwise meanwhile: written down always, and said loudly.

It comes from a sender that was held up, or from an upstream that carries a request out later than anything waits for.
"""

from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import IncidentKind, IntentState, OperationKind, Stage
from models.order import Intent, Operation, Service
from orders import audit
from orders.errors import Refused
from orders.incidents.record import raise_incident
from orders.lifecycle.stages import enter
from orders.operations.registry import operation_type
from orders.services.history import origin_of
from orders.settlement import intents

_LEFT_TO_PEOPLE = (Stage.NEEDS_ATTENTION, Stage.AWAITING_MANUAL_TASK)


@dataclass(frozen=True)
class LateAcceptance:
    adopted: bool
    """The order goes on with what the upstream has done: nothing else had been sent for it."""
    words: str


def is_late(operation: Operation, intent: Intent, number: str | None) -> bool:
    """Whether the yes comes too late to be taken as the answer it is. `intent` as it is now, its operation locked."""
    if intent.state is IntentState.ACCEPTED:  # somebody has found what was done: only another item is news
        return bool(number and intent.upstream_number and number != intent.upstream_number)
    return intent.state.is_settled or operation.stage.is_final


async def record_late_acceptance(
    session: AsyncSession, operation: Operation, intent: Intent, service: Service, number: str | None
) -> LateAcceptance:
    """Write it down and raise the incident; if nothing was sent since, the order goes on with it, and sends nothing."""
    was = operation.stage.value if operation.stage.is_final else intent.state.value
    adopted = await _adopt(session, operation, intent, service, number)
    item = f"item {number}" if number else "no item's number"
    intent.late_yes = f"yes, with {item}, after it had counted as {was}"
    session.add(intent)
    audit.record(
        session,
        "operation",
        intent.operation_id,
        "late_yes",
        facts={"item": number or "(no number)", "given up as": was, "adopted": "yes" if adopted else "no"},
    )
    same = operation.kind is OperationKind.OPEN and number is not None and number == service.upstream_number
    words = _words(operation, intent, was, item, adopted=adopted, same=same)
    await raise_incident(
        session,
        IncidentKind.LATE_YES,
        words,
        about=f"intent {intent.id}",
        account=intent.account_id,
        service=service.id,
        operation=operation.id,
        detail={"item": number or "", "attempt": str(intent.attempt), "counted as": was, "mark": intent.mark},
    )
    return LateAcceptance(adopted, words)


async def _adopt(
    session: AsyncSession, operation: Operation, intent: Intent, service: Service, number: str | None
) -> bool:
    """Whether the order could be given what the upstream has done for it."""
    if operation.stage.is_final or intent.state is IntentState.ACCEPTED:
        return False
    later = await session.exec(
        select(Intent.id).where(Intent.operation_id == operation.id, col(Intent.id) > intent.id).limit(1)
    )
    if later.first() is not None:
        return False
    for believed in dict.fromkeys((number, None)):
        try:
            async with session.begin_nested():
                await intents.accept(session, intent, service, believed, origin_of(operation))
        except (Refused, IntegrityError):
            await session.refresh(intent)
            await session.refresh(service)
            continue  # the number is another service's: the yes counts, the number does not
        reason = f"the upstream accepted it after all: item {believed or '(number not named)'}"
        if operation.stage is Stage.NEEDS_ATTENTION:
            await enter(session, operation, Stage.NEEDS_ATTENTION, f"{reason}; look-now goes on from there")
        elif operation.stage not in _LEFT_TO_PEOPLE:
            await enter(session, operation, Stage.AWAITING_CONFIRMATION if believed else Stage.OUTCOME_UNKNOWN, reason)
        return True
    return False


def _words(operation: Operation, intent: Intent, was: str, item: str, *, adopted: bool, same: bool) -> str:
    request = f"request {intent.attempt} of operation {operation.id} ({operation.kind.value} service "
    said = f"The upstream said yes ({item}) to {request}{operation.service_id}) after it had counted as {was}"
    if adopted:
        return (
            f"{said}. Nothing else had been sent, so the operation goes on with it. Look whether the upstream charged "
            "once, and why its answer came so late; then close this incident."
        )
    if same:
        return (
            f"{said}. It is the item that the service has, so nothing is there twice. Look whether the upstream "
            "charged once; then close this incident."
        )
    if operation.stage is Stage.CANCELLED:
        return (
            f"{said}: it was probably charged, and the operation is cancelled. Look at the upstream, and have it "
            "refunded, or adopt the item; then close this incident."
        )
    twice = operation_type(operation.kind).done_twice
    return (
        f"{said}: {twice}. Look at the upstream and compare its charges with the service; close what is there twice, "
        "or have it refunded; then close this incident."
    )
