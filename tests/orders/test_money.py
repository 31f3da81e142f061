"""Money is exact, and two currencies never mix."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from models.money import CurrencyMismatch, Money

EUR = "EUR"


def eur(amount: str) -> Money:
    return Money.of(amount, EUR)


def test_sums_are_exact_where_floats_are_not() -> None:
    assert eur("0.10") + eur("0.20") == eur("0.30")
    assert sum((eur("0.10") for _ in range(9)), eur("0.10")).amount == Decimal("1.00")
    assert eur("10") - eur("0.01") == eur("9.99")


def test_amounts_are_compared_by_value() -> None:
    assert eur("5") == eur("5.00")
    assert eur("4.99") < eur("5")
    assert eur("5") <= eur("5.0000")
    assert not eur("5") < eur("5")
    assert eur("9") > eur("5") >= eur("5")
    assert Money.zero(EUR) == eur("0")


@pytest.mark.parametrize(
    "meet",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a < b,
        lambda a, b: a <= b,
        lambda a, b: a > b,
        lambda a, b: a >= b,
    ],
)
def test_two_currencies_never_mix(meet: object) -> None:
    assert callable(meet)
    with pytest.raises(CurrencyMismatch, match="are of different currencies"):
        meet(eur("5"), Money.of(5, "USD"))


def test_the_same_amount_of_another_currency_is_not_equal() -> None:
    assert eur("5") != Money.of(5, "USD")


@pytest.mark.parametrize(
    ("text", "amount"),
    [("7.90 EUR", "7.90"), (" 7.90 EUR ", "7.90"), ("7.90  EUR", "7.90"), ("0 EUR", "0"), ("-3.5 EUR", "-3.5")],
)
def test_our_own_notation_is_read(text: str, amount: str) -> None:
    assert Money.parse(text) == eur(amount)


@pytest.mark.parametrize(
    "text",
    ["", "7.90", "EUR", "EUR 7.90", "7,90 EUR", "7.90 eur", "7.90 EURO", "NaN EUR", "Infinity EUR", "7.90 EUR x"],
)
def test_anything_else_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like '7\.90 EUR'"):
        Money.parse(text)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises(ValidationError):
        Money(amount=Decimal(amount), currency=EUR)


def test_people_see_two_decimals_and_the_currency() -> None:
    assert str(eur("7.9")) == "7.90 EUR"
    assert str(eur("1234567.5")) == "1234567.50 EUR"


@pytest.mark.parametrize("text", ["7.90 EUR", "0.00 USD", "-1.25 RUB"])
def test_what_is_written_can_be_read_again(text: str) -> None:
    assert str(Money.parse(text)) == text


def test_json_keeps_every_digit() -> None:
    money = eur("0.1000000000000000055511151231257827")
    assert Money.model_validate_json(money.model_dump_json()) == money
