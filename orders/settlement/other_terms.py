"""What was done and is not what was announced: another expiry, another sum. It is said, and not undone."""

from datetime import date, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.enums import IncidentKind, OperationKind, Stage
from models.events import UpstreamSnapshot
from models.money import Money
from models.order import Operation, Service
from models.parameters import Renewal
from orders.incidents.record import raise_incident
from orders.settlement.item_verdicts import differs
from upstreams.kinds import adapter_of

_ITEM_COSTS = "item_costs"
_QUOTE = "quote"
_OF_A_PERIOD = (OperationKind.OPEN, OperationKind.PROLONG, OperationKind.CHANGE_PLAN)
_SHOWN_LATE = timedelta(hours=1)
"""A cost that an item shows for the first time so soon after an operation is what that operation was sold for."""


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
    """An operation that nobody could quote shows what its item costs, instead of what the catalogue expected. So does
    a quoted one where the item of this kind of upstream shows what was charged. Safe to repeat, as the item may show it
    later.

    True if that was dearer: then it is an incident, because more was charged than had been shown. Otherwise the cost of
    an item is that of each period, and the first one is often cheaper: it is only noted beside the price of an opening,
    because a difference proves no other charge.
    """
    expected = _expected(operation)
    if snapshot is None or snapshot.cost_amount is None or expected is None:
        return False
    if not _is_of_the_item_s_period(service, operation):
        return False
    shown = snapshot.cost_amount
    if snapshot.cost_currency != expected.currency:
        await report_other_currency(session, service, snapshot)
        return False
    if shown == expected.amount and _ITEM_COSTS not in operation.price:
        return False
    is_charge = await _shows_what_was_charged(session, operation, snapshot)
    if not is_charge and operation.kind is not OperationKind.OPEN:
        return False
    real = Money(amount=shown, currency=expected.currency)
    operation.price = {"expected": str(expected), **operation.price, _ITEM_COSTS: str(real)}
    session.add(operation)
    if not is_charge:
        return False
    operation.cost_amount = shown
    if real <= expected:
        return False
    return await raise_incident(
        session,
        IncidentKind.OTHER_TERM,
        f"service {service.id} costs {real} at the upstream, and {expected} had been expected{_limit(operation)}: "
        f"{_why_it_can_differ(operation)}. Look at what was charged; then write the cost, and that of its add-ons, "
        "into the catalogue",
        about=f"cost of {operation.id}",
        account=service.account_id,
        service=service.id,
        operation=operation.id,
        detail={"expected": str(expected), "shown": str(real)},
    )


async def report_other_currency(session: AsyncSession, service: Service, snapshot: UpstreamSnapshot) -> bool:
    """Report an item that costs another currency than the account's, unless its upstream had quoted in that one and a
    rate was known. True if it is news.
    """
    currency = snapshot.cost_currency
    if snapshot.cost_amount is None or currency is None:
        return False
    account = await session.get_one(UpstreamAccount, snapshot.account_id)
    if currency == account.currency:
        return False
    prices = (await session.exec(select(Operation.price).where(Operation.service_id == service.id))).all()
    if any(price.get("quoted", "").endswith(f" {currency}") for price in prices):
        return False
    real = Money(amount=snapshot.cost_amount, currency=currency)
    return await raise_incident(
        session,
        IncidentKind.OTHER_TERM,
        f"service {service.id} costs {real} at the upstream, but the account is kept in {account.currency}. Look at "
        f"what was charged; then ask the upstream for a plan in {account.currency}, or change the account's currency "
        "in the catalogue",
        about=f"currency of service {service.id}: {currency}",
        account=service.account_id,
        service=service.id,
        detail={"expected": account.currency, "shown": str(real)},
    )


async def show_cost_seen_late(session: AsyncSession, service: Service, snapshot: UpstreamSnapshot) -> bool:
    """The item shows another cost. The list may have completed what was bought before any form showed its cost.

    True if it was dearer than expected.
    """
    found = await session.exec(
        select(Operation)
        .where(Operation.service_id == service.id, col(Operation.kind).in_(_OF_A_PERIOD))
        .order_by(col(Operation.id).desc())
        .limit(1)
    )
    latest = found.first()
    if latest is None or latest.stage is not Stage.COMPLETED:
        return False
    if not await _shows_what_was_charged(session, latest, snapshot):
        return False
    if latest.ended_at is None or utc_now() - latest.ended_at > _SHOWN_LATE:
        return False
    return await show_real_cost(session, service, latest, snapshot)


def _expected(operation: Operation) -> Money | None:
    """What was expected before the item's cost was seen: what the upstream quoted, or what the catalogue says."""
    quoted = operation.price.get("quoted", "") if operation.price.get("source") == _QUOTE else ""
    if quoted.endswith(f" {operation.cost_currency}"):
        return Money.parse(quoted)
    if _ITEM_COSTS in operation.price and "expected" in operation.price:
        return Money.parse(operation.price["expected"])
    return operation.cost


def _why_it_can_differ(operation: Operation) -> str:
    is_quoted = operation.price.get("source") == _QUOTE
    return "the upstream quoted that before" if is_quoted else "the upstream showed no price before"


async def _shows_what_was_charged(session: AsyncSession, operation: Operation, snapshot: UpstreamSnapshot) -> bool:
    """What the item costs is what was charged for the operation, or the nearest that anybody can know."""
    if operation.price.get("source") == "catalogue":
        return True
    if operation.price.get("source") != _QUOTE:
        return False
    account = await session.get_one(UpstreamAccount, snapshot.account_id)
    return adapter_of(account.kind).capabilities.shows_charges


def _is_of_the_item_s_period(service: Service, operation: Operation) -> bool:
    """An item shows what its own period costs, and nothing of others."""
    if operation.kind is not OperationKind.PROLONG:
        return True
    return Renewal.of(operation.parameters).months(service.period_months) == service.period_months


def _limit(operation: Operation) -> str:
    return f" (at most {operation.agreed_limit} was agreed)" if operation.agreed_limit is not None else ""
