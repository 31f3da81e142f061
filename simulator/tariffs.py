"""The tariffs that a new panel starts with."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from simulator.catalogue import DAY, LIFETIME, RECIPES, TRIAL, Addon, AddonKind, Pricelist
from simulator.itemtypes import ItemType


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
            id=3701,
            type=ItemType.ADDITION,
            name="Panel Module",
            description="A module for a panel licence",
            prices=_monthly("2.00", "20.00"),
        ),
        Pricelist(
            id=70,
            type=ItemType.INSTANCES,
            name="Instance-1",
            description="Instance-1: 1 core, 1 GB RAM, 20 GB disk, also by the day",
            prices={DAY: Decimal("0.20"), **_monthly("6.00", "60.00")},
            datacenters=[1, 2],
            addons=[_ram(75)],
            ostempl=_SYSTEMS,
            recipes=list(RECIPES),
            resources={"disk": "20", "ram": "1", "cpu": "1"},
        ),
        Pricelist(
            id=80,
            type=ItemType.NOT_INSTALL,
            name="Bare-1",
            description="Bare-1: a server without a system",
            prices=_monthly("30.00", "300.00"),
            datacenters=[1],
            resources={"disk": "500"},
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
