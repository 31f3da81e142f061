"""The main story, the change of plan that a person reports by signal, and kills: one charge each."""

import asyncio

import pytest
from sqlmodel import col, func, select
from temporalio.api.enums.v1 import EventType

from models.enums import Stage
from models.order import Operation
from models.outages import is_unavailable
from orders.lifecycle.acceptance import AcceptedOrder
from tests.cluster.server import Cluster
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually

PATIENCE = 180.0
"""Seconds; a worker that was killed is missed after ten, and a server needs half a minute to come back."""
HAPPY_EVENTS = 20


async def completed(shop: Shop, orders: list[AcceptedOrder]) -> None:
    """All of them, each with one charge and one item."""
    await asyncio.gather(*(shop.until(order, Stage.COMPLETED, timeout=PATIENCE) for order in orders))
    opened = [charge for charge in await shop.upstream.charges() if charge["operation"] == "open"]
    items = await shop.upstream.items()
    assert len(opened) == len({charge["item"] for charge in opened}) == len(items) == len(orders)


async def test_the_main_story(cluster_shop: Shop) -> None:
    shop = cluster_shop
    shop.start_worker()
    orders = [await shop.order() for _ in range(10)]
    await completed(shop, orders)
    happy = [(await shop.handle(order).fetch_history()).events for order in orders]
    assert len(min(happy, key=len)) <= HAPPY_EVENTS, [
        [EventType.Name(event.event_type) for event in one] for one in happy
    ]
    prolonged = await shop.resellflow.prolong(orders[0].service, 1, key="p")
    suspended = await shop.resellflow.suspend(orders[0].service, key="s")
    closed = await shop.resellflow.close_service(orders[1].service, key="c")
    for order in (prolonged, suspended, closed):
        await shop.until(order, Stage.COMPLETED, timeout=PATIENCE)
    await asyncio.gather(*(asyncio.wait_for(shop.handle(order).result(), PATIENCE) for order in orders))


async def test_a_person_reports_a_change_of_plan_by_signal(cluster: Cluster, cluster_shop: Shop) -> None:
    shop = cluster_shop
    shop.start_worker()
    [order] = [await shop.order()]
    await completed(shop, [order])
    change = await shop.resellflow.change_plan(order.service, "VDS-2", key="c")
    await shop.until(change, Stage.AWAITING_MANUAL_TASK, timeout=PATIENCE)
    number = (await shop.service(order.service)).upstream_number
    await shop.upstream.admin("PATCH", f"/items/{number}", {"pricelist": 59})
    about = ("--workflow-id", shop.handle(change).id, "--input", '{"note": "disk enlarged"}')
    done = cluster.temporal(
        "workflow", "signal", "--name", "manual_change_completed", *about, namespace=shop.client.namespace
    )
    assert done.returncode == 0, done.stdout + done.stderr
    await shop.until(change, Stage.COMPLETED, timeout=PATIENCE)
    await asyncio.wait_for(shop.handle(change).result(), PATIENCE)


async def test_workers_are_killed_while_orders_are_under_way(cluster_shop: Shop) -> None:
    shop = cluster_shop
    await shop.upstream.set(latency_ms=200)
    orders: list[AcceptedOrder] = []
    for _ in range(3):
        worker = shop.start_worker()
        orders += [await shop.order() for _ in range(5)]
        await shop.until(orders[-5], Stage.AWAITING_CONFIRMATION, Stage.COMPLETED, timeout=PATIENCE)
        worker.kill()
    shop.start_worker()
    await completed(shop, orders)


async def test_the_temporal_server_is_killed_while_orders_are_under_way(cluster: Cluster, cluster_shop: Shop) -> None:
    """Orders are accepted while it is away, and all of them end when it is back."""
    shop = cluster_shop
    await shop.upstream.set(latency_ms=200)
    shop.start_worker()
    orders = [await shop.order() for _ in range(10)]
    await shop.until(orders[0], Stage.AWAITING_CONFIRMATION, Stage.COMPLETED, timeout=PATIENCE)
    cluster.kill()
    assert await still_open(shop) > 0, "the kill came too late to show anything"
    orders += [await shop.order() for _ in range(5)]
    await asyncio.to_thread(cluster.start)
    orders += [await shop.order() for _ in range(5)]
    await completed(shop, orders)


async def test_postgresql_is_away_while_orders_are_under_way(cluster: Cluster, cluster_shop: Shop) -> None:
    """Everything keeps its state there, so nothing is accepted until it is back. Nobody restarts the others."""
    shop = cluster_shop
    await shop.upstream.set(latency_ms=200)
    worker = shop.start_worker()
    orders = [await shop.order() for _ in range(10)]
    await shop.until(orders[0], Stage.AWAITING_CONFIRMATION, Stage.COMPLETED, timeout=PATIENCE)
    with cluster.without_postgres():
        with pytest.raises(Exception) as refused:
            await shop.order()
        assert is_unavailable(refused.value), refused.value

    async def accepted() -> AcceptedOrder:
        return await shop.order(key="after")

    again = assert_eventually(accepted, timeout=60, ignoring=(Exception,), message="orders are accepted again")
    orders.append(await again)
    await completed(shop, orders)
    assert worker.running
    assert cluster.program is not None
    assert cluster.program.running


async def still_open(shop: Shop) -> int:
    async with shop.database.read() as session:
        counted = await session.exec(select(func.count()).where(col(Operation.stage) != Stage.COMPLETED))
        return counted.one()
