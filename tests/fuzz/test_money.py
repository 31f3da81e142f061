"""Money: ours is read back as it was written; an upstream's is the amount that it says, or unreadable."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from models.money import Money
from tests.fuzz.amount import at_once, tries
from tests.fuzz.texts import anything, shown
from upstreams.billmanager.moneytext import KNOWN_CODES, UnreadableMoney, number, parse_money
from upstreams.billmanager.prices import price_in_words, sum_to_pay

amounts = some.decimals(Decimal("-1e13"), Decimal("1e13"), places=4) | some.integers(-(10**9), 10**9).map(
    lambda cents: Decimal(cents) / 100
)
codes = some.sampled_from(sorted(KNOWN_CODES))


@given(amounts, codes)
@tries(100)
def test_our_notation_is_read_back(amount: Decimal, code: str) -> None:
    money = Money(amount=amount, currency=code)

    assert Money.parse(str(money)) == money


@given(anything | shown)
@tries(100)
def test_any_other_text_is_no_money_of_ours(text: str) -> None:
    with at_once():
        try:
            money = Money.parse(text)
        except ValueError:
            return
    with at_once():
        assert money.amount.is_finite()
        assert Money.parse(str(money)) == money


@pytest.mark.parametrize("grouping", ["", " ", "\u00a0", "'", ".", ","])
@given(some.integers(0, 10**11), codes, some.booleans())
@tries(20)
def test_an_upstream_s_amount_is_what_it_says(grouping: str, cents: int, code: str, negative: bool) -> None:
    whole = f"{cents // 100:,}".replace(",", grouping)
    mark = "," if grouping in (".", " ", "\u00a0") else "."
    text = f"{'-' if negative else ''}{whole}{mark}{cents % 100:02} {code}"

    amount = Decimal(cents) / 100

    assert parse_money(text, "EUR") == Money(amount=-amount if negative else amount, currency=code)


@given(anything | shown)
@tries(100)
def test_any_text_is_an_amount_that_can_be_kept_or_unreadable(text: str) -> None:
    with at_once():
        for amount in (amount_of(text), number_of(text)):
            assert amount is None or (amount.is_finite() and abs(amount) < 10**14)
        price_in_words(text, "EUR")
        sum_to_pay(text, "EUR")


def amount_of(text: str) -> Decimal | None:
    try:
        return parse_money(text, "EUR").amount
    except UnreadableMoney:
        return None


def number_of(text: str) -> Decimal | None:
    try:
        return number(text)
    except UnreadableMoney:
        return None
