"""No order is lost: Temporal away, workflows terminated, workers stopped."""

import asyncio
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from models.enums import EventKind, Stage, UpstreamStatus
from models.messages import Decision, DecisionKind, UpstreamEventMessage
from models.order import Operation
from orders.lifecycle.intake import ServiceRequest, accept_order
from temporal.signals import signal as send
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import free_port
from tests.infrastructure.temporal import TemporalServer, own_temporal_server


@pytest.mark.proof
async def test_an_order_that_nobody_started_is_started_by_the_sweep(shop: Shop) -> None:
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    order = await accept_order(
        shop.database, request, client="shop", key="nobody-started-it", hostname_suffix="servers.internal"
    )
    await shop.until(order, Stage.COMPLETED)


@pytest.mark.proof
async def test_one_that_temporal_refuses_to_start_keeps_no_other_from_its_start(shop: Shop) -> None:
    refused, order = [
        await accept_order(
            shop.database,
            ServiceRequest(plan="VDS-1", period_months=1, customer="c-1"),
            client="shop",
            key=key,
            hostname_suffix="servers.internal",
        )
        for key in ("refused", "other")
    ]
    async with shop.database.write() as session:
        operation = await session.get_one(Operation, refused.operation)
        operation.upstream_name = "x" * 5000  # longer than Temporal takes
    await shop.until(order, Stage.COMPLETED)
    assert (await shop.operation(refused.operation)).workflow_started_at is None


async def test_a_terminated_workflow_is_started_anew_and_goes_on_from_what_is_written_down(shop: Shop) -> None:
    await shop.upstream.set(opening="manual")
    order = await shop.order()
    await shop.until(order, Stage.AWAITING_CONFIRMATION)
    await shop.handle(order).terminate("an operator's slip")
    await shop.start_anew(order)
    [item] = await shop.upstream.items()
    await shop.upstream.admin("POST", f"/items/{item['id']}/open")
    await shop.until(order, Stage.COMPLETED)
    assert len(await shop.upstream.charges()) == 1


@pytest.mark.proof
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
    charges = await assert_eventually(shop.upstream.charges, timeout=30)
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


@pytest.mark.proof
async def test_an_order_placed_while_temporal_is_away_runs_when_it_is_back(
    shop_database: str, upstream: Upstream, tmp_path: Path
) -> None:
    port = free_port()
    away = TemporalServer(f"127.0.0.1:{port}", iter(["test-1"]))  # nothing runs there yet
    client = await Client.connect(away.address, namespace="test-1", data_converter=pydantic_data_converter, lazy=True)
    async with open_shop(shop_database, away, upstream, worker=False, client=client) as shop:
        order = await shop.order()
        assert (await shop.operation(order.operation)).stage is Stage.ACCEPTED
        worker = shop.start_worker()  # starts before Temporal does, and waits for it
        worker.wait_for_line("connecting to Temporal")
        kept = tmp_path / "temporal.db"
        async with own_temporal_server(port=port, file=kept, stock=1):
            await shop.until(order, Stage.COMPLETED, timeout=40)
            told = len(worker.lines)
        worker.wait_for_line("Temporal can't be reached")
        before = time.monotonic()
        order = await shop.order()
        assert time.monotonic() - before < 1
        async with own_temporal_server(port=port, file=kept, stock=1):
            await shop.until(order, Stage.COMPLETED, timeout=40)
            worker.wait_for_line("Temporal is back")
            worker.close()
    assert len(await upstream.charges()) == 2
    outage = "\n".join(worker.lines[told:])
    assert outage.count("Temporal can't be reached") == outage.count("Temporal is back") == 1, outage
    assert "Traceback" not in outage
    assert "retried" not in outage, "the SDK tells of each call and queue"


@pytest.mark.proof
async def test_an_order_that_needs_attention_still_does_when_its_workflow_is_started_anew(shop: Shop) -> None:
    refusal = {"type": "value", "object": "ostempl"}
    await shop.upstream.fault(function="*.order.param", sok=True, times=1, kind="error", error=refusal)
    order = await shop.order()
    before = await shop.until(order, Stage.NEEDS_ATTENTION)
    await shop.handle(order).terminate("an operator's slip")
    await shop.start_anew(order)

    async def asks_again() -> bool:
        return bool(await shop.handle(order).query("stage") == "needs_attention")

    await assert_eventually(asks_again)
    assert await shop.upstream.charges() == []
    assert (await shop.operation(order.operation)).waits_for == before.waits_for
    await shop.resellflow.decide(order.operation, DecisionKind.RETRY, Decision(actor="anna", reason="mended"))
    await shop.until(order, Stage.COMPLETED)
