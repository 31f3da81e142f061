"""An account that does not answer, with more orders than there are slots, holds nobody up but itself."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from models.catalogue import (
    MappedPeriod,
    PlanMapping,
    ProcessingModule,
    TariffPlan,
    TariffPlanPrice,
    UpstreamAccount,
)
from models.enums import Stage
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, Shop, Upstream, open_shop
from tests.infrastructure.temporal import TemporalServer

HUNG = "hung"
SLOTS = 4
HELD = 10 * SLOTS
"""Orders of the account that hangs."""
HANGS_SECONDS = 3.0
"""The read time-out of these shops: a call that hangs holds its slot for so long."""


@pytest.fixture
async def shop(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    async with open_shop(
        shop_database, temporal_server, upstream, upstream_concurrency=SLOTS, read_timeout=HANGS_SECONDS
    ) as shop:
        yield shop


async def add_account(shop: Shop) -> None:
    """A second account, with a plan of its own, at an upstream that takes requests and never answers."""
    account = {"name": HUNG, "password": PASSWORD, "balance": "1000.00", "currency": "EUR"}
    await shop.upstream.admin("POST", "/accounts", account)
    async with shop.database.write() as session:
        row = UpstreamAccount(
            name=HUNG,
            kind="billmanager",
            url=shop.upstream.url,
            settings={"dialect": 6, "username": HUNG, "password_env": PASSWORD_VARIABLE},
            currency="EUR",
        )
        session.add(row)
        await session.flush()
        module = ProcessingModule(name="hung-vds", account_id=row.id, product_type="vds", department="support")
        plan = TariffPlan(name="VDS-HUNG", product_type="vds", resources={"disk_gb": 30})
        session.add_all([module, plan])
        await session.flush()
        assert module.id is not None
        assert plan.id is not None
        mapping = PlanMapping(plan_id=plan.id, module_id=module.id, tariff="58", location="1")
        session.add(mapping)
        await session.flush()
        assert mapping.id is not None
        session.add(TariffPlanPrice(plan_id=plan.id, period_months=1, amount=Decimal("7.90"), currency="EUR"))
        session.add(
            MappedPeriod(
                mapping_id=mapping.id,
                period_months=1,
                upstream_period=1,
                cost_amount=Decimal("5.00"),
                cost_currency="EUR",
            )
        )


async def test_orders_of_an_account_that_hangs_do_not_hold_up_those_of_another(shop: Shop) -> None:
    """With all slots in common the others took 112 s here; with slots for each account, under two."""
    await add_account(shop)
    await shop.upstream.fault(account=HUNG, kind="hang", seconds=60)
    hung = await asyncio.gather(*(shop.order("VDS-HUNG") for _ in range(HELD)))
    healthy = await asyncio.gather(*(shop.order() for _ in range(3)))
    for order in healthy:
        await shop.until(order, Stage.COMPLETED, timeout=30)
    stages = {(await shop.operation(order.operation)).stage for order in hung}
    assert stages <= {Stage.ACCEPTED, Stage.CHECKING_BALANCE, Stage.RETRYING}, stages

    await shop.upstream.admin("DELETE", "/faults")  # it answers again, and no slot was lost
    for order in hung:
        await shop.until(order, Stage.COMPLETED, timeout=60)
    assert len(await shop.upstream.charges()) == HELD + len(healthy)
