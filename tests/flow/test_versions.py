"""Two versions of the workers at once: orders stay with theirs, a version that nobody runs any more loses its orders
to the current one, and there is a way back. Worker processes, a server with Worker Versioning, one charge an order."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlmodel import select
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import EventType, TaskQueueType
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentVersionRequest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from models.enums import IncidentKind, Stage
from models.incident import Incident
from models.queues import WorkerRole, queues_of
from orders.lifecycle.acceptance import AcceptedOrder
from orders.services import naming
from temporal.healing import Healer
from temporal.versions.deployment import set_current
from temporal.versions.watching import VersionWatch
from tests.cli.shell import Shell
from tests.flow.shop import Shop, Upstream, open_shop
from tests.histories.changed import OfTheNextVersion
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import Program
from tests.infrastructure.temporal import TemporalServer, own_temporal_server

CONFIG = {
    "worker.perNamespaceWorkerCount": "1",  # the server keeps its versions by workflows of its own
    "matching.longPollExpirationInterval": '"1s"',  # a minute: a worker asks anew after each
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": "1",  # five
}
SILENT = timedelta(seconds=6)
pytestmark = pytest.mark.timeout(300)


@pytest_asyncio.fixture(scope="module")
async def with_versions() -> AsyncIterator[TemporalServer]:
    async with own_temporal_server(config=CONFIG, stock=5) as server:
        yield server


@pytest.fixture
async def shop(shop_database: str, with_versions: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    async with open_shop(shop_database, with_versions, upstream, worker=False) as shop:
        await upstream.set(opening="manual")
        yield shop


def start(shop: Shop, build_id: str, *program: str) -> Program:
    started = Program(
        [sys.executable, *program],
        name=f"worker {build_id}",
        forked=True,
        env=shop.environment() | {"RESELL_BUILD_ID": build_id},
    )
    shop.workers.append(started)
    return started


def old_version(shop: Shop) -> Program:
    return start(shop, "1", "worker.py")


def next_version(shop: Shop) -> Program:
    return start(shop, "2", "-m", "tests.flow.next_version")


async def versions(shop: Shop) -> dict[str, dict[str, Any]]:
    """What `resell versions` lists, by build id."""
    listed = (await Shell(shop.environment()).resell("versions", "--json")).done().json["items"]
    return {one["build_id"]: one for one in listed}


async def make_current(shop: Shop, build_id: str) -> None:
    """By the command line, as soon as Temporal has heard of the version."""

    async def chosen() -> bool:
        done = await Shell(shop.environment()).resell("versions", "current", build_id)
        return f"new orders go to version {build_id}" in done.done().out

    await assert_eventually(chosen, timeout=30, interval=0.5, ignoring=(AssertionError,), message=f"{build_id} current")

    async def known() -> bool:
        found = (await versions(shop))[build_id]
        return (found["status"], found["percentage"]) == ("current", 100)

    await assert_eventually(known, timeout=30, interval=0.5, message=f"{build_id} is listed as current")


async def waiting_order(shop: Shop, *, of: str) -> AcceptedOrder:
    order = await shop.order()
    await shop.until(order, Stage.AWAITING_CONFIRMATION, timeout=30)
    assert await version_of(shop.handle(order)) == of
    return order


async def version_of(handle: WorkflowHandle[Any, Any]) -> str:
    info = (await handle.describe()).raw_description.workflow_execution_info.versioning_info
    override = info.versioning_override.pinned.version.build_id
    return override or info.deployment_version.build_id


async def finish(shop: Shop, order: AcceptedOrder) -> None:
    number = (await shop.service(order.service)).upstream_number
    await shop.upstream.admin("POST", f"/items/{number}/open")
    await shop.until(order, Stage.COMPLETED, timeout=60)
    await asyncio.wait_for(shop.handle(order).result(), 60)  # the database says it first


async def builds_and_patches(shop: Shop, order: AcceptedOrder) -> tuple[list[str], set[str]]:
    """Which builds have run the workflow, in turn, and which patches are in its history."""
    builds: list[str] = []
    patches = set()
    async for event in shop.handle(order).fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            build = event.workflow_task_completed_event_attributes.deployment_version.build_id
            if builds[-1:] != [build]:
                builds.append(build)
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            details = event.marker_recorded_event_attributes.details
            text = " ".join(payload.data.decode() for payloads in details.values() for payload in payloads.payloads)
            patches |= {name for name in (OfTheNextVersion.BEGINS, OfTheNextVersion.ENDS) if name in text}
    return builds, patches


async def moved(shop: Shop, order: AcceptedOrder, to: str) -> None:
    watch = VersionWatch(shop.database, shop.client, shop.settings)

    async def at_its_new_version() -> bool:
        await watch.look(SILENT)
        assert await version_of(shop.handle(order)) == to
        return True

    await assert_eventually(at_its_new_version, timeout=60, interval=0.5, message=f"the order has moved to {to}")


@pytest.mark.proof
async def test_two_versions_at_once_one_that_is_drained_and_the_way_back(shop: Shop) -> None:
    first = old_version(shop)
    await make_current(shop, "1")
    stays, drained = await waiting_order(shop, of="1"), await waiting_order(shop, of="1")
    second = next_version(shop)
    await make_current(shop, "2")
    of_next, stranded = await waiting_order(shop, of="2"), await waiting_order(shop, of="2")

    # Both versions run: each order is ended by the one that began it.
    await finish(shop, stays)
    await finish(shop, of_next)
    assert await builds_and_patches(shop, stays) == (["1"], set())
    assert await builds_and_patches(shop, of_next) == (["2"], {OfTheNextVersion.BEGINS, OfTheNextVersion.ENDS})
    listed = await versions(shop)
    assert (listed["1"]["status"], listed["1"]["orders"], listed["1"]["workers"]) == ("draining", 1, True)
    assert (listed["2"]["orders"], listed["2"]["workers"]) == (1, True)

    # The old version is stopped while an order of it waits: the next one replays it and ends it.
    first.send_signal(signal.SIGTERM)
    assert first.wait_for_exit(timeout=30) == 0
    await moved(shop, drained, "2")
    await finish(shop, drained)
    assert await builds_and_patches(shop, drained) == (["1", "2"], {OfTheNextVersion.ENDS})
    assert await version_of(shop.client.get_workflow_handle(naming.poller_id("main"))) == "2", "the poller moved up"

    # The way back: new orders go to the old version, and what the next one has begun is begun anew when nobody runs it.
    old_version(shop)
    await make_current(shop, "1")
    back = await waiting_order(shop, of="1")
    second.send_signal(signal.SIGKILL)
    second.wait_for_exit(timeout=30)
    await moved(shop, stranded, "1")
    healer = Healer(shop.database, shop.client)

    async def ended_because_its_tasks_fail() -> bool:
        await shop.client.get_workflow_handle(shop.handle(stranded).id).signal("upstream_event", "wakes it")
        healed = await healer.end_failing()
        assert healed.orders == [stranded.operation]
        return True

    await assert_eventually(ended_because_its_tasks_fail, timeout=60, interval=1, message="the older code can't go on")
    await shop.start_anew(stranded)
    await finish(shop, stranded)
    await finish(shop, back)
    assert await builds_and_patches(shop, stranded) == (["1"], set())
    orders = (stays, drained, of_next, stranded, back)
    assert len(await shop.upstream.charges()) == len(orders) == len(await shop.upstream.items())


@pytest.mark.proof
async def test_a_worker_itself_looks_again_and_again_for_versions_that_nobody_runs(shop: Shop) -> None:
    first = old_version(shop)
    await make_current(shop, "1")
    order = await waiting_order(shop, of="1")
    start(shop, "2", "-m", "tests.flow.quick_watch", "worker")
    await make_current(shop, "2")
    first.send_signal(signal.SIGTERM)
    assert first.wait_for_exit(timeout=30) == 0

    async def moved_by_the_worker() -> bool:
        return await version_of(shop.handle(order)) == "2"

    await assert_eventually(moved_by_the_worker, timeout=60, interval=0.5, message="the order has moved")
    await finish(shop, order)
    assert len(await shop.upstream.charges()) == 1


@pytest.mark.proof
async def test_a_share_of_the_new_orders_tries_the_next_version(shop: Shop) -> None:
    old_version(shop)
    await make_current(shop, "1")
    next_version(shop)

    async def ramps(build_id: str, percentage: int) -> None:
        async def so() -> bool:
            done = await Shell(shop.environment()).resell("versions", "ramp", build_id, str(percentage))
            assert f"{percentage} % of the new orders go to version {build_id}" in done.done().out
            return bool((await versions(shop))[build_id]["percentage"] == percentage)

        await assert_eventually(so, timeout=30, interval=0.5, message="it ramps")

    async def began_with(order: AcceptedOrder) -> str:
        return await assert_eventually(
            lambda: version_of(shop.handle(order)), timeout=30, ignoring=(RPCError,), message="it was begun"
        )

    await ramps("2", 50)
    orders: list[AcceptedOrder] = []

    async def both_get_some() -> bool:
        orders.append(await shop.order())
        return {await began_with(one) for one in orders} == {"1", "2"}

    await assert_eventually(both_get_some, timeout=60, message="each version gets some of the new orders")
    await ramps("2", 100)
    orders += [await shop.order() for _ in range(3)]
    assert {await began_with(one) for one in orders[-3:]} == {"2"}
    await ramps("2", 0)
    orders += [await shop.order() for _ in range(3)]
    assert {await began_with(one) for one in orders[-3:]} == {"1"}
    for order in orders:
        await shop.until(order, Stage.AWAITING_CONFIRMATION, timeout=60)
        await finish(shop, order)
    assert len(await shop.upstream.charges()) == len(orders)


async def incidents(shop: Shop) -> list[Incident]:
    async with shop.database.read() as session:
        chosen = select(Incident).where(Incident.kind == IncidentKind.VERSION_WITHOUT_WORKERS)
        return list((await session.exec(chosen)).all())


@pytest.mark.proof
async def test_what_waits_for_a_version_is_counted_where_keda_looks(shop: Shop) -> None:
    """The Helm chart scales by it (docs/kubernetes.md#scale). KEDA 2.21 asks as `waiting`
    does (its `temporal_scaler.go`)."""
    upstream = start(shop, "1", "worker.py", "--roles", "upstream")
    start(shop, "1", "worker.py", "--roles", "orders,poller,webhooks")
    await make_current(shop, "1")
    upstream.terminate()
    orders = [await shop.order() for _ in range(3)]
    for order in orders:
        await shop.until(order, Stage.CHECKING_BALANCE, timeout=30)

    async def counted() -> bool:
        return (await waiting(shop, "1"))[queues_of(WorkerRole.UPSTREAM, shop.settings.task_queue)[0]] == len(orders)

    await assert_eventually(counted, timeout=30, interval=0.5, message="three calls to the upstream wait")
    queues = {queue for role in WorkerRole for queue in queues_of(role, shop.settings.task_queue)}
    assert (await waiting(shop, "1")).keys() == queues


async def waiting(shop: Shop, build_id: str) -> dict[str, int]:
    """Activities that wait in each queue that workers of this version have polled."""
    version = WorkerDeploymentVersion(deployment_name=shop.settings.deployment, build_id=build_id)
    answer = await shop.client.workflow_service.describe_worker_deployment_version(
        DescribeWorkerDeploymentVersionRequest(
            namespace=shop.client.namespace, deployment_version=version, report_task_queue_stats=True
        )
    )
    activities = [one for one in answer.version_task_queues if one.type == TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY]
    return {one.name: one.stats.approximate_backlog_count for one in activities}


@pytest.mark.proof
async def test_the_first_version_and_a_version_without_workers(shop: Shop) -> None:
    """What was begun without a version goes on with the first one. A version without workers is an incident while it
    lasts."""
    watch = VersionWatch(shop.database, shop.client, shop.settings)
    async with shop.working():
        from_before = await waiting_order(shop, of="")
    await watch.look(SILENT)
    assert await incidents(shop) == [], "an installation without versions"
    shop.settings = shop.settings.model_copy(update={"build_id": "1"})
    async with shop.working():

        async def current() -> bool:
            await set_current(shop.client, shop.settings.deployment, "1")
            return True

        await assert_eventually(current, timeout=30, ignoring=(RPCError,), message="version 1 is current")
        await waiting_order(shop, of="1")
        await finish(shop, from_before)
        assert (await builds_and_patches(shop, from_before))[0] == ["", "1"]

    async def reported() -> Incident:
        await watch.look(SILENT)
        found = await incidents(shop)
        assert len(found) == 1
        return found[0]

    incident = await assert_eventually(reported, timeout=30, interval=0.5, message="nobody runs version 1")
    assert "No worker runs version 1" in incident.message
    assert incident.detail == {"deployment": "resellflow", "build_id": "1"}
    async with shop.working():

        async def over() -> bool:
            await watch.look(SILENT)
            assert (await reported()).closed_at is not None
            return True

        await assert_eventually(over, timeout=30, interval=0.5, message="it is over")
