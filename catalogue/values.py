"""The kinds of values in a catalogue file. Each raises ValueError saying what would be right."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

from models.money import Money
from orders.money.addonprices import UnitPrice

_MONEY = re.compile(r"\d{1,14}(\.\d{1,4})? [A-Z]{3}")
_DECIMAL = re.compile(r"-?\d{1,14}(\.\d{1,4})?")
_MONTHS = re.compile(r"0|-100|[1-9]\d{0,3}")


def _money(value: object) -> object:
    if isinstance(value, float | int) and not isinstance(value, bool):
        raise ValueError(f'{value} has no currency; write an exact amount as text, like "7.90 EUR"')
    if isinstance(value, str):
        if not _MONEY.fullmatch(value):
            raise ValueError(f'"{value}" is not an amount of money; write it like "7.90 EUR"')
        return Money.parse(value)
    return value


def _decimal(value: object) -> object:
    if isinstance(value, float):
        raise ValueError(f'{value} is not exact; write the amount as text, like "50.00"')
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str):
        if not _DECIMAL.fullmatch(value):
            raise ValueError(f'"{value}" is not a plain amount; write it without a currency, like "50.00"')
        return Decimal(value)
    return value


def _addon_amount(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(choice): str(_choice_amount(choice, amount)) for choice, amount in value.items()}
    if not isinstance(value, str):
        raise ValueError(f'{value} has no currency; write what a unit costs a month, like "1.00 EUR"')
    UnitPrice.parse(value)
    return value


def _choice_amount(choice: object, amount: object) -> object:
    if not isinstance(amount, str) or not _MONEY.fullmatch(amount):
        raise ValueError(f'what "{choice}" costs a month is an amount of money, like "1.50 EUR"')
    return amount


def _months(value: object) -> object:
    if isinstance(value, str):
        if not _MONTHS.fullmatch(value):
            words = 'write it like "12" ("0": for ever, "-100": a trial)'
            raise ValueError(f'"{value}" is not a number of months; {words}')
        return int(value)
    return value


Amount = Annotated[Money, BeforeValidator(_money)]
"""`"7.90 EUR"`."""
AddonAmount = Annotated[str | dict[str, str], BeforeValidator(_addon_amount)]
"""`"1.00 EUR"` a unit and month, `"1.00 EUR above 2"`, or a table of choices; see orders.money.addonprices."""
PlainAmount = Annotated[Decimal, BeforeValidator(_decimal)]
"""`"50.00"` or a whole number, in the account's currency."""
Months = Annotated[int, BeforeValidator(_months)]
"""A key of a table, so text: `"12"`."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^\S(.*\S)?$")]
AccountName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""Part of workflow ids and addresses."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
