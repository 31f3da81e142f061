"""Changes of one service that are asked for while others wait: each tariff has numbers of its own for the same add-on.

All of them are queued behind a prolongation that waits for money.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import pytest
from sqlmodel import col, select

from models.catalogue import MappedPeriod, PlanMapping, TariffPlan, TariffPlanPrice
from models.enums import Stage
from models.order import Service
from orders.errors import InvalidField
from orders.lifecycle.acceptance import AcceptedOrder
from orders.operations.set_parameters import ServiceChange
from tests.flow.shop import Shop, Upstream, open_shop
from tests.flow.test_both_sides import active, by_hand, item_of, map_addons, operations, plan_name
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer

TARIFFS = {"VDS-1": 58, "VDS-2": 59, "VDS-3": 60}
Addons = Mapping[str, int | bool]


@pytest.fixture
async def shop(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    """Three plans; the third has no backup."""
    async with open_shop(
        shop_database, temporal_server, upstream, idle_interval=0.5, balance_interval=0.3, manual_plan_changes={}
    ) as shop:
        await upstream.set(disk_change="automatic")
        await _third_plan(shop)
        await map_addons(shop, "VDS-1", ram="addon_61", backup="addon_62")
        await map_addons(shop, "VDS-2", ram="addon_71", backup="addon_72")
        await map_addons(shop, "VDS-3", ram="addon_81")
        yield shop


async def _third_plan(shop: Shop) -> None:
    async with shop.database.write() as session:
        known = (await session.exec(select(PlanMapping).where(PlanMapping.tariff == "59"))).one()
        plan = TariffPlan(name="VDS-3", product_type="vds", resources={"disk_gb": 30})
        session.add(plan)
        await session.flush()
        mapping = PlanMapping(plan_id=plan.id or 0, module_id=known.module_id, tariff="60", location="1")
        session.add(mapping)
        await session.flush()
        session.add(TariffPlanPrice(plan_id=plan.id or 0, period_months=1, amount=Decimal("9.90"), currency="EUR"))
        session.add(
            MappedPeriod(
                mapping_id=mapping.id or 0,
                period_months=1,
                upstream_period=1,
                cost_amount=Decimal("7.00"),
                cost_currency="EUR",
            )
        )


@dataclass(frozen=True)
class Plan:
    name: str
    drop_addons: bool = False

    async def ask(self, shop: Shop, service: Service, key: str) -> AcceptedOrder:
        return await shop.resellflow.change_plan(service.id, self.name, key=key, drop_addons=self.drop_addons)


@dataclass(frozen=True)
class Set:
    addons: Addons

    async def ask(self, shop: Shop, service: Service, key: str) -> AcceptedOrder:
        return await shop.resellflow.change_parameters(service.id, ServiceChange(addons=dict(self.addons)), key=key)


async def _held_up(shop: Shop, addons: Addons) -> tuple[Service, Decimal]:
    """A service whose running operation waits for money; and what the account had."""
    service, had = await active(shop, addons=dict(addons)), await shop.upstream.balance()
    await shop.upstream.set_balance("0")
    prolongation = await shop.resellflow.prolong(service.id, 1, key="held up")
    await shop.until(prolongation, Stage.WAITING_FOR_FUNDS)
    return service, had


async def _until_all_ended(shop: Shop, service: Service) -> None:
    async def ended() -> bool:
        found = [(one.kind.value, one.stage.value, one.reason) for one in await operations(shop, service)]
        assert all(stage in ("completed", "cancelled") for _, stage, _ in found), found
        return True

    await assert_eventually(ended, timeout=30, message="all operations of the service have ended")


async def _assert_is(shop: Shop, service: Service, plan: str, addons: Addons) -> None:
    """At the upstream and with us."""
    item = await item_of(shop, service)
    assert item["pricelist"] == TARIFFS[plan]
    assert await plan_name(shop, service) == plan
    async with shop.database.read() as session:
        found = await session.exec(
            select(PlanMapping)
            .join(TariffPlan, col(TariffPlan.id) == PlanMapping.plan_id)
            .where(TariffPlan.name == plan)
        )
        fields = found.one().addons
    words = {True: "on", False: "off"}
    shown = {name: item["addons"].get(fields[name].removeprefix("addon_")) for name in addons}
    assert shown == {name: words[value] if isinstance(value, bool) else str(value) for name, value in addons.items()}
    ours = (await shop.service(service.id)).addons
    assert {name: ours.get(name, 2 if name == "ram" else "off") for name in addons} == {
        name: words[value] if isinstance(value, bool) else value for name, value in addons.items()
    }


CHANGES = [
    pytest.param([Plan("VDS-2"), Set({"ram": 5})], "VDS-2", {"ram": 5}, id="plan, ram"),
    pytest.param([Set({"ram": 5}), Plan("VDS-2")], "VDS-2", {"ram": 5}, id="ram, plan", marks=pytest.mark.proof),
    pytest.param([Set({"ram": 5}), Set({"ram": 3})], "VDS-1", {"ram": 3}, id="ram, ram", marks=pytest.mark.proof),
    pytest.param([Plan("VDS-2"), Plan("VDS-3")], "VDS-3", {"ram": 4}, id="plan, plan", marks=pytest.mark.proof),
    pytest.param(
        [Plan("VDS-2"), Set({"ram": 5}), Plan("VDS-3")],
        "VDS-3",
        {"ram": 5},
        id="plan, ram, plan",
        marks=pytest.mark.proof,
    ),
    pytest.param(
        [Set({"backup": True}), Plan("VDS-2")],
        "VDS-2",
        {"ram": 4, "backup": True},
        id="another, plan",
        marks=pytest.mark.proof,
    ),
    pytest.param(
        [Set({"backup": True}), Plan("VDS-3", True)],
        "VDS-3",
        {"ram": 4},
        id="another, plan without it",
        marks=pytest.mark.proof,
    ),
]


@pytest.mark.proof
@pytest.mark.parametrize(("changes", "plan", "addons"), CHANGES)
async def test_what_waits_is_asked_of_the_plan_that_the_service_has_when_its_turn_comes(
    shop: Shop, changes: list[Plan | Set], plan: str, addons: Addons
) -> None:
    service, had = await _held_up(shop, {"ram": 4})
    asked = [await change.ask(shop, service, f"change {number}") for number, change in enumerate(changes)]
    await shop.upstream.set_balance(str(had))
    await _until_all_ended(shop, service)
    for one in asked:
        assert (await shop.operation(one.operation)).stage is Stage.COMPLETED
    await _assert_is(shop, service, plan, addons)


@pytest.mark.proof
async def test_a_request_says_at_once_what_the_plan_to_come_can_not_have(shop: Shop) -> None:
    service, _ = await _held_up(shop, {"ram": 4})
    await Set({"backup": True}).ask(shop, service, "backup")
    with pytest.raises(InvalidField, match=r"would lose add-ons with VDS-3 \(backup on"):
        await Plan("VDS-3").ask(shop, service, "without a word of add-ons")
    await Plan("VDS-3", drop_addons=True).ask(shop, service, "plan")
    with pytest.raises(InvalidField, match=r"addons\.backup: unknown add-on; known: ram"):
        await Set({"backup": True}).ask(shop, service, "backup again")


@pytest.mark.proof
async def test_what_the_new_plan_does_not_have_ends_without_a_charge_and_what_waits_behind_it_goes_on(
    shop: Shop,
) -> None:
    service, had = await _held_up(shop, {"ram": 4})
    impossible = await Set({"backup": True}).ask(shop, service, "backup")
    possible = await Set({"ram": 6}).ask(shop, service, "ram")
    await by_hand(shop, service, pricelist=60)  # staff of the upstream

    async def followed() -> bool:
        return await plan_name(shop, service) == "VDS-3"

    await assert_eventually(followed, timeout=30, message="the service follows")
    before = len(await shop.upstream.charges())
    await shop.upstream.set_balance(str(had))
    await shop.until(possible, Stage.COMPLETED, timeout=40)
    ended = await shop.operation(impossible.operation)
    assert ended.stage is Stage.CANCELLED
    for words in ("has the plan VDS-3 by now", "addons.backup: unknown add-on; known: ram", "Nothing was sent"):
        assert words in ended.reason
    await _assert_is(shop, service, "VDS-3", {"ram": 6})
    assert len(await shop.upstream.charges()) - before == 2, "the prolongation and the memory"
