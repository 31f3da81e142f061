"""What an order that was called off left in the cart: taken out where it is proven ours, else shown to a person.

An unpaid row is no trifle: whatever pays that cart next, a top-up or a person, would buy what nobody wants any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import col, select

from models.database import Database
from models.enums import FailureClass, IntentState, OperationKind, UnpaidKind
from models.money import Money
from models.order import Intent
from orders.accounts.pausing import unrecorded_change
from orders.carts import paying
from orders.carts.rows import Left, left_in_cart, remove_own_row
from orders.lifecycle.stages import locked_operation
from orders.operations.job import Job
from orders.settlement import intents
from upstreams.carts import CartRow
from upstreams.port import Upstream


class InCart(StrEnum):
    NOTHING = "nothing"
    REMOVED = "removed"
    """Something was taken out: the upstream is looked at again before the order ends."""
    LEFT = "left"
    """A person has to look."""


@dataclass(frozen=True)
class Cleared:
    outcome: InCart
    reason: str = ""


async def clear_cart(database: Database, job: Job, upstream: Upstream) -> Cleared:
    """Remove what an order that is not done left in the cart. Raises errors of `upstreams.errors` from reading."""
    if job.operation.kind not in paying.CHARGED_FOR:
        return Cleared(InCart.NOTHING)
    calls, debt = await _calls(database, job)
    left = await left_in_cart(database, job, upstream, first=debt.unpaid_kind if debt is not None else None)
    if debt is not None and debt.unpaid_kind in left.refused:
        words = f"{_named(debt)} is unpaid, and the upstream does not show its cart to this account"
        return Cleared(InCart.LEFT, words)
    if not left.ours and not left.strangers:
        return _nothing_there(job, debt)
    if left.strangers and not left.ours:
        return Cleared(InCart.LEFT, f"nothing says whose it is in the cart: {left.labels}")
    if job.operation.kind is OperationKind.OPEN:
        removed = await remove_own_row(database, job, upstream)
        return _removed(left) if removed else Cleared(InCart.LEFT, f"it is in the cart, unpaid: {left.labels}")
    return await _take_out(database, job, upstream, left, calls)


async def _calls(database: Database, job: Job) -> tuple[list[Intent], Intent | None]:
    async with database.read() as session:
        found = await session.exec(
            select(Intent).where(Intent.operation_id == job.number).order_by(col(Intent.id).desc())
        )
        return list(found.all()), await intents.owed(session, job.number)


def _nothing_there(job: Job, debt: Intent | None) -> Cleared:
    """A row that is gone may have been paid by somebody: absence alone is no proof (docs/carts.md). A paid opening
    would show its item in the complete list."""
    if debt is None or job.operation.kind is OperationKind.OPEN:
        return Cleared(InCart.NOTHING)
    words = f"{_named(debt)} is not in the cart any more, and nothing shows that it was paid or who removed it"
    return Cleared(InCart.LEFT, words)


async def _take_out(database: Database, job: Job, upstream: Upstream, left: Left, calls: Sequence[Intent]) -> Cleared:
    item = job.service.upstream_number or ""
    doubts = [
        doubt
        for unpaid_kind, row in left.ours
        if (doubt := doubt_about(item, job.operation.cost, unpaid_kind, row, left, calls))
    ]
    if doubts:
        return Cleared(InCart.LEFT, f"it is in the cart, unpaid, and not removed by machine: {'; '.join(doubts)}")
    for unpaid_kind, row in left.ours:
        async with unrecorded_change(database, job.account_id):
            await upstream.remove_cart_row(unpaid_kind, row.number or row.order)
    still = await left_in_cart(database, job, upstream, first=left.ours[0][0])
    numbers = {(row.number, row.order) for _, row in left.ours}
    if any((row.number, row.order) in numbers for _, row in still.ours):
        return Cleared(InCart.LEFT, f"it is in the cart, unpaid, and can't be removed: {still.labels}")
    async with database.write() as session:
        await locked_operation(session, job.number)
        await paying.forget_row(session, job.number, "its row was taken out of the cart, unpaid")
    return _removed(left)


def doubt_about(
    item: str, cost: Money | None, unpaid_kind: UnpaidKind, row: CartRow, left: Left, calls: Sequence[Intent]
) -> str:
    """Why the row of a renewal or change is not taken out by machine; empty: it is proven to be this order's.

    The number in our own answer proves it. Where no answer named one, the row must be the only one about our item, cost
    what the order costs, and some request must have been able to leave it.
    """
    if row.item not in ("", row.number, item):  # some carts show their own number there
        return f"{row.label} is about another item than the service's"
    if not (row.number or row.order):
        return f"{row.label} has no number to remove it by"
    if row.number in ("", row.order) and any(other.order == row.order for other in left.others):
        return f"{row.label} can't be removed without others of its order"
    named = {(call.unpaid_kind, call.unpaid_number) for call in calls if call.unpaid_number}
    own = row.number if unpaid_kind is UnpaidKind.CART_ROW else row.order
    if named and (unpaid_kind, own) not in named:
        return f"{row.label} is not what the upstream's answer named"
    if len(left.ours) > 1:
        return f"{row.label} is one of {len(left.ours)} about our item"
    if named:
        return ""
    if not any(_may_leave_a_row(call) for call in calls):
        return f"{row.label} is about our item, but no request of this order was left unpaid"
    if cost is None or row.amount != cost:
        return f"{row.label} does not cost what this order does ({cost or 'not known'})"
    return ""


def _may_leave_a_row(call: Intent) -> bool:
    """It was taken without a charge, its answer was lost, or money was wanting."""
    lost = call.state is IntentState.NOT_DONE or call.unknown_since is not None
    return call.unpaid_kind is not None or lost or call.failure_class is FailureClass.FUNDS


def _named(debt: Intent) -> str:
    name = "row" if debt.unpaid_kind is UnpaidKind.CART_ROW else "order"
    to_pay = debt.evidence.get("to_pay")
    return f"{name} {debt.unpaid_number or '(without a number)'}{f' ({to_pay})' if to_pay else ''}"


def _removed(left: Left) -> Cleared:
    return Cleared(InCart.REMOVED, f"what it had left unpaid in the cart is removed: {left.labels}")
