"""What was done and is not what was announced: another expiry, another sum. It is said, and not undone."""

from datetime import date

from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import IncidentKind
from models.events import UpstreamSnapshot
from models.money import Money
from models.order import Operation, Service
from models.parameters import Renewal
from orders.incidents.record import raise_incident
from orders.settlement.item_verdicts import differs


async def report_other_term(session: AsyncSession, service: Service, operation: Operation) -> bool:
    """Report a prolongation by another term than the one announced. True if it is news."""
    asked = Renewal.of(operation.parameters)
    announced, before = asked.expires_announced, asked.expires_before or ""
    if not announced or not differs(date.fromisoformat(announced), service.expires_on):
        return False
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


async def show_real_cost(
    session: AsyncSession, service: Service, operation: Operation, snapshot: UpstreamSnapshot | None
) -> bool:
    """An opening that nobody could quote shows what its item costs, instead of what the catalogue expected.

    True if that was dearer: then it is an incident, because more was charged than had been shown. Where the upstream
    had named its price, the item's is only noted beside it: an item shows what each period costs, and the first one is
    often cheaper, so a difference proves no other charge.
    """
    if snapshot is None or snapshot.cost_amount is None or operation.cost is None:
        return False
    shown, expected = snapshot.cost_amount, operation.cost
    if snapshot.cost_currency != expected.currency or shown == expected.amount:
        return False
    real = Money(amount=shown, currency=expected.currency)
    operation.price = {**operation.price, "item_costs": str(real)}
    session.add(operation)
    if operation.price.get("source") != "catalogue":
        return False
    operation.cost_amount = shown
    if real <= expected:
        return False
    return await raise_incident(
        session,
        IncidentKind.OTHER_TERM,
        f"service {service.id} costs {real} at the upstream, and {expected} had been expected: the upstream showed no "
        "price before. Look at what was charged; then write the cost, and that of its add-ons, into the catalogue",
        about=f"cost of {operation.id}",
        account=service.account_id,
        service=service.id,
        operation=operation.id,
        detail={"expected": str(expected), "shown": str(real)},
    )
