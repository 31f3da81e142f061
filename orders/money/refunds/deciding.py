"""What people decide about a refund that belongs to no operation for certain."""

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import RefundState
from models.order import Operation, Service
from models.refund import Refund
from orders import audit
from orders.errors import InvalidField, NotFound, Refused
from orders.incidents.record import checked_note
from orders.money import funds
from orders.money.refunds.record import write_to

NOUN = "refund"


async def assign(session: AsyncSession, number: int, operation: int, *, actor: str, reason: str) -> None:
    """It is for this operation. Raises NotFound, Refused, InvalidField."""
    refund = await _open(session, number)
    row = await session.get(Operation, operation)
    service = await session.get(Service, row.service_id) if row is not None else None
    if service is None or service.account_id != refund.account_id:
        raise InvalidField("operation", f"there is no operation {operation} at the upstream that paid it back")
    account = await funds.locked_account(session, refund.account_id)
    _decide(session, refund, actor, reason, RefundState.WRITTEN, {"operation": str(operation)})
    await write_to(session, account, refund, operation)


async def ignore(session: AsyncSession, number: int, *, actor: str, reason: str) -> None:
    """It belongs to no operation of ours. Raises NotFound, Refused, InvalidField."""
    refund = await _open(session, number)
    _decide(session, refund, actor, reason, RefundState.IGNORED, {})


def _decide(
    session: AsyncSession, refund: Refund, actor: str, reason: str, state: RefundState, facts: dict[str, str]
) -> None:
    refund.reason = checked_note(reason)
    refund.state, refund.decided_by, refund.decided_at = state, actor, utc_now()
    session.add(refund)
    told = facts | {"reason": refund.reason, "amount": str(refund.money)}
    audit.record(session, NOUN, refund.id, f"refund_{state.value}", by=actor, facts=told)


async def _open(session: AsyncSession, number: int) -> Refund:
    found = await session.exec(select(Refund).where(Refund.id == number).with_for_update())
    refund = found.one_or_none()
    if refund is None:
        raise NotFound(NOUN, number)
    if refund.state is RefundState.OPEN:
        return refund
    if refund.state is RefundState.DOUBTFUL:
        raise Refused(f"refund {number} was seen once; the next look at the lists says whether it is one")
    whose = f"is written to operation {refund.operation_id}" if refund.state is RefundState.WRITTEN else "is ignored"
    raise Refused(f"refund {number} {whose}" + (f" by {refund.decided_by}" if refund.decided_by else ""))
