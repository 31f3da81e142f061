"""Many terms end at once: an order of a shop does not wait until all of them are prolonged."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlmodel import select

from models.catalogue import ProcessingModule, TariffPlan
from models.columns import utc_now
from models.enums import OperationKind, RenewalOwner, ServiceStatus, Stage
from models.messages import RenewalBatch
from models.order import Operation, Service
from models.term import Term
from tests.flow.shop import USER, Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from workflows.renewals import Renewals

NEVER = 120
COUNT, AT_ONCE = 24, 8


@pytest.fixture
async def busy_shop(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    async with open_shop(shop_database, temporal_server, upstream, renewals_at_once=AT_ONCE) as shop:
        yield shop


async def add_services(shop: Shop) -> None:
    """Those of ours to renew, which end tomorrow and are announced."""
    today = utc_now().date()
    tomorrow = today + timedelta(days=1)
    alike = {"account": USER, "type": "vds", "pricelist": 58, "domain": "v.example.com", "count": COUNT}
    made = await shop.upstream.admin("POST", "/items/many", {**alike, "expiredate": tomorrow.isoformat()})
    async with shop.database.write() as session:
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
        module = (await session.exec(select(ProcessingModule).where(ProcessingModule.name == "main-vds"))).one()
        for number in range(made["first"], made["last"] + 1):
            service = Service(
                customer="c-1",
                plan_id=plan.id,
                product_type="vds",
                module_id=module.id,
                account_id=module.account_id,
                name=f"v{number}.example.com",
                mark=f"rf-test-{number}",
                period_months=1,
                upstream_number=str(number),
                status=ServiceStatus.ACTIVE,
                expires_on=tomorrow,
            )
            service.renewed_by = RenewalOwner.AUTOMATIC
            session.add(service)
            await session.flush()
            session.add(Term(service_id=service.id, ends_on=tomorrow, announced_on=today - timedelta(days=1)))


async def stages(shop: Shop) -> list[Stage]:
    async with shop.database.read() as session:
        found = await session.exec(select(Operation).where(Operation.kind == OperationKind.PROLONG))
        return [one.stage for one in found.all()]


@pytest.mark.proof
@pytest.mark.timeout(400)
async def test_an_order_is_sent_between_them(busy_shop: Shop) -> None:
    shop = busy_shop
    await add_services(shop)
    await shop.upstream.set_balance("1000.00")
    await shop.upstream.fault(function="service.prolong", sok=True, kind="stall", seconds=1)
    run = await shop.client.start_workflow(
        Renewals.run, RenewalBatch(), id="many-renewals", task_queue=shop.settings.task_queue
    )

    async def begun() -> bool:
        return len(await stages(shop)) == AT_ONCE

    await assert_eventually(begun, timeout=NEVER, message=f"{AT_ONCE} of {COUNT} are asked for")
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED, timeout=NEVER)
    assert await run.result() >= AT_ONCE

    async def all_done() -> bool:
        found = Counter(await stages(shop))
        assert found == {Stage.COMPLETED: COUNT}, found
        return True

    await assert_eventually(all_done, timeout=NEVER, ignoring=(AssertionError,), message="all are prolonged")
    sent = [one["function"] for one in await shop.upstream.requests() if one["committing"]]
    opening = next(number for number, function in enumerate(sent) if function.endswith("order.param"))
    assert opening <= 2 * AT_ONCE, f"not after all of them: {sent}"
    charged = [one["item"] for one in await shop.upstream.charges() if one["operation"] == "prolong"]
    assert len(charged) == len(set(charged)) == COUNT
