"""Whose is a row, what may be paid, was it paid? The pure judgements, also for carts that nobody thought of."""

import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.enums import UnpaidKind
from models.money import Money
from orders.carts.judging import CartStep, Claim, Owned, PaymentEvidence, by_item, by_number, decide_cart, judge_payment
from orders.settlement.verdicts import Verdict
from upstreams.carts import Cart, CartRow

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
WINDOW = timedelta(seconds=30)


def eur(amount: str) -> Money:
    return Money.of(amount, "EUR")


def claim(
    operation: int,
    number: str = "",
    *,
    kind: UnpaidKind = UnpaidKind.CART_ROW,
    item: str = "",
    set_aside: str | None = "5.00",
    busy: str = "",
) -> Claim:
    money = eur(set_aside) if set_aside is not None else None
    return Claim(operation, operation, kind, number, "vds", item, f"rf-x-{operation}", f"s{operation}", money, busy)


def row(number: str, amount: str = "5.00", *, order: str = "", item: str = "") -> CartRow:
    return CartRow(number=number, order=order, item=item, name=f"n{number}", amount=eur(amount))


def cart(*rows: CartRow, total: str | None = None, unreadable: str = "") -> Cart:
    return Cart(rows=rows, total=eur(total) if total else None, unreadable=unreadable)


def step(one: Cart, owned: list[Owned], me: Claim, *, under_way: tuple[int, ...] = ()) -> CartStep:
    return decide_cart(one, owned, me, "EUR", under_way=under_way).step


ME = claim(1, "11")
MINE = Owned(row("11"), ME, "91")
POOR = claim(1, "11", set_aside=None)


def test_one_row_of_ours_with_its_money_set_aside_is_paid() -> None:
    decision = decide_cart(cart(MINE.row), [MINE], ME, "EUR")
    assert decision.step is CartStep.PAY
    assert decision.covered == (MINE,)


def test_all_rows_of_the_new_cart_are_paid_together() -> None:
    other = Owned(row("12", "7.00"), claim(2, "12", set_aside="7.00"), "92")
    decision = decide_cart(cart(MINE.row, other.row, total="12.00"), [MINE, other], ME, "EUR")
    assert decision.step is CartStep.PAY
    assert decision.covered == (MINE, other)


def test_of_the_old_basket_only_the_order_itself_is_paid() -> None:
    me, other = claim(1, "11", kind=UnpaidKind.ORDER), claim(2, "12", kind=UnpaidKind.ORDER)
    rows = row("11", order="11"), row("12", order="12")
    owned = [Owned(rows[0], me, "91"), Owned(rows[1], other, "92")]
    assert decide_cart(cart(*rows), owned, me, "EUR").covered == (owned[0],)


@pytest.mark.parametrize(
    ("shown", "owned", "me", "expected"),
    [
        (cart(MINE.row, row("12")), [MINE, Owned(row("12"), None)], ME, CartStep.FOREIGN),
        (cart(MINE.row, unreadable="2 of 3 rows"), [MINE], ME, CartStep.BY_HAND),
        (cart(), [], ME, CartStep.GONE),
        (cart(MINE.row, total="6.00"), [MINE], ME, CartStep.OTHER_SUM),
        (cart(row("11", "4.00")), [Owned(row("11", "4.00"), ME)], ME, CartStep.OTHER_SUM),
        (cart(MINE.row), [Owned(MINE.row, POOR)], POOR, CartStep.OTHER_SUM),
        (cart(MINE.row, MINE.row), [MINE, MINE], ME, CartStep.BY_HAND),
        (cart(MINE.row, row("12")), [MINE, Owned(row("12"), claim(2, "12", set_aside=None))], ME, CartStep.WAIT),
        (cart(MINE.row, row("12")), [MINE, Owned(row("12"), claim(2, "12", busy="is being paid"))], ME, CartStep.WAIT),
        (cart(MINE.row, row("12"), total="11.00"), [MINE, Owned(row("12"), claim(2, "12"))], ME, CartStep.BY_HAND),
    ],
    ids=[
        "foreign", "not all rows", "gone", "total with tax", "cheaper", "nothing set aside", "twice",
        "other without money", "other is being paid", "sums do not add up",
    ],
)  # fmt: skip
def test_nothing_else_is_paid(shown: Cart, owned: list[Owned], me: Claim, expected: CartStep) -> None:
    assert step(shown, owned, me) is expected


def test_a_row_in_another_currency_or_without_a_sum_is_not_paid() -> None:
    for amount in (Money.of("5.00", "USD"), None):
        odd = MINE.row.model_copy(update={"amount": amount})
        assert step(cart(odd), [Owned(odd, ME)], ME) is CartStep.BY_HAND


def test_what_costs_nothing_needs_nothing_set_aside() -> None:
    free = row("11", "0.00")
    me = claim(1, "11", set_aside=None)
    assert step(cart(free), [Owned(free, me)], me) is CartStep.PAY


def test_a_row_that_may_be_of_an_order_whose_answer_is_not_known_yet_is_waited_for() -> None:
    assert step(cart(MINE.row, row("12")), [MINE, Owned(row("12"), None)], ME, under_way=(2,)) is CartStep.WAIT


def test_numbers_of_orders_and_of_rows_are_never_mixed_up() -> None:
    rows = [row("11", order="77")]
    assert by_number(rows[0], [claim(1, "11", kind=UnpaidKind.ORDER)], rows) is None
    assert by_number(rows[0], [claim(1, "77")], rows) is None
    assert by_number(rows[0], [claim(1, "77", kind=UnpaidKind.ORDER)], rows) is not None


def test_an_order_of_several_rows_says_of_none_whose_it_is() -> None:
    rows = [row("1", order="77", item="91"), row("2", order="77", item="92")]
    claims = [claim(1, "77", kind=UnpaidKind.ORDER, item="91")]
    assert by_number(rows[0], claims, rows) is None
    assert by_item(rows[0], claims) is claims[0]
    assert by_item(rows[1], claims) is None


def test_whatever_is_in_the_cart_only_what_is_ours_and_set_aside_is_paid() -> None:
    """Of random carts: a payment covers rows of ours only, each exactly with its money, and their sum is the total."""
    chance = random.Random(6)  # noqa: S311 - no secret
    paid = 0
    for _ in range(3000):
        claims = [
            claim(
                number,
                str(10 + number),
                kind=chance.choice(list(UnpaidKind)),
                set_aside=chance.choice(["5.00", "7.00", None]),
                busy=chance.choice(["", "", "", "is being paid"]),
            )
            for number in range(1, chance.randint(2, 4))
        ]
        owned = [
            Owned(row(one.number, chance.choice(["5.00", "5.00", "7.00"]), order=chance.choice(["", one.number])), one)
            for one in claims
            if chance.random() < 0.9
        ]
        if chance.random() < 0.2:
            owned.append(Owned(row("99"), None))
        shown = cart(*(one.row for one in owned), total=chance.choice([None, "5.00", "10.00", "12.00"]))
        decision = decide_cart(shown, owned, claims[0], "EUR", under_way=chance.choice([(), (9,)]))
        if decision.step is not CartStep.PAY:
            continue
        paid += 1
        assert all(one.claim is not None for one in owned)
        assert claims[0].operation in {one.claim.operation for one in decision.covered if one.claim}
        for one in decision.covered:
            assert one.claim is not None
            assert one.row.amount == one.claim.set_aside
            assert not one.claim.busy
    assert paid > 50, "the cases are not all refused"


def evidence(**known: Any) -> PaymentEvidence:
    values: dict[str, Any] = {
        "effect": False,
        "in_cart": True,
        "charged": False,
        "still_ordered": True,
        "unknown_since": NOW - timedelta(hours=1),
        "now": NOW,
        "window": WINDOW,
        "item": "91",
        "what": "row 11 (5.00 EUR)",
    }
    return PaymentEvidence(**(values | known))


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        ({}, Verdict.NOT_DONE),
        ({"effect": True}, Verdict.DONE),
        ({"in_cart": False, "charged": True}, Verdict.DONE),
        ({"in_cart": False}, Verdict.CANNOT_TELL),
        ({"in_cart": False, "charged": None}, Verdict.CANNOT_TELL),
        ({"charged": True}, Verdict.CANNOT_TELL),
        ({"charged": None, "still_ordered": False}, Verdict.CANNOT_TELL),
        ({"charged": None}, Verdict.NOT_DONE),
        ({"in_cart": None, "unknown_since": NOW - timedelta(minutes=5)}, Verdict.WAIT),
        ({"in_cart": None}, Verdict.CANNOT_TELL),
        ({"unknown_since": NOW - timedelta(seconds=29)}, Verdict.WAIT),
    ],
)
def test_was_it_paid(known: dict[str, object], verdict: Verdict) -> None:
    assert judge_payment(evidence(**known)).verdict is verdict


def test_it_is_never_paid_again_unless_the_row_is_seen_in_the_cart_and_no_charge_is() -> None:
    for effect, in_cart, charged, ordered in itertools.product(
        [True, False], [True, False, None], [True, False, None], [True, False]
    ):
        known = evidence(effect=effect, in_cart=in_cart, charged=charged, still_ordered=ordered)
        if judge_payment(known).verdict is Verdict.NOT_DONE:
            assert in_cart is True
            assert not charged
            assert not effect
