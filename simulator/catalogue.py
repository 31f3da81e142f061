"""What the panel sells by default."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import Final

from pydantic import BaseModel, Field

from simulator.entities import ItemType

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


class Pricelist(BaseModel):
    """A tariff plan."""

    id: int
    type: ItemType
    name: str
    description: str
    prices: dict[int, Decimal]
    currency: str = "EUR"
    datacenters: list[int] = Field(default_factory=list)
    addons: list[Addon] = Field(default_factory=list)
    ostempl: list[str] = Field(default_factory=list)
    recipes: list[str] = Field(default_factory=list)
    resources: dict[str, str] = Field(default_factory=dict)
    tld: str = ""
    """Of a tariff for domains: what their names end with."""
    max_multiple_order_count: int = 10
    active: bool = True

    def addon(self, number: int) -> Addon | None:
        """The add-on of that number."""
        return next((addon for addon in self.addons if addon.id == number), None)

    def price(self, period: int, addons: dict[int, str]) -> Decimal:
        """What one period costs with these add-on values."""
        months = max(period, 0)
        extra = sum((self._addon_price(number, value) for number, value in addons.items()), Decimal(0))
        return self.prices[period] + extra * months

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


def _monthly(month: str, year: str) -> dict[int, Decimal]:
    one, twelve = Decimal(month), Decimal(year)
    return {1: one, 3: one * 3, 6: one * 6, 12: twelve, 24: twelve * 2, 36: twelve * 3}


def _yearly(year: str) -> dict[int, Decimal]:
    return {12: Decimal(year), 24: Decimal(year) * 2}


def _ram(number: int) -> Addon:
    return Addon(
        id=number,
        intname="ram",
        title="RAM, GB",
        kind=AddonKind.INT,
        included=2,
        maximum=16,
        unit_price=Decimal("1.00"),
    )


def _backup(number: int) -> Addon:
    return Addon(id=number, intname="backup", title="Daily backup", kind=AddonKind.BOOL, unit_price=Decimal("2.00"))


_SYSTEMS: Final = ["Debian-12", "Ubuntu-24.04"]


def default_catalogue() -> list[Pricelist]:
    """The tariffs a new panel starts with; the numbers are stable and documented."""
    return [
        Pricelist(
            id=58,
            type=ItemType.VDS,
            name="VPS-1",
            description="VPS-1: 1 core, 2 GB RAM, 30 GB disk",
            prices=_monthly("5.00", "50.00"),
            datacenters=[1, 2],
            addons=[_ram(61), _backup(62)],
            ostempl=_SYSTEMS,
            recipes=list(RECIPES),
            resources={"disk": "30", "ram": "2", "cpu": "1"},
        ),
        Pricelist(
            id=59,
            type=ItemType.VDS,
            name="VPS-2",
            description="VPS-2: 2 cores, 4 GB RAM, 60 GB disk",
            prices=_monthly("10.00", "100.00"),
            datacenters=[1, 2],
            addons=[_ram(71), _backup(72)],
            ostempl=_SYSTEMS,
            recipes=list(RECIPES),
            resources={"disk": "60", "ram": "4", "cpu": "2"},
        ),
        Pricelist(
            id=60,
            type=ItemType.VDS,
            name="VPS-1 RAM+",
            description="VPS-1 RAM+: 1 core, 4 GB RAM, 30 GB disk",
            prices=_monthly("7.00", "70.00"),
            datacenters=[1],
            addons=[_ram(81)],
            ostempl=_SYSTEMS,
            recipes=list(RECIPES),
            resources={"disk": "30", "ram": "4", "cpu": "1"},
        ),
        Pricelist(
            id=20,
            type=ItemType.VHOST,
            name="Host-S",
            description="Host-S: 5 GB, 3 sites",
            prices=_monthly("2.00", "20.00"),
            datacenters=[1],
            addons=[
                Addon(
                    id=25,
                    intname="panel",
                    title="Control panel",
                    kind=AddonKind.ENUM,
                    values={"lite": Decimal(0), "pro": Decimal("1.50")},
                )
            ],
            resources={"disk": "5"},
        ),
        Pricelist(
            id=21,
            type=ItemType.VHOST,
            name="Host-M",
            description="Host-M: 20 GB, 10 sites",
            prices=_monthly("4.00", "40.00"),
            datacenters=[1],
            resources={"disk": "20"},
        ),
        Pricelist(
            id=90,
            type=ItemType.DEDIC,
            name="Dedic-1",
            description="Dedic-1: 8 cores, 64 GB RAM, 2 x 1 TB",
            prices=_monthly("60.00", "600.00"),
            datacenters=[1],
            ostempl=_SYSTEMS,
            recipes=list(RECIPES),
            resources={"disk": "2000", "ram": "64", "cpu": "8"},
        ),
        Pricelist(
            id=3541,
            type=ItemType.SOFT,
            name="Panel Lite",
            description="Panel Lite licence",
            prices={TRIAL: Decimal(0), **_monthly("4.00", "40.00")},
            addons=[
                Addon(
                    id=3889,
                    intname="webdomains",
                    title="Web domains",
                    kind=AddonKind.INT,
                    included=3,
                    maximum=100,
                    unit_price=Decimal("0.10"),
                )
            ],
        ),
        Pricelist(
            id=3542,
            type=ItemType.SOFT,
            name="Panel Pro",
            description="Panel Pro licence",
            prices={**_monthly("9.50", "95.00"), LIFETIME: Decimal("300.00")},
        ),
        Pricelist(
            id=3601,
            type=ItemType.SOFTEXTERNAL,
            name="Backup Agent",
            description="Backup Agent licence",
            prices=_monthly("3.00", "30.00"),
        ),
        Pricelist(
            id=410,
            type=ItemType.CERTIFICATE,
            name="DV SSL",
            description="Domain validated certificate",
            prices=_yearly("12.00"),
            max_multiple_order_count=1,
        ),
        Pricelist(
            id=510,
            type=ItemType.DOMAIN,
            name="Domain .example",
            description="Domain name in .example",
            prices=_yearly("9.00"),
            tld="example",
            max_multiple_order_count=1,
        ),
    ]
