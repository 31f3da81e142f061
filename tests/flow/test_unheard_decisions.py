"""Decisions that the database has and the order's workflow has not: the order goes on nevertheless, with one charge.

Found by the soak: Temporal was killed while a decision was written down, and forgot the message that had brought it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus

import worker
from activities import sweeping
from activities.records import RecordActivities
from models.audit import AuditEntry
from models.enums import Stage
from models.messages import Decision, DecisionKind, DecisionOutcome, DecisionRecord
from orders.decisions import deciding
from orders.lifecycle.acceptance import AcceptedOrder
from temporal.healing import ACTION
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import free_port
from tests.infrastructure.temporal import TemporalServer, start_temporal_server, until_serving

WHY = Decision(actor="anna", reason="seen to")


@pytest.fixture
async def quick_shop(
    shop_database: str, temporal_server: TemporalServer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Shop]:
    """Its sweep looks all the time for runs that are lost or have not heard."""
    monkeypatch.setattr(sweeping, "CHECK_RUNNING_SECONDS", 0.2)
    monkeypatch.setattr(sweeping, "INTERVAL_SECONDS", 0.2)
    monkeypatch.setattr(sweeping, "GRACE", timedelta(0))
    async with open_shop(shop_database, temporal_server, upstream) as shop:
        yield shop


class WaitsWhenWritten(RecordActivities):
    is_written: asyncio.Event
    may_go_on: asyncio.Event

    @activity.defn
    async def record_decision(self, record: DecisionRecord) -> DecisionOutcome:
        outcome = await super().record_decision(record)
        self.is_written.set()
        await self.may_go_on.wait()
        return outcome


@pytest.mark.proof
async def test_temporal_and_who_has_decided_are_killed_while_it_is_written_down(
    shop_database: str, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "RecordActivities", WaitsWhenWritten)
    is_written, may_go_on = WaitsWhenWritten.is_written, WaitsWhenWritten.may_go_on = asyncio.Event(), asyncio.Event()
    port, kept = free_port(), ("--db-filename", str(tmp_path / "temporal.db"))
    server = start_temporal_server(port=port, options=kept, stock=2)
    try:
        await until_serving(server)
        async with open_shop(shop_database, server, upstream) as shop:
            order = await _refused(shop)
            decision = asyncio.create_task(shop.resellflow.decide(order.operation, DecisionKind.RETRY, WHY))
            await asyncio.wait_for(is_written.wait(), 30)
            decision.cancel()  # its process is killed, too: it would say the same again
            await asyncio.wait([decision])
            await asyncio.to_thread(server.program.close)
            server = start_temporal_server(port=port, options=kept, stock=2)
            await until_serving(server)
            may_go_on.set()
            await shop.until(order, Stage.COMPLETED, timeout=45)
            assert len(await upstream.charges()) == 1
    finally:
        may_go_on.set()
        await asyncio.to_thread(server.program.close)


@pytest.mark.parametrize(
    ("kind", "stage", "charges"),
    [(DecisionKind.RETRY, Stage.COMPLETED, 1), (DecisionKind.MARK_DONE, Stage.COMPLETED, 0)],
)
async def test_a_run_that_did_not_hear_of_a_decision_is_found_and_ended(
    quick_shop: Shop, kind: DecisionKind, stage: Stage, charges: int
) -> None:
    shop = quick_shop
    order = await _refused(shop)
    handle = shop.handle(order)
    run = (await handle.describe()).run_id
    await _decided_in_the_database_alone(shop, order, kind)
    await shop.until(order, stage)
    await assert_eventually(_ended(shop, order, run), timeout=30, message="the run that heard nothing is ended")
    assert len(await shop.upstream.charges()) == charges
    async with shop.database.read() as session:
        found = await session.exec(select(AuditEntry).where(AuditEntry.action == ACTION))
        [entry] = [one for one in found.all() if one.subject_number == order.operation]
    assert entry.detail["run"] == run


async def test_a_run_that_waits_for_a_person_is_left_alone(quick_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = quick_shop
    order = await _refused(shop)
    run = (await shop.handle(order).describe()).run_id
    looked = asyncio.Event()
    start_lost = sweeping.SweepActivities._start_lost
    looks = 0

    async def counted(self: sweeping.SweepActivities) -> int:
        nonlocal looks
        started = await start_lost(self)
        looks += 1
        if looks == 3:
            looked.set()
        return started

    monkeypatch.setattr(sweeping.SweepActivities, "_start_lost", counted)
    await asyncio.wait_for(looked.wait(), 90)
    found = await shop.handle(order).describe()
    assert (found.run_id, found.status) == (run, WorkflowExecutionStatus.RUNNING)
    await shop.resellflow.decide(order.operation, DecisionKind.RETRY, WHY)
    await shop.until(order, Stage.COMPLETED)
    assert (await shop.handle(order).describe()).run_id == run


async def _refused(shop: Shop) -> AcceptedOrder:
    error = {"type": "value", "object": "ostempl", "params": {"value": "Debian-12"}}
    await shop.upstream.fault(function="*.order.param", sok=True, times=1, kind="error", error=error)
    order = await shop.order(parameters={"template": "debian-12"})
    await shop.until(order, Stage.NEEDS_ATTENTION)
    return order


async def _decided_in_the_database_alone(shop: Shop, order: AcceptedOrder, kind: DecisionKind) -> None:
    """What is left when Temporal forgets the message whose activity had written this."""
    decision = WHY
    if kind is DecisionKind.MARK_DONE:
        by_hand = {"account": "reseller", "type": "vds", "pricelist": 58, "period": 1, "status": 2, "domain": "by.hand"}
        item = await shop.upstream.admin("POST", "/items", by_hand)
        decision = WHY.model_copy(update={"upstream_number": str(item["id"])})
    record = DecisionRecord(operation=order.operation, kind=kind, decision=decision, decision_id="forgotten")
    async with shop.database.write() as session:
        await deciding.decide(session, record)


def _ended(shop: Shop, order: AcceptedOrder, run: str | None) -> Callable[[], Coroutine[object, object, bool]]:
    async def ended() -> bool:
        handle = shop.client.get_workflow_handle(shop.handle(order).id, run_id=run)
        return (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING

    return ended
