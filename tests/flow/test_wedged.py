"""Workflows whose tasks fail for ever are found and begun anew from the database; orders end with one charge."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlmodel import select
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

import worker
from activities import sweeping
from models.audit import AuditEntry
from models.enums import IncidentKind, OperationKind, Stage
from models.incident import Incident
from models.messages import Decision, DecisionKind, SendInput
from orders.errors import Refused
from orders.lifecycle.acceptance import AcceptedOrder
from orders.services import naming
from payloads.codec import data_converter
from starter import Resellflow
from temporal import healing
from temporal.healing import ACTION, Healed, Healer
from temporal.starting import start_order
from temporal.updates import TemporalUnavailable
from tests.flow.shop import Shop, Upstream, open_shop
from tests.histories.changed import WaitsFirst
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer, own_temporal_server
from tests.payloads.conftest import key_line

LIMITS = {
    # The server tells of failing tasks after five in a row, which takes it most of a minute; here after one.
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": 1,
    "history.maximumSignalsPerExecution": 20,  # 10,000
    "history.maxTotalUpdates": 2,  # 2,000
}


@pytest_asyncio.fixture(scope="module")
async def quick_to_tell() -> AsyncIterator[TemporalServer]:
    async with own_temporal_server(config=LIMITS, stock=50) as server:
        yield server


@pytest.fixture
async def stopped_shop(
    shop_database: str, quick_to_tell: TemporalServer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Shop]:
    """A shop without workers, whose sweep will look for lost and wedged workflows all the time."""
    monkeypatch.setattr(sweeping, "CHECK_RUNNING_SECONDS", 0.2)
    monkeypatch.setattr(sweeping, "INTERVAL_SECONDS", 0.2)
    async with open_shop(shop_database, quick_to_tell, upstream, worker=False) as shop:
        yield shop


async def until_failing(shop: Shop, workflow_id: str) -> None:
    async def failing() -> bool:
        query = f"{healing.FAILING} AND WorkflowId = '{workflow_id}'"
        return any([True async for _ in shop.client.list_workflows(query)])

    await assert_eventually(failing, timeout=30, message=f"Temporal tells that the tasks of {workflow_id} fail")


async def healings(shop: Shop) -> list[AuditEntry]:
    async with shop.database.read() as session:
        return list((await session.exec(select(AuditEntry).where(AuditEntry.action == ACTION))).all())


def order_worker(shop: Shop) -> Worker:
    """It runs workflows, and nothing else of what they need."""
    return worker.order_worker(shop.client, worker.Activities(shop.database, shop.client, shop.settings), shop.settings)


async def taken_by_somebody(shop: Shop, workflow_id: str, workflow_type: str) -> WorkflowHandle[object, object]:
    """What is started by hand under an id of ours, with an input that nobody can read."""
    queue = shop.settings.task_queue
    return await shop.client.start_workflow(workflow_type, "no such input", id=workflow_id, task_queue=queue)


async def test_an_order_whose_history_no_code_follows_is_begun_anew_and_what_waits_behind_it_goes_on(
    stopped_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = stopped_shop
    await shop.upstream.set(opening="manual")
    order = await shop.order()
    with monkeypatch.context() as before:
        before.setattr(worker, "WORKFLOWS", [WaitsFirst, *worker.WORKFLOWS[1:]])
        async with shop.working():
            await shop.until(order, Stage.AWAITING_CONFIRMATION)
    urgent = await shop.resellflow.suspend(order.service, key="abuse", urgent=True, reason="abuse")
    [item] = await shop.upstream.items()
    await shop.upstream.admin("POST", f"/items/{item['id']}/open")
    async with shop.working():
        await shop.until(order, Stage.COMPLETED, timeout=30)
        await shop.until(urgent, Stage.COMPLETED, timeout=30)
    assert len(await shop.upstream.charges()) == 1
    entries = await healings(shop)
    # On a very busy machine tasks of a poller may fail, too. Its run is begun anew as well, and is no matter here.
    [entry] = [one for one in entries if one.subject == "operation"]
    assert entry.subject_number == order.operation
    assert "NonDeterministic" in entry.detail["cause"]


@pytest.mark.proof
async def test_a_payload_that_nobody_can_decrypt_stops_its_order_for_no_longer_than_that(
    stopped_shop: Shop, tmp_path: Path
) -> None:
    """It fails the whole workflow task, before any handler could drop it."""
    keys = tmp_path / "payload.keys"
    keys.write_text(f"{key_line('today')}\n")
    shop = stopped_shop
    options = shop.client.config() | {"data_converter": data_converter(str(keys))}
    client = shop.client = Client(**options)
    shop.resellflow = Resellflow(shop.database, client, shop.settings)
    await shop.upstream.set(opening="manual")
    async with shop.working():
        order = await shop.order()
        await shop.until(order, Stage.AWAITING_CONFIRMATION)
        forged = Payload(metadata={"encoding": b"binary/encrypted", "encryption-key-id": b"nobody's"}, data=b"x" * 40)
        await client.workflow_service.signal_workflow_execution(
            SignalWorkflowExecutionRequest(
                namespace=client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=order.workflow_id),
                signal_name="upstream_event",
                input=Payloads(payloads=[forged]),
            )
        )
        [item] = await shop.upstream.items()
        await shop.upstream.admin("POST", f"/items/{item['id']}/open")
        await shop.until(order, Stage.COMPLETED, timeout=30)
    assert len(await shop.upstream.charges()) == 1
    assert [entry.subject_number for entry in await healings(shop)] == [order.operation]


@pytest.mark.proof
async def test_ids_of_ours_taken_by_what_can_not_run_are_freed(stopped_shop: Shop) -> None:
    """A poller, the sender of webhooks, the sweep and an order: whoever may write to Temporal was there first."""
    shop = stopped_shop
    ids = {
        naming.poller_id("main"): "EventPoller",
        naming.WEBHOOK_SENDER_ID: "WebhookSender",
        naming.SWEEP_ID: "OrderSweep",
        naming.workflow_id(1, OperationKind.OPEN, 1): "NoSuchType",
    }
    for workflow_id, workflow_type in ids.items():
        await taken_by_somebody(shop, workflow_id, workflow_type)
    order = await shop.order()
    assert order.workflow_id in ids
    async with shop.working():
        await until_failing(shop, naming.SWEEP_ID)
        keeping = asyncio.create_task(worker.keep_sweep(shop.client, shop.settings.task_queue, every=0.2))
        await shop.until(order, Stage.COMPLETED, timeout=30)
        keeping.cancel()
    assert len(await shop.upstream.charges()) == 1
    assert {entry.detail["workflow"] for entry in await healings(shop)} == set(ids) - {naming.SWEEP_ID}


@pytest.mark.proof
@pytest.mark.parametrize(
    ("workflow_type", "given", "queue"),
    [
        ("WebhookSender", SendInput(), ""),
        ("ServiceOrder", "nobody reads it", "a-queue-that-nobody-serves"),
    ],
    ids=["of another type", "in another queue"],
)
async def test_an_orders_id_taken_by_what_runs_well_is_freed(
    stopped_shop: Shop, monkeypatch: pytest.MonkeyPatch, workflow_type: str, given: object, queue: str
) -> None:
    shop = stopped_shop
    monkeypatch.setattr(sweeping, "GRACE", timedelta(0))
    monkeypatch.setattr("orders.lifecycle.sweep.JUST_ACCEPTED", timedelta(0))
    taken = naming.workflow_id(1, OperationKind.OPEN, 1)
    queue = queue or shop.settings.task_queue
    await shop.client.start_workflow(workflow_type, given, id=taken, task_queue=queue)
    order = await shop.order()
    assert order.workflow_id == taken
    async with shop.working():
        await shop.until(order, Stage.COMPLETED, timeout=30)
    assert len(await shop.upstream.charges()) == 1


async def wedged_twice(shop: Shop, order: AcceptedOrder) -> WorkflowHandle[object, object]:
    """The run of this order was wedged, and so is the new one, which is returned; that is reported."""
    healer = Healer(shop.database, shop.client)
    await shop.handle(order).terminate("somebody's")
    for healed in (Healed(orders=[order.operation]), Healed()):
        handle = await taken_by_somebody(shop, order.workflow_id, "NoSuchType")
        await until_failing(shop, order.workflow_id)
        assert await healer.end_failing() == healed
    return handle


async def status_of(shop: Shop, handle: WorkflowHandle[object, object]) -> WorkflowExecutionStatus | None:
    run = shop.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
    return (await run.describe()).status


async def wedged_incident(shop: Shop) -> Incident:
    """The only one, open or closed."""
    async with shop.database.read() as session:
        [incident] = (await session.exec(select(Incident).where(Incident.kind == IncidentKind.WORKFLOW_WEDGED))).all()
        return incident


@pytest.mark.proof
async def test_a_new_run_that_is_wedged_as_well_is_left_alone_for_an_hour_and_reported_once(
    stopped_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = stopped_shop
    order = await shop.order()
    async with order_worker(shop):
        second = await wedged_twice(shop, order)
        for _ in range(2):
            assert await Healer(shop.database, shop.client).end_failing() == Healed()
        assert await status_of(shop, second) is WorkflowExecutionStatus.RUNNING
        incident = await wedged_incident(shop)
        assert (incident.closed_at, incident.operation_id) == (None, order.operation)
        assert "tried once more at" in incident.message
        monkeypatch.setattr(healing, "ORDERS_PAUSE", timedelta(0))
        assert await Healer(shop.database, shop.client).end_failing() == Healed(orders=[order.operation])
        assert await status_of(shop, second) is WorkflowExecutionStatus.TERMINATED


@pytest.mark.proof
async def test_the_incident_is_closed_when_a_run_of_the_order_works_again_and_not_before(
    stopped_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = stopped_shop
    order = await shop.order()
    async with order_worker(shop):
        await wedged_twice(shop, order)
    monkeypatch.setattr(healing, "ORDERS_PAUSE", timedelta(0))
    healer = Healer(shop.database, shop.client)
    assert await healer.end_failing() == Healed(orders=[order.operation])
    assert await healer.end_failing() == Healed()
    assert (await wedged_incident(shop)).closed_at is None, "no run works yet"
    await shop.start_anew(order)
    assert await healer.end_failing() == Healed()
    assert (await wedged_incident(shop)).closed_at is None, "the new run has not done anything yet"

    async def closed() -> bool:
        assert await healer.end_failing() == Healed()
        return (await wedged_incident(shop)).closed_by == "resellflow"

    async with shop.working():
        await assert_eventually(closed, timeout=30, message="the incident is closed")
        await shop.until(order, Stage.COMPLETED, timeout=30)
    assert len(await shop.upstream.charges()) == 1


@pytest.mark.proof
async def test_the_incident_is_closed_when_the_operation_has_ended_and_its_run_as_well(stopped_shop: Shop) -> None:
    shop = stopped_shop
    order = await shop.order()
    async with order_worker(shop):
        second = await wedged_twice(shop, order)
        await second.terminate("a person's")
    healer = Healer(shop.database, shop.client)
    await healer.end_failing()
    assert (await wedged_incident(shop)).closed_at is None, "the sweep begins it anew"
    await shop.resellflow.decide(order.operation, DecisionKind.CANCEL, Decision(actor="olga", reason="not wanted"))
    await healer.end_failing()
    assert (await wedged_incident(shop)).closed_by == "resellflow"


@pytest.mark.proof
async def test_what_was_written_down_and_not_ended_before_a_crash_is_ended(
    stopped_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = stopped_shop
    order = await shop.order()
    await shop.handle(order).terminate("somebody's")

    async def crash(*_: object) -> None:
        raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")

    async with worker.order_worker(
        shop.client, worker.Activities(shop.database, shop.client, shop.settings), shop.settings
    ):
        await taken_by_somebody(shop, order.workflow_id, "NoSuchType")
        await until_failing(shop, order.workflow_id)
        with monkeypatch.context() as crashing:
            crashing.setattr(healing, "_terminate", crash)
            with pytest.raises(RPCError):
                await Healer(shop.database, shop.client).end_failing()
        assert await Healer(shop.database, shop.client).end_failing() == Healed(orders=[order.operation])
    assert len(await healings(shop)) == 1


@pytest.mark.proof
async def test_of_an_operation_that_has_ended_the_run_is_ended_and_none_begins(stopped_shop: Shop) -> None:
    shop = stopped_shop
    order = await shop.order()
    await shop.resellflow.decide(order.operation, DecisionKind.CANCEL, Decision(actor="olga", reason="not wanted"))
    await shop.handle(order).terminate("somebody's")
    async with order_worker(shop):
        handle = await taken_by_somebody(shop, order.workflow_id, "NoSuchType")
        await until_failing(shop, order.workflow_id)
        assert await Healer(shop.database, shop.client).end_failing() == Healed(over=1)
    assert (await handle.describe()).status is WorkflowExecutionStatus.TERMINATED
    assert not await start_order(
        shop.client, shop.database, shop.settings.task_queue, shop.settings.order_policy(), order.operation
    )


@pytest.mark.proof
async def test_an_order_that_the_server_lets_have_no_more_messages_is_begun_anew(
    stopped_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody sends it as many as one run may have: from then on it could hear of nothing."""
    shop = stopped_shop
    monkeypatch.setattr(sweeping, "GRACE", timedelta(0))
    await shop.upstream.set(opening="manual")
    look = Decision(actor="olga", reason="is it there yet?")

    async def looked(order: AcceptedOrder) -> bool:
        await shop.resellflow.decide(order.operation, DecisionKind.LOOK_NOW, look)
        return True

    async with shop.working():
        order = await shop.order()
        await shop.until(order, Stage.AWAITING_CONFIRMATION)
        for _ in range(LIMITS["history.maxTotalUpdates"]):
            assert await looked(order)
        with pytest.raises(TemporalUnavailable, match="starts again"):
            await looked(order)
        ignoring = (TemporalUnavailable, Refused)
        await assert_eventually(lambda: looked(order), timeout=30, ignoring=ignoring, message="its new run hears")
        for _ in range(LIMITS["history.maximumSignalsPerExecution"]):
            await shop.handle(order).signal("no_such_signal")
        [item] = await shop.upstream.items()
        await shop.upstream.admin("POST", f"/items/{item['id']}/open")
        await shop.until(order, Stage.COMPLETED, timeout=30)
    assert len(await shop.upstream.charges()) == 1
