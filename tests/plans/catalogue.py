"""A catalogue with everything that a plan can have: add-ons of each kind, several ways of buying it, odd names."""

from decimal import Decimal
from typing import Any

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, TariffPlan, TariffPlanPrice, UpstreamAccount
from models.database import Database
from models.enums import ModuleKind

BIG = "Big / 2 cores, ünï"
"""A plan whose name has spaces, a slash and letters beyond ASCII."""


async def add_plan(
    database: Database,
    name: str,
    product_type: str,
    *ways: tuple[str, dict[int, int], dict[str, object]],
    prices: dict[int, str],
    **more: Any,
) -> None:
    """`ways`: module, months -> the upstream's period, and what else the mapping says."""
    async with database.write() as session:
        plan = TariffPlan(name=name, product_type=product_type, **more)
        session.add(plan)
        await session.flush()
        for months, amount in prices.items():
            session.add(TariffPlanPrice(plan_id=plan.id, period_months=months, amount=Decimal(amount), currency="EUR"))
        for module, periods, mapping in ways:
            await _way(session, plan, module, periods, mapping)


async def _way(
    session: AsyncSession, plan: TariffPlan, module: str, periods: dict[int, int], mapping: dict[str, Any]
) -> None:
    found = (await session.exec(select(ProcessingModule).where(ProcessingModule.name == module))).one_or_none()
    if found is None:
        account = (await session.exec(select(UpstreamAccount).where(UpstreamAccount.name == "main"))).one()
        by_hand = module.startswith("hand")
        found = ProcessingModule(
            name=module,
            kind=ModuleKind.MANUAL if by_hand else ModuleKind.UPSTREAM,
            account_id=None if by_hand else account.id,
            product_type=plan.product_type,
            department="support",
            priority=len(module),
        )
        session.add(found)
        await session.flush()
    row = PlanMapping(plan_id=plan.id, module_id=found.id, **({"tariff": f"t-{plan.id}"} | mapping))
    session.add(row)
    await session.flush()
    for months, upstream_period in periods.items():
        session.add(
            MappedPeriod(
                mapping_id=row.id,
                period_months=months,
                upstream_period=upstream_period,
                cost_amount=Decimal("3.00"),
                cost_currency="EUR",
            )
        )


QUANTITIES: dict[str, object] = {
    "addons": {"ram": "addon_1", "disk": "addon_2", "ip": "addon_3", "odd": "addon_4"},
    "addon_forms": {
        "ram": {"kind": "quantity", "min": 2, "max": 16, "step": 2},
        "disk": {"kind": "quantity", "min": 5, "max": 50, "step": 10},
        "odd": {"kind": "quantity", "min": 1, "max": 1},
    },
}
CHOICES: dict[str, object] = {
    "addons": {"backup": "addon_1", "panel": "addon_2", "level": "addon_3"},
    "addon_forms": {
        "backup": {"kind": "switch"},
        "panel": {"kind": "choice", "choices": {"lite": "1", "pro": "2", "-1": "3"}},
        "level": {"kind": "choice", "choices": {"1": "a", "2": "b", "03": "c"}},
    },
    "templates": {"debian-12": "Debian-12", "ubuntu 24": "Ubuntu"},
}


async def fill(database: Database) -> None:
    """Beside VDS-1 and VDS-2 of the API's own catalogue."""
    await add_plan(
        database,
        BIG,
        "vds",
        ("main-vds", {1: 1, 12: 12}, CHOICES),
        prices={1: "9.90", 12: "99.00", 24: "180"},
        addon_prices={"backup": "2.00 EUR", "panel": {"lite": "0.00 EUR", "pro": "1.50 EUR"}},
        resources={"disk_gb": 60},
    )
    await add_plan(
        database,
        "two ways",
        "vhost",
        ("web", {1: 1}, QUANTITIES),
        ("web-too", {1: 1, 12: 12}, {"addons": {"ram": "addon_9"}, "templates": {"only here": "x"}}),
        prices={1: "2", 12: "20"},
        addon_prices={"ram": "0.50 EUR above 2"},
    )
    await add_plan(
        database, "licence", "soft", ("soft", {1: 1, -100: -100, 0: 0}, {}), prices={1: "4", -100: "0", 0: "300"}
    )
    await add_plan(database, "certificate", "certificate", ("ssl", {12: 12}, {}), prices={12: "20"})
    await add_plan(database, "domain", "domain", ("names", {12: 12}, {}), prices={12: "12"})
    await add_plan(database, "by people", "dedic", ("hands", {1: 1}, CHOICES), prices={1: "90"})
    await add_plan(database, "gone", "vds", ("main-vds", {1: 1}, {}), prices={1: "1"}, active=False)
    await add_plan(database, "unpriced", "vds", ("main-vds", {3: 3}, {}), prices={1: "1"})


ORDERABLE = ("VDS-1", BIG, "two ways", "licence", "certificate", "domain", "by people")
