"""Amounts and the ways a panel writes them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

CENT: Final = Decimal("0.01")
_NBSP: Final = "\u00a0"
_WORDS: Final = {"RUB": "руб.", "EUR": "€", "USD": "$"}
_PER_EURO: Final = {"EUR": Decimal(1), "USD": Decimal("1.10"), "RUB": Decimal(100)}


class MoneyStyle(StrEnum):
    """How money appears where people read it."""

    PLAIN = "plain"
    """``1234.56 EUR``"""
    LOCAL = "local"
    """``1 234,56 руб.`` with no-break spaces"""


class CurrencyStyle(StrEnum):
    """How a column that holds nothing but a currency names it."""

    CODE = "code"
    LOWER = "lower"
    """``eur``"""
    SIGN = "sign"
    """``€``"""


def sign(currency: str) -> str:
    """What stands for the currency where people read it."""
    return _WORDS.get(currency, currency)


def currency_column(currency: str, style: CurrencyStyle) -> str:
    """The text of a column that holds nothing but a currency."""
    match style:
        case CurrencyStyle.CODE:
            return currency
        case CurrencyStyle.LOWER:
            return currency.lower()
        case CurrencyStyle.SIGN:
            return sign(currency)


def cents(amount: Decimal) -> Decimal:
    """Rounded to two decimals, halves up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def text(amount: Decimal, currency: str, style: MoneyStyle) -> str:
    """An amount with its currency, as a person would read it."""
    match style:
        case MoneyStyle.PLAIN:
            return f"{cents(amount)} {currency}"
        case MoneyStyle.LOCAL:
            return f"{number(amount, style)}{_NBSP}{_WORDS.get(currency, currency)}"


def number(amount: Decimal, style: MoneyStyle) -> str:
    """An amount without its currency."""
    match style:
        case MoneyStyle.PLAIN:
            return str(cents(amount))
        case MoneyStyle.LOCAL:
            return f"{cents(amount):,}".replace(",", _NBSP).replace(".", ",")


def convert(amount: Decimal, source: str, target: str) -> Decimal:
    """An amount in another currency, at the simulator's fixed rates (EUR 1 = USD 1.10 = RUB 100)."""
    if source == target:
        return amount
    return cents(amount / _PER_EURO.get(source, Decimal(1)) * _PER_EURO.get(target, Decimal(1)))
