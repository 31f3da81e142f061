"""A rolling upgrade of the workers, as docs/operations.md describes it, under load: nothing is lost or doubled."""

import asyncio
import signal
from contextlib import suppress

from models.enums import Stage
from orders.lifecycle.acceptance import AcceptedOrder
from tests.cluster.test_stories import completed
from tests.flow.shop import Shop
from tests.flow.test_versions import finish, make_current, next_version, old_version, version_of, versions
from tests.infrastructure.eventually import assert_eventually

PER_SECOND = 5
EACH = 40
"""Orders before, during and after the change."""
MOVED_WITHIN = 420.0
"""Seconds: three minutes without a worker's question, and what a busy machine adds."""


class Storefront:
    """Places so many orders a second, whatever becomes of them."""

    def __init__(self, shop: Shop) -> None:
        self.orders: list[AcceptedOrder] = []
        self._shop = shop

    async def place(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            self.orders.append(await self._shop.order(key=f"order-{len(self.orders)}"))
            await asyncio.sleep(max(0.0, began + len(self.orders) / PER_SECOND - loop.time()))

    async def until_placed(self, count: int) -> None:
        await assert_eventually(lambda: len(self.orders) >= count, timeout=120, message=f"{count} orders are placed")


async def test_a_rolling_upgrade_under_load(cluster_shop: Shop) -> None:
    shop = cluster_shop
    await shop.upstream.set_balance("100000.00")
    old = [old_version(shop), old_version(shop)]
    await make_current(shop, "1")
    storefront = Storefront(shop)
    placing = asyncio.create_task(storefront.place())
    try:
        await storefront.until_placed(EACH)
        next_version(shop)
        await make_current(shop, "2")
        next_version(shop)
        begun = len(storefront.orders)
        await storefront.until_placed(begun + EACH)
        old[0].send_signal(signal.SIGTERM)
        await storefront.until_placed(begun + 2 * EACH)
        assert not placing.done(), "orders are placed all the time"
    finally:
        placing.cancel()
        with suppress(asyncio.CancelledError):
            await placing
    await completed(shop, storefront.orders)
    assert await version_of(shop.handle(storefront.orders[0])) == "1"
    assert await version_of(shop.handle(storefront.orders[-1])) == "2"
    await drained(shop, "1")
    for worker in old:
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.wait_for_exit, timeout=60) == 0


async def drained(shop: Shop, build_id: str) -> None:
    """The list says that no order is left at the version."""

    async def so() -> bool:
        return bool((await versions(shop))[build_id]["orders"] == 0)

    await assert_eventually(so, timeout=120, interval=1, message=f"no order is left at version {build_id}")


async def test_orders_move_when_the_last_worker_of_their_version_has_stopped(cluster_shop: Shop) -> None:
    """At real length, with the server's own settings: three minutes after its last question."""
    shop = cluster_shop
    await shop.upstream.set(opening="manual")
    old = old_version(shop)
    await make_current(shop, "1")
    orders = [await shop.order() for _ in range(3)]
    for order in orders:
        await shop.until(order, Stage.AWAITING_CONFIRMATION, timeout=60)
    next_version(shop)
    await make_current(shop, "2")
    old.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(old.wait_for_exit, timeout=60) == 0

    async def all_moved() -> bool:
        return {await version_of(shop.handle(order)) for order in orders} == {"2"}

    await assert_eventually(all_moved, timeout=MOVED_WITHIN, interval=2, message="the orders have moved")
    for order in orders:
        await finish(shop, order)
    await completed(shop, orders)
