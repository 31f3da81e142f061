"""What the panel sells by default."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import Final

from pydantic import BaseModel, Field

from simulator.itemtypes import ItemType

TRIAL: Final = -100
DAY: Final = -50
LIFETIME: Final = 0

DATACENTERS: Final = {1: "Helsinki", 2: "Amsterdam"}
RECIPES: Final = {"null": "none", "docker": "Docker"}
PROJECT: Final = 1


class AddonKind(IntEnum):
    """How the value of an add-on is chosen; the number is the panel's ``addontype``."""

    BOOL = 1
    INT = 2
    ENUM = 3


class Addon(BaseModel):
    """Something that is ordered with a tariff."""

    id: int
    intname: str
    title: str
    kind: AddonKind
    included: int = 0
    maximum: int = 1
    unit_price: Decimal = Decimal(0)
    """Price of one unit above the included ones, per month."""
    values: dict[str, Decimal] = Field(default_factory=dict)
    """For enumerations: the value's key and its price per month."""

    @property
    def default(self) -> str:
        """The value when nothing is asked for."""
        match self.kind:
            case AddonKind.BOOL:
                return "off"
            case AddonKind.INT:
                return str(self.included)
            case AddonKind.ENUM:
                return next(iter(self.values))

    def nearest(self, value: str) -> str:
        """A value carried over from elsewhere, made to fit."""
        match self.kind:
            case AddonKind.BOOL:
                return value if value in ("on", "off") else self.default
            case AddonKind.INT:
                return str(min(max(int(value), self.included), self.maximum)) if value.isdecimal() else self.default
            case AddonKind.ENUM:
                return value if value in self.values else self.default


class Pricelist(BaseModel):
    """A tariff plan."""

    id: int
    type: ItemType
    name: str
    description: str
    prices: dict[int, Decimal]
    renewal_prices: dict[int, Decimal] = Field(default_factory=dict)
    """What the next periods cost, where that is not what the first one costs."""
    currency: str = "EUR"
    datacenters: list[int] = Field(default_factory=list)
    addons: list[Addon] = Field(default_factory=list)
    ostempl: list[str] = Field(default_factory=list)
    recipes: list[str] = Field(default_factory=list)
    resources: dict[str, str] = Field(default_factory=dict)
    tld: str = ""
    """For a tariff of domains: what their names end with."""
    max_multiple_order_count: int = 10
    active: bool = True

    @property
    def internal_name(self) -> str:
        """The name that staff gave it (``intname``)."""
        return f"{self.type.value}_{self.id}"

    def addon(self, number: int) -> Addon | None:
        """The add-on of that number."""
        return next((addon for addon in self.addons if addon.id == number), None)

    def price(self, period: int, addons: dict[int, str]) -> Decimal:
        """What one period costs with these add-on values."""
        months = max(period, 0)
        extra = sum((self._addon_price(number, value) for number, value in addons.items()), Decimal(0))
        return self.prices[period] + extra * months

    def renewal_price(self, period: int, addons: dict[int, str]) -> Decimal:
        """What one more period costs with these add-on values."""
        dearer = self.renewal_prices.get(period, self.prices[period]) - self.prices[period]
        return self.price(period, addons) + dearer

    def _addon_price(self, number: int, value: str) -> Decimal:
        addon = self.addon(number)
        if addon is None:
            return Decimal(0)
        match addon.kind:
            case AddonKind.BOOL:
                return addon.unit_price if value == "on" else Decimal(0)
            case AddonKind.INT:
                return addon.unit_price * max(int(value) - addon.included, 0)
            case AddonKind.ENUM:
                return addon.values.get(value, Decimal(0))


def period_caption(period: int, lang: str) -> str:
    """A period as people read it."""
    russian = lang == "ru"
    match period:
        case -100:
            return "Пробный" if russian else "Trial"
        case -50:
            return "День" if russian else "Day"
        case 0:
            return "Бессрочно" if russian else "Lifetime"
        case 1:
            return "Месяц" if russian else "Month"
        case 12:
            return "Год" if russian else "Year"
        case _:
            return f"{period} мес." if russian else f"{period} months"
