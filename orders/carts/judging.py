"""Paying what the upstream put into its cart: whose each row is, what may be paid, and was it paid?

The rule is: everything that is shown there is ours by proof and has its money set aside, or nothing is paid. Pure: no
I/O. The transactions are in orders.carts.paying; the page is docs/carts.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from models.enums import UnpaidKind
from models.invariants import required
from models.money import Money
from orders.settlement.verdicts import Judgement, Verdict
from upstreams.carts import Cart, CartRow

UNREADABLE_AT_MOST = timedelta(minutes=10)
"""A cart that can't be read is read again for at least this long before a person is asked about a payment."""


@dataclass(frozen=True)
class Claim:
    """An operation of ours that has something unpaid at the upstream."""

    operation: int
    service: int
    kind: UnpaidKind
    number: str
    """Number of the row or order, from the answer to our own request; empty if it named none."""
    product_type: str
    item: str
    """The item that the service is already (a renewal, a change); empty for an opening."""
    mark: str
    name: str
    set_aside: Money | None
    """What is granted for it; None: nothing."""
    busy: str = ""
    """Why it can't be paid now although money is set aside, in words; empty: it can."""


@dataclass(frozen=True)
class Holder:
    """The service of ours that the item of a row is, although no operation of ours is known to have made that row."""

    service: int
    operation: int | None
    """One of it that runs, and may have made the row."""


@dataclass(frozen=True)
class Owned:
    """A row of the cart and whose it is; `claim` is None where nobody of ours could be proven to own it."""

    row: CartRow
    claim: Claim | None
    item: str = ""
    """The item's number, where the item's form bears it out."""
    holder: Holder | None = None
    """Without a claim: whose item it is."""


class CartStep(StrEnum):
    PAY = "pay"
    WAIT = "wait"
    """Ours, and not payable yet: another operation comes first, or waits itself."""
    GONE = "gone"
    """Our row is not there (any more): it was paid or removed by somebody, or is shown late."""
    OTHER_SUM = "other_sum"
    """What is set aside is not what the row costs."""
    FOREIGN = "foreign"
    BY_HAND = "by_hand"
    """No machine can pay by what is shown."""


@dataclass(frozen=True)
class CartDecision:
    step: CartStep
    reason: str = ""
    own: tuple[Owned, ...] = ()
    covered: tuple[Owned, ...] = ()
    """PAY: all that this payment pays."""
    price: Money | None = None
    """OTHER_SUM: what the row costs."""


def decide_cart(
    cart: Cart, owned: Sequence[Owned], me: Claim, currency: str, *, under_way: Sequence[int] = ()
) -> CartDecision:
    """What may be done about `me`, seeing everything in the cart. `under_way`: operations whose row may be there and
    can't be known yet, because the answer to their request is not known."""
    own = tuple(one for one in owned if one.claim is not None and one.claim.operation == me.operation)
    strangers = [one.row.label for one in owned if one.claim is None and one.holder is None]
    if cart.unreadable:
        return CartDecision(CartStep.BY_HAND, f"the cart can't be read: {cart.unreadable}{_ours(own)}", own)
    if strangers and under_way:
        numbers = ", ".join(str(number) for number in under_way)
        reason = f"{'; '.join(strangers)} may be of operation {numbers}, which has not found its row or item yet"
        return CartDecision(CartStep.WAIT, reason, own)
    if strangers:
        reason = (
            f"in the cart is something that no order of ours put there ({'; '.join(strangers)}), so nothing is paid"
        )
        return CartDecision(CartStep.FOREIGN, f"{reason}{_ours(own)}", own)
    unclaimed = [(one.row.label, one.holder) for one in owned if one.claim is None and one.holder is not None]
    if unclaimed:
        return _held_by_services(unclaimed, own)
    if not own:
        return CartDecision(CartStep.GONE, f"{_named(me)} is not in the cart")
    if len(own) > 1:
        return CartDecision(CartStep.BY_HAND, f"{len(own)} rows for one order; only one may be paid{_ours(own)}", own)
    owned = _with_sums(cart, owned)
    odd = _odd_sums(cart, owned, currency)
    if odd:
        return CartDecision(CartStep.BY_HAND, f"{odd}{_ours(own)}", own)
    return _by_money(owned, me, own[0].row.order)


def _held_by_services(unclaimed: Sequence[tuple[str, Holder]], own: tuple[Owned, ...]) -> CartDecision:
    """Ours by their item, and nobody has set their money aside: not foreign, and not payable."""
    said = "; ".join(f"{label}, of our service {holder.service}" for label, holder in unclaimed)
    working = sorted({holder.operation for _, holder in unclaimed if holder.operation is not None})
    if len(working) == len({holder.service for _, holder in unclaimed}):
        numbers = ", ".join(str(number) for number in working)
        reason = f"everything in the cart is paid together, and operation {numbers} comes first: {said}"
        return CartDecision(CartStep.WAIT, reason, own)
    return CartDecision(
        CartStep.BY_HAND,
        f"in the cart is something for a service of ours that no order of ours is to pay ({said}); pay it there, or "
        f"take it out{_ours(own)}",
        own,
    )


def _by_money(owned: Sequence[Owned], me: Claim, order: str) -> CartDecision:
    """All rows are ours, with sums that add up."""
    mine = next(one for one in owned if one.claim is not None and one.claim.operation == me.operation)
    if me.busy:
        return CartDecision(CartStep.WAIT, f"{mine.row.label} {me.busy}", (mine,))
    price = required(mine.row.amount, "a sum that was checked")
    if not _is_set_aside(price, me.set_aside):
        aside = f"{me.set_aside} is set aside" if me.set_aside else "nothing is set aside"
        return CartDecision(
            CartStep.OTHER_SUM, f"{mine.row.label} is to be paid, {aside}: set aside anew", (mine,), price=price
        )
    waiting = [reason for one in owned if one is not mine and (reason := _not_payable(one))]
    if waiting:
        reason = f"everything in the cart is paid together, and not all can be yet: {'; '.join(waiting)}"
        return CartDecision(CartStep.WAIT, reason, (mine,))
    together = me.kind is UnpaidKind.CART_ROW
    covered = tuple(one for one in owned if together or one.row.order == order)
    return CartDecision(CartStep.PAY, own=(mine,), covered=covered)


def _not_payable(one: Owned) -> str:
    claim = required(one.claim, "the owner of a row that was checked")
    amount = required(one.row.amount, "a sum that was checked")
    who = f"{one.row.label} of operation {claim.operation}"
    if claim.busy:
        return f"{who} {claim.busy}"
    if _is_set_aside(amount, claim.set_aside):
        return ""
    return f"{who} has {claim.set_aside} set aside" if claim.set_aside else f"{who} waits for money"


def _is_set_aside(price: Money, set_aside: Money | None) -> bool:
    return price == set_aside if set_aside is not None else price.amount == 0


def _with_sums(cart: Cart, owned: Sequence[Owned]) -> tuple[Owned, ...]:
    """One row alone costs the total: a tax or a discount is in it."""
    if len(owned) != 1 or cart.total is None:
        return tuple(owned)
    return (Owned(owned[0].row.model_copy(update={"amount": cart.total}), owned[0].claim, owned[0].item),)


def _odd_sums(cart: Cart, owned: Sequence[Owned], currency: str) -> str:
    amounts = [one.row.amount for one in owned]
    if any(amount is None or amount.currency != currency or amount.amount < 0 for amount in amounts):
        return f"a sum in the cart can't be read as {currency}: {'; '.join(one.row.label for one in owned)}"
    total = sum((amount.amount for amount in amounts if amount is not None), start=Decimal(0))
    if cart.total is not None and (cart.total.currency != currency or cart.total.amount != total):
        return f"the rows in the cart make {total} {currency}, and it says {cart.total}"
    return ""


def _named(claim: Claim) -> str:
    name = "row" if claim.kind is UnpaidKind.CART_ROW else "order"
    return f"{name} {claim.number}" if claim.number else f"what the upstream made of operation {claim.operation}"


def _ours(own: Sequence[Owned]) -> str:
    return f". Ours: {'; '.join(one.row.label for one in own)}" if own else ""


def by_number(row: CartRow, claims: Sequence[Claim], rows: Sequence[CartRow]) -> Claim | None:
    """Owner of this row by the number in the answer to our own request.

    The number of an order of several rows proves nothing about one of them, unless all are of one operation.
    """
    for claim in claims:
        if not claim.number:
            continue
        if claim.kind is UnpaidKind.CART_ROW and row.number == claim.number:
            return claim
        if claim.kind is UnpaidKind.ORDER and row.order == claim.number:
            together = [other for other in rows if other.order == row.order]
            sharing = [other for other in claims if other.kind is claim.kind and other.number == claim.number]
            if len(together) == 1 and len(sharing) == 1:
                return claim
    return None


def by_item(row: CartRow, claims: Sequence[Claim]) -> Claim | None:
    """Owner of this row by its item, which already belongs to a service of ours."""
    found = [
        claim
        for claim in claims
        if claim.item and claim.item == row.item and row.product_type in ("", claim.product_type)
    ]
    return found[0] if len(found) == 1 else None


@dataclass(frozen=True)
class PaymentEvidence:
    """What is known of a payment whose answer was lost."""

    effect: bool
    """The upstream shows what was paid for: the item is opened, the expiry grown, the values are there."""
    in_cart: bool | None
    """Whether the row is still shown; None: the cart can't be read."""
    charged: bool | None
    """Whether a charge of that sum for that item is listed since; None: that can't be known."""
    still_ordered: bool
    """The item was read, and is not paid yet (status ordered)."""
    unknown_since: datetime
    now: datetime
    window: timedelta
    item: str = ""
    what: str = ""


def judge_payment(evidence: PaymentEvidence) -> Judgement:
    """Paid, not paid, or a person's matter. Absence alone never lets anything be paid a second time."""
    numbers = (evidence.item,) if evidence.item else ()
    if evidence.effect or (evidence.in_cart is False and evidence.charged):
        return Judgement(Verdict.DONE, numbers)
    if evidence.now < evidence.unknown_since + evidence.window:
        return Judgement(Verdict.WAIT, reason=f"{evidence.what} is not seen to be paid yet")
    if evidence.in_cart is None:
        late = evidence.now > evidence.unknown_since + max(10 * evidence.window, UNREADABLE_AT_MOST)
        reason = f"the cart can't be read to see whether {evidence.what} is still there"
        return Judgement(Verdict.CANNOT_TELL if late else Verdict.WAIT, numbers, reason)
    if not evidence.in_cart:
        reason = f"{evidence.what} is not in the cart any more, and nothing shows that it was paid"
        return Judgement(Verdict.CANNOT_TELL, numbers, reason)
    if evidence.charged:
        reason = f"{evidence.what} is still in the cart, and a charge of that sum for that item is listed as well"
        return Judgement(Verdict.CANNOT_TELL, numbers, reason)
    if evidence.still_ordered or evidence.charged is False:
        return Judgement(Verdict.NOT_DONE, reason=f"{evidence.what} is still in the cart, unpaid")
    reason = f"{evidence.what} is still in the cart, but the list of charges can't be read"
    return Judgement(Verdict.CANNOT_TELL, numbers, reason)
