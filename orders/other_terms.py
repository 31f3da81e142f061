"""A prolongation that was done and led to another date than the upstream had announced: said, and not undone."""

from datetime import date

from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import IncidentKind, OperationKind
from models.order import Operation, Service
from models.parameters import EXPIRES_ANNOUNCED, EXPIRES_BEFORE
from orders.incidents import raise_incident
from orders.item_verdicts import differs


async def report_other_term(session: AsyncSession, service: Service, operation: Operation) -> bool:
    """True if it was another term, and that is news."""
    announced = operation.parameters.get(EXPIRES_ANNOUNCED, "")
    if operation.kind is not OperationKind.PROLONG or not announced:
        return False
    if not differs(date.fromisoformat(announced), service.expires_on):
        return False
    before = operation.parameters.get(EXPIRES_BEFORE, "")
    return await raise_incident(
        session,
        IncidentKind.OTHER_TERM,
        f"service {service.id} was prolonged from {before or '(no date)'} and expires {service.expires_on}, but the "
        f"upstream had announced {announced}. Look at what was charged, and ask the upstream for the rest",
        about=str(operation.id),
        account=service.account_id,
        service=service.id,
        operation=operation.id,
        detail={"before": before, "announced": announced, "shown": str(service.expires_on)},
    )
