"""A worker process with a role gets only its work; together the roles do everything."""

import sys

import httpx
import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from models.database import Database
from models.enums import Stage
from models.queues import ALL_ROLES, WorkerRole, queues_of, roles_of
from temporal.health import HealthServer
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import Program, free_port
from worker import _chosen_roles

ORDERS, UPSTREAM, POLLER, WEBHOOKS = WorkerRole


def health(shop: Shop, *roles: WorkerRole) -> str:
    """Start a worker with these roles; the address of its health endpoint."""
    address = f"127.0.0.1:{free_port()}"
    shop.worker_settings["RESELL_WORKER_HEALTH_ADDRESS"] = address
    shop.start_worker(*roles)
    return f"http://{address}/readyz"


async def ready(url: str) -> list[str]:
    """The roles that a worker names once it is well."""

    async def answer() -> list[str]:
        async with httpx.AsyncClient(trust_env=False) as client:
            found = await client.get(url)
        assert found.status_code == 200, found.text
        roles: list[str] = found.json()["roles"]
        return roles

    return await assert_eventually(answer, timeout=30, ignoring=(httpx.HTTPError,), message=f"{url} is well")


@pytest.mark.proof
async def test_an_order_waits_for_the_role_that_its_next_step_needs(shop_without_worker: Shop) -> None:
    shop = shop_without_worker
    orders = health(shop, ORDERS)
    assert await ready(orders) == ["orders"]
    order = await shop.order()
    await shop.until(order, Stage.CHECKING_BALANCE)
    assert await shop.upstream.requests() == [], "calls to upstreams are another role's"
    both = health(shop, UPSTREAM, WEBHOOKS)
    assert await ready(both) == ["upstream", "webhooks"]
    await shop.until(order, Stage.AWAITING_CONFIRMATION)
    assert await shop.upstream.requests("soft") == [], "and lists of what no order is about are the poller's"
    assert await ready(health(shop, POLLER)) == ["poller"]
    await shop.until(order, Stage.COMPLETED)


async def test_a_worker_polls_the_queue_of_its_role_and_no_other(shop_without_worker: Shop) -> None:
    shop = shop_without_worker
    assert await ready(health(shop, POLLER)) == ["poller"]
    polled = set()
    for role in WorkerRole:
        for queue in queues_of(role, shop.settings.task_queue):
            for kind in (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY):
                asked = DescribeTaskQueueRequest(
                    namespace=shop.client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
                )
                if (await shop.client.workflow_service.describe_task_queue(asked)).pollers:
                    polled.add((role, kind))
    assert polled == {(POLLER, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)}


async def test_a_worker_that_lacks_temporal_lives_and_is_not_ready(migrated_database_url: str) -> None:
    """Whoever restarts what does not live must not restart all workers because Temporal is away."""
    address = f"127.0.0.1:{free_port()}"
    database = Database(migrated_database_url)
    server = HealthServer(address, database)
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as client:
            answers = {path: (await client.get(path)).status_code for path in ("/livez", "/readyz", "/healthz")}
    finally:
        await server.stop()
        await database.close()
    assert answers == {"/livez": 200, "/readyz": 503, "/healthz": 503}


def test_every_role_by_default_and_an_unknown_one_is_refused_with_the_choices() -> None:
    assert _chosen_roles([]) == ALL_ROLES
    assert _chosen_roles(["--roles", "orders, poller"]) == {ORDERS, POLLER}
    with Program([sys.executable, "worker.py", "--roles", "orders,pollers"], name="worker", forked=True) as refused:
        assert refused.wait_for_exit() == 2
    assert "no such role: 'pollers'" in refused.output
    for role in WorkerRole:
        assert role.value in refused.output
    with pytest.raises(ValueError, match="no such role: ''"):
        roles_of("")
