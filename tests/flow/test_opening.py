"""An order becomes an active service."""

import asyncio
from collections import Counter

import pytest
from temporalio.api.enums.v1 import EventType

from models.enums import ServiceStatus, Stage
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually

HAPPY_EVENTS = 30


async def test_an_order_becomes_an_active_service(shop: Shop) -> None:
    order = await shop.order(domain="v1.example.com", parameters={"template": "debian-12"}, addons={"ram": 4})
    await shop.until(order, Stage.COMPLETED)

    service = await shop.service(order.service)
    assert service.status is ServiceStatus.ACTIVE
    assert service.expires_on is not None
    [item] = await shop.upstream.items()
    assert str(item["id"]) == service.upstream_number
    assert item["remoteid"] == service.mark
    assert len(await shop.upstream.charges()) == 1
    assert await shop.stages(order.operation) == [
        "accepted",
        "checking_balance",
        "submitting",
        "awaiting_confirmation",
        "completed",
    ]


@pytest.mark.proof
async def test_a_happy_order_costs_at_most_thirty_events(shop: Shop) -> None:
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    await shop.handle(order).result()
    history = await shop.handle(order).fetch_history()
    names = [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]
    assert len(names) <= HAPPY_EVENTS, "\n".join(names)


@pytest.mark.proof
@pytest.mark.parametrize("dialect", [5, pytest.param(6, marks=pytest.mark.proof)])
async def test_both_dialects_are_spoken(shop: Shop, dialect: int) -> None:
    await shop.upstream.set(dialects=[dialect])
    async with shop.database.write() as session:
        account = await shop.account(session)
        account.settings = account.settings | {"dialect": dialect}
        session.add(account)
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    [sent] = [r for r in await shop.upstream.requests("*order.param") if r["committing"]]
    assert sent["function"] == ("v2.vds.order.param" if dialect == 6 else "vds.order.param")
    switched_off = "off" if dialect == 6 else "null"
    assert sent["parameters"]["autoprolong"] == switched_off, "one owner of renewal: us"


@pytest.mark.proof
async def test_a_licence_is_opened(shop: Shop) -> None:
    order = await shop.order("LIC-1", parameters={"ip": "192.0.2.10"})
    await shop.until(order, Stage.COMPLETED)
    service = await shop.service(order.service)
    assert service.status is ServiceStatus.ACTIVE
    assert service.name == service.mark


@pytest.mark.proof
async def test_many_orders_at_once_against_little_money_on_postgresql(shop_on_postgres: Shop) -> None:
    shop = shop_on_postgres
    await shop.upstream.set_balance("20.00")  # for four
    orders = await asyncio.gather(*(shop.order() for _ in range(15)))

    async def four_go_and_eleven_wait() -> bool:
        stages = [(await shop.operation(order.operation)).stage for order in orders]
        assert stages.count(Stage.COMPLETED) == 4, Counter(stages)
        assert stages.count(Stage.WAITING_FOR_FUNDS) == 11, Counter(stages)
        return True

    await assert_eventually(four_go_and_eleven_wait, timeout=60, interval=0.3)
    assert await shop.upstream.balance() == 0
    assert len(await shop.upstream.charges()) == 4
    refused = [r for r in await shop.upstream.requests("*order.param") if r["committing"] and r["outcome"] != "ok"]
    assert refused == [], "no order is sent without money"
    waiting = [o.operation for o in orders if (await shop.operation(o.operation)).stage is Stage.WAITING_FOR_FUNDS]
    await shop.upstream.admin("POST", "/accounts/reseller/top-up", {"amount": "15.00"})

    async def the_first_three_went() -> bool:
        done = [n for n in waiting if (await shop.operation(n)).stage is Stage.COMPLETED]
        assert sorted(done) == sorted(waiting)[:3], done
        return True

    await assert_eventually(the_first_three_went, interval=0.3)
    assert await shop.upstream.balance() == 0
