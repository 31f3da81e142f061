"""An upstream that puts everything into its cart, with real workers: nobody has to act, and each order is paid once."""

import asyncio
import signal

import pytest
from sqlmodel import select

from models.enums import IncidentKind, Stage
from models.messages import Decision
from models.order import Task
from tests.carts.bench import incidents_of
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually

CONFIRM = "cartorder.create.confirm"


@pytest.mark.proof
async def test_orders_and_a_renewal_that_land_in_the_cart_are_paid_and_completed(shop: Shop) -> None:
    await shop.upstream.set(skipbasket="ignored", prolong_cart="always", addon_cart="always")
    orders = [await shop.order() for _ in range(3)]
    await asyncio.gather(*(shop.until(order, Stage.COMPLETED, timeout=60) for order in orders))
    renewal = await shop.resellflow.prolong(orders[0].service, 1, key="renewal-1", client="shop")
    await shop.until(renewal, Stage.COMPLETED, timeout=60)
    charged = sorted(charge["operation"] for charge in await shop.upstream.charges())
    assert charged == ["open", "open", "open", "prolong"]
    committed = [one["function"] for one in await shop.upstream.requests() if one["committing"]]
    assert len([name for name in committed if name.endswith("order.param")]) == 3
    assert "outcome_unknown" not in await shop.stages(orders[0].operation)


@pytest.mark.proof
async def test_a_worker_killed_while_it_pays_and_another_that_goes_on_pay_once(shop_without_worker: Shop) -> None:
    shop = shop_without_worker
    await shop.upstream.set(skipbasket="ignored", prolong_cart="always", addon_cart="always")
    await shop.upstream.fault(function=CONFIRM, sok=True, times=1, kind="stall", when="after", seconds=2)
    worker = shop.start_worker()
    order = await shop.order()
    await assert_eventually(shop.upstream.charges, timeout=40)
    worker.send_signal(signal.SIGKILL)
    await asyncio.to_thread(worker.wait_for_exit)
    shop.start_worker()
    await shop.until(order, Stage.COMPLETED, timeout=60)
    assert len(await shop.upstream.charges()) == 1
    assert len(await shop.upstream.requests(CONFIRM)) == 1


@pytest.mark.proof
async def test_a_foreign_row_is_a_task_that_closes_by_itself_once_ours_is_paid_there(shop: Shop) -> None:
    await shop.upstream.set(skipbasket="ignored", prolong_cart="always", addon_cart="always")
    foreign = await shop.upstream.call(
        "v2.vds.order.param", pricelist="58", datacenter="1", order_period="1", domain="x.example.test", sok="ok"
    )
    order = await shop.order()
    operation = await shop.until(order, Stage.AWAITING_MANUAL_TASK)
    assert f"row {foreign['lineitem.id']['$']}" in operation.reason
    assert "5.00 EUR" in operation.reason
    [incident] = await incidents_of(shop.database)
    assert incident.kind is IncidentKind.FOREIGN_CART
    [send] = await shop.intents(order.operation)
    await shop.upstream.call(CONFIRM, elid=send.unpaid_number or "", paymethod_id="0", sok="ok")
    await shop.until(order, Stage.COMPLETED, timeout=30)
    assert len(await shop.upstream.charges()) == 1


@pytest.mark.proof
async def test_who_rejects_that_task_has_our_row_taken_out_and_the_order_ends(shop: Shop) -> None:
    await shop.upstream.set(skipbasket="ignored", taken_out="deleted")
    await shop.upstream.call(
        "v2.vds.order.param", pricelist="58", datacenter="1", order_period="1", domain="x.example.test", sok="ok"
    )
    order = await shop.order()
    await shop.until(order, Stage.AWAITING_MANUAL_TASK)
    async with shop.database.read() as session:
        task = (await session.exec(select(Task).where(Task.operation_id == order.operation))).one()
    await shop.resellflow.reject_task(task.id or 0, Decision(actor="anna", reason="not wanted"))
    await shop.until(order, Stage.CANCELLED, timeout=30)
    assert (await shop.upstream.admin("GET", "/accounts/reseller/cart"))["count"] == 1, "the foreign row stays"
    assert await shop.upstream.charges() == []
