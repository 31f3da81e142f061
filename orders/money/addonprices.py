"""What add-ons cost, or are sold for, as the catalogue writes it: per unit and month, or per choice and month.

`"1.00 EUR"` is the price of each unit; `"1.00 EUR above 2"` of each unit above the two that the plan includes. A switch
that is on counts as one unit. Of an add-on that is a choice there is a table, like
`{ lite = "0.00 EUR", pro = "1.50 EUR" }`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from models.money import Money

AddonPrice = str | Mapping[str, str]

_PER_UNIT = re.compile(r"(?P<money>\d{1,14}(?:\.\d{1,4})? [A-Z]{3})(?: above (?P<included>\d{1,9}))?")
_NOTHING = frozenset({"0", "off", ""})


@dataclass(frozen=True)
class UnitPrice:
    """Price of one unit above those included, for a month."""

    money: Money
    included: int = 0

    @classmethod
    def parse(cls, text: str) -> "UnitPrice":
        """Raises ValueError saying what would be right."""
        found = _PER_UNIT.fullmatch(text)
        if found is None:
            raise ValueError(f'"{text}" is not what a unit costs; write it like "1.00 EUR" or "1.00 EUR above 2"')
        return cls(Money.parse(found["money"]), int(found["included"] or 0))


def addon_price(entry: AddonPrice | None, value: int | str, months: int) -> Money | None:
    """What this value of an add-on costs for so many months; None where the catalogue doesn't say it."""
    if entry is None or months <= 0:
        return None
    if not isinstance(entry, str):
        chosen = entry.get(str(value))
        return _times(Money.parse(chosen), months) if chosen is not None else None
    unit = UnitPrice.parse(entry)
    count = _units(value)
    return _times(unit.money, max(0, count - unit.included) * months) if count is not None else None


def addons_total(
    prices: Mapping[str, AddonPrice], chosen: Mapping[str, int | str], months: int, currency: str
) -> tuple[Money, list[str]]:
    """The sum of what is known in this currency, and the add-ons of which it is not known.

    An add-on that is not taken costs nothing, whether the catalogue has a price or not.
    """
    total, unknown = Money.zero(currency), []
    for name, value in sorted(chosen.items()):
        if name not in prices and str(value) in _NOTHING:
            continue
        price = addon_price(prices.get(name), value, months)
        if price is None or price.currency != currency:
            unknown.append(name)
        else:
            total += price
    return total, unknown


def _units(value: int | str) -> int | None:
    if isinstance(value, int):
        return value
    switch = {"on": 1, "off": 0}.get(value)
    return switch if switch is not None else int(value) if value.isascii() and value.isdigit() else None


def _times(money: Money, count: int) -> Money:
    return Money(amount=money.amount * Decimal(count), currency=money.currency)
