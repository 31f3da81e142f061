"""No order is lost: Temporal away, workflows terminated, workers stopped."""

import asyncio
import signal
from datetime import UTC, datetime

from activities.signals import signal as send
from models.enums import EventKind, Stage, UpstreamStatus
from models.messages import UpstreamEventMessage
from orders.intake import ServiceRequest, accept_order
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually


async def test_an_order_that_nobody_started_is_started_by_the_sweep(shop: Shop) -> None:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    order = await accept_order(
        shop.database, request, client="shop", key="nobody-started-it", hostname_suffix="servers.internal"
    )
    await shop.until(order, Stage.COMPLETED)


async def test_a_terminated_workflow_is_started_anew_and_goes_on_from_what_is_written_down(shop: Shop) -> None:
    await shop.upstream.set(opening="manual")
    order = await shop.order()
    await shop.until(order, Stage.AWAITING_CONFIRMATION)
    await shop.handle(order).terminate("an operator's slip")
    await shop.resellflow.try_to_start(order.operation)
    [item] = await shop.upstream.items()
    await shop.upstream.admin("POST", f"/items/{item['id']}/open")
    await shop.until(order, Stage.COMPLETED)
    assert len(await shop.upstream.charges()) == 1


async def test_a_stopping_worker_finishes_the_call_under_way(shop_without_worker: Shop) -> None:
    shop = shop_without_worker
    await shop.upstream.fault(function="*.order.param", sok=True, times=1, kind="stall", when="after", seconds=1)
    worker = shop.start_worker()
    order = await shop.order()
    await assert_eventually(shop.upstream.charges, timeout=30)
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait_for_exit) == 0
    operation = await shop.operation(order.operation)
    assert operation.stage is Stage.AWAITING_CONFIRMATION, "the answer was waited for and written down"
    shop.start_worker()
    await shop.until(order, Stage.COMPLETED, timeout=30)
    assert "outcome_unknown" not in await shop.stages(order.operation)


async def test_signals_that_come_twice_early_or_late_do_no_harm(shop: Shop) -> None:
    await shop.upstream.fault(function="*.order.param", sok=True, times=1, kind="stall", when="after", seconds=1.5)
    order = await shop.order()
    charges = await assert_eventually(shop.upstream.charges, timeout=10)
    assert charges
    event = UpstreamEventMessage(
        event_id="early",
        kind=EventKind.OPENED,
        upstream_number=str(charges[0]["item"]),
        status=UpstreamStatus.ACTIVE,
        seen_at=datetime.now(UTC),
    )
    workflow_id = order.workflow_id
    for _ in range(3):
        assert await send(shop.client, workflow_id, "upstream_event", event, "early")
    await shop.until(order, Stage.COMPLETED)
    await shop.handle(order).result()
    assert await send(shop.client, workflow_id, "upstream_event", event, "late") is False
    history = await shop.handle(order).fetch_history()
    signals = [e for e in history.events if e.HasField("workflow_execution_signaled_event_attributes")]
    assert len(signals) <= 2, "the server drops a repeated request id"
