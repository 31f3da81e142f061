"""An upstream that a person pauses: nothing is sent, what was sent goes on, orders wait and continue by themselves."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest

from models.columns import utc_now
from models.enums import IntentState, Stage
from models.messages import RenewalBatch
from orders.accounts import pausing
from orders.accounts.pausing import Why
from orders.lifecycle.acceptance import AcceptedOrder
from tests.flow.shop import Shop, Upstream, open_shop
from tests.flow.test_calling_off import both_end_without_a_charge, waiting_with_a_leftover
from tests.flow.test_renewals_killed import COUNT, automatic, prolongations
from tests.flow.test_slots import hours_in_line  # noqa: F401
from tests.infrastructure.databases import Stock
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from workflows.renewals import Renewals

NEVER = 60
ORDER = "*.order.param"


async def pause(shop: Shop) -> int:
    async with shop.database.write() as session:
        return await pausing.pause(session, "main", Why(reason="the upstream moves"), actor="olga")


async def resume(shop: Shop) -> None:
    async with shop.database.write() as session:
        await pausing.resume(session, "main", Why(reason="it has moved"), actor="boris")


async def orders_sent(shop: Shop) -> int:
    """Quotes go to the same form; only what is confirmed buys."""
    return len([one for one in await shop.upstream.requests(ORDER) if "sok" in one["parameters"]])


async def until_they_wait(shop: Shop, orders: Sequence[AcceptedOrder], tries: int = 2) -> None:
    """Each was tried so often since, and says who has paused it and why."""

    async def waits(number: int) -> bool:
        operation = await shop.operation(number)
        said = "paused by olga since" in operation.reason and "the upstream moves" in operation.reason
        return operation.stage is Stage.RETRYING and said and operation.tries >= tries

    async def all_wait() -> bool:
        return all([await waits(order.operation) for order in orders])

    await assert_eventually(all_wait, timeout=NEVER, message="the orders wait and say why")


async def assert_done_once(shop: Shop, orders: Sequence[AcceptedOrder]) -> None:
    for order in orders:
        await shop.until(order, Stage.COMPLETED, timeout=NEVER)
    assert len(await shop.upstream.charges()) == len(orders)
    for order in orders:
        assert [one.state for one in await shop.intents(order.operation)] == [IntentState.ACCEPTED]


@pytest.mark.proof
async def test_an_order_waits_while_it_is_paused_and_continues_by_itself(shop: Shop) -> None:
    await pause(shop)
    order = await shop.order()
    await until_they_wait(shop, [order])
    assert await orders_sent(shop) == 0
    assert await shop.intents(order.operation) == []
    async with shop.database.read() as session:
        assert (await shop.account(session)).set_aside == 0, "nobody's money waits with it"
    await resume(shop)
    await assert_done_once(shop, [order])


@pytest.mark.proof
@pytest.mark.usefixtures("hours_in_line")
async def test_those_who_would_come_hours_later_are_woken(shop: Shop) -> None:
    await pause(shop)
    orders = await asyncio.gather(*(shop.order() for _ in range(3)))
    await until_they_wait(shop, orders, tries=1)

    async def comes_late() -> bool:
        found = [await shop.operation(order.operation) for order in orders]
        later = utc_now() + timedelta(minutes=10)
        return all(one.next_try_at is not None and one.next_try_at > later for one in found)

    await assert_eventually(comes_late, timeout=NEVER, message="they would come an hour later")
    await resume(shop)
    await assert_done_once(shop, orders)


@pytest.mark.proof
async def test_what_a_refused_request_left_is_removed_after_the_pause(shop: Shop) -> None:
    """Its order is called off meanwhile. To remove the unpaid item is a change, too."""
    order = await waiting_with_a_leftover(shop)
    removals = len(await shop.upstream.requests("vds.delete"))
    await pause(shop)
    closing = await shop.resellflow.close_service(order.service, key="close", client="shop")

    async def waits() -> bool:
        operation = await shop.operation(order.operation)
        return "paused by olga since" in operation.reason and operation.tries > 1

    await assert_eventually(waits, timeout=NEVER, message="the order that is called off waits and says why")
    assert len(await shop.upstream.requests("vds.delete")) == removals
    await resume(shop)
    await both_end_without_a_charge(shop, order, closing)


@pytest.mark.proof
async def test_a_pause_in_the_middle_of_ten_orders(shop: Shop) -> None:
    before = [await shop.order() for _ in range(3)]
    for order in before:
        await shop.until(order, Stage.COMPLETED)
    await shop.upstream.fault(function=ORDER, sok=True, times=1, kind="stall", when="before", seconds=2)
    sent = await shop.order()

    async def is_under_way() -> bool:
        return [one.state for one in await shop.intents(sent.operation)] == [IntentState.PREPARED]

    await assert_eventually(is_under_way, timeout=NEVER, message="the fourth request is under way")
    assert await pause(shop) == 1
    later = await asyncio.gather(*(shop.order() for _ in range(6)))
    await shop.until(sent, Stage.COMPLETED)  # it is confirmed: reads go on
    reads = len(await shop.upstream.requests("vds"))
    await until_they_wait(shop, later, tries=3)
    assert await orders_sent(shop) == 4

    async def reads_go_on() -> bool:
        return len(await shop.upstream.requests("vds")) > reads

    await assert_eventually(reads_go_on, timeout=NEVER, message="the poller goes on")
    await resume(shop)
    await assert_done_once(shop, [*before, sent, *later])


@pytest.mark.proof
async def test_a_worker_that_is_killed_while_it_is_paused(shop_without_worker: Shop) -> None:
    shop = shop_without_worker
    await pause(shop)
    order = await shop.order()
    with shop.start_worker() as worker:
        await until_they_wait(shop, [order])
        worker.kill()
    tries = (await shop.operation(order.operation)).tries
    shop.start_worker()
    await until_they_wait(shop, [order], tries=tries + 1)
    assert await orders_sent(shop) == 0
    await resume(shop)
    await assert_done_once(shop, [order])


@pytest.mark.proof
async def test_a_night_of_renewals_while_it_is_paused(
    postgres_stock: Stock, temporal_server: TemporalServer, upstream: Upstream
) -> None:
    with postgres_stock.lent() as url:
        async with open_shop(url, temporal_server, upstream) as shop:
            services = await automatic(shop)
            await pause(shop)
            started = await shop.client.start_workflow(
                Renewals.run, RenewalBatch(), id="renewals-paused", task_queue=shop.settings.task_queue
            )
            assert await started.result() == COUNT

            async def all_wait() -> bool:
                found = await prolongations(shop)
                return len(found) == COUNT and all(
                    one.stage is Stage.RETRYING and "paused by olga" in one.reason and one.tries > 1 for one in found
                )

            await assert_eventually(all_wait, timeout=NEVER, message="the renewals wait and say why")
            assert not [one for one in await shop.upstream.charges() if one["operation"] == "prolong"]
            await resume(shop)

            async def all_done() -> bool:
                return [one.stage for one in await prolongations(shop)] == [Stage.COMPLETED] * COUNT

            await assert_eventually(all_done, timeout=NEVER, message="all are renewed")
            assert sorted(one.service_id for one in await prolongations(shop)) == services
            charged = Counter(one["item"] for one in await shop.upstream.charges() if one["operation"] == "prolong")
            assert len(charged) == COUNT
            assert set(charged.values()) == {1}
