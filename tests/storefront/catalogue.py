"""A small catalogue: one upstream, one module, two plans."""

from decimal import Decimal

from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, TariffPlan, TariffPlanPrice, UpstreamAccount
from models.database import Database
from models.enums import ModuleKind
from tests.infrastructure.filling import filled_once


@filled_once
async def fill_catalogue(database: Database) -> None:
    """VDS-1 for 1 and 12 months at upstream `main`; VDS-2 is there, but mapped to nothing."""
    async with database.write() as session:
        account = UpstreamAccount(
            name="main",
            kind="billmanager",
            url="https://upstream.test/billmgr",
            settings={"dialect": 6, "username": "reseller"},
            currency="EUR",
        )
        plan = TariffPlan(name="VDS-1", product_type="vds", resources={"disk_gb": 30})
        unmapped = TariffPlan(name="VDS-2", product_type="vds")
        by_hand = ProcessingModule(name="manual", kind=ModuleKind.MANUAL, product_type="vds", department="support")
        session.add_all([account, plan, unmapped, by_hand])
        await session.flush()
        assert plan.id is not None
        module = ProcessingModule(
            name="main-vds",
            account_id=account.id,
            product_type="vds",
            department="support",
            minimal_balance=Decimal("50.00"),
        )
        session.add(module)
        await session.flush()
        assert module.id is not None
        mapping = PlanMapping(
            plan_id=plan.id,
            module_id=module.id,
            tariff="58",
            addons={"ram": "addon_61"},
            templates={"debian-12": "Debian-12"},
        )
        session.add(mapping)
        await session.flush()
        assert mapping.id is not None
        for months, cost in ((1, Decimal("5.00")), (12, Decimal("50.00"))):
            session.add(
                MappedPeriod(
                    mapping_id=mapping.id,
                    period_months=months,
                    upstream_period=months,
                    cost_amount=cost,
                    cost_currency="EUR",
                )
            )
            session.add(TariffPlanPrice(plan_id=plan.id, period_months=months, amount=cost * 2, currency="EUR"))
