"""What is deployed: settings, schema, namespace, and what an operator does with them."""

import psycopg
import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from models.enums import Stage
from orders.lifecycle.intake import ServiceRequest
from starter import Resellflow
from temporal.registration import ensure_search_attributes
from tests.cluster.programs import DEPLOYED
from tests.cluster.server import Cluster
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually


def test_the_server_knows_every_dynamic_setting(cluster: Cluster) -> None:
    file = str(DEPLOYED / "dynamicconfig.yaml")
    done = cluster.run([str(cluster.programs.server), "validate-dynamic-config", file])
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == [file], "an error or a warning"


def test_the_schema_job_does_nothing_where_the_schema_is_there(cluster: Cluster) -> None:
    before = schema(cluster)
    assert all(rows > 0 for rows in before.values())
    cluster.bring_schema()
    assert schema(cluster) == before


def schema(cluster: Cluster) -> dict[str, int]:
    """How often each of Temporal's databases was updated so far."""
    found = {}
    for name in ("temporal", "temporal_visibility"):
        address = f"postgresql://temporal@127.0.0.1:{cluster.postgres.port}/{name}"
        with psycopg.connect(address) as connection:
            row = connection.execute("SELECT count(*) FROM schema_update_history").fetchone()
            assert row is not None
            found[name] = row[0]
    return found


@pytest.mark.parametrize("by", ["job", "worker"])
async def test_orders_are_started_as_soon_as_the_search_attributes_were_made(
    cluster: Cluster, cluster_shop: Shop, by: str
) -> None:
    """A server knows them a moment after it has listed them, and refuses orders until then. No worker runs here, so
    nobody starts a refused order later."""
    shop, name = cluster_shop, f"new-by-{by}"
    if by == "job":
        cluster.make_namespace(name)
    else:
        done = cluster.temporal("operator", "namespace", "create", "--namespace", name)
        assert done.returncode == 0, done.stdout + done.stderr
    client = await shop.temporal.connect(name)
    if by == "worker":
        # As often as it takes: a worker tries until it works.
        await assert_eventually(
            lambda: registered(client), timeout=60, ignoring=(RPCError,), message="they are registered"
        )
    order = await Resellflow(shop.database, client, shop.settings).place_order(
        ServiceRequest(plan="VDS-1", period_months=1, customer="c-1"), key="k", client="shop", owner="shop"
    )

    async def started() -> bool:
        await client.get_workflow_handle(order.workflow_id).describe()
        return True

    await assert_eventually(started, timeout=30, ignoring=(RPCError,), message="its workflow is started")


async def registered(client: Client) -> bool:
    await ensure_search_attributes(client)
    return True


async def test_an_order_is_held_by_pausing_its_workflow(cluster: Cluster, shop: Shop) -> None:
    """As docs/operations.md offers it; the setting that allows it is one of ours."""
    await shop.upstream.set(opening="manual")
    order = await shop.order()
    await shop.until(order, Stage.AWAITING_CONFIRMATION, timeout=60)
    about = ("--workflow-id", shop.handle(order).id, "--reason", "looked into")
    done = cluster.temporal("workflow", "pause", *about, namespace=shop.client.namespace)
    assert done.returncode == 0, done.stdout + done.stderr
    number = (await shop.service(order.service)).upstream_number
    await shop.upstream.admin("POST", f"/items/{number}/open")
    done = cluster.temporal("workflow", "unpause", *about, namespace=shop.client.namespace)
    assert done.returncode == 0, done.stdout + done.stderr
    await shop.until(order, Stage.COMPLETED, timeout=60)


async def test_orders_are_found_by_stage_and_by_upstream(cluster: Cluster, shop: Shop) -> None:
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED, timeout=60)

    queries = ("OrderStage = 'completed'", f"ServiceNumber = {order.service}", "OperationKind = 'open'")

    async def all_found() -> bool:
        found = [[one.id async for one in shop.client.list_workflows(query)] for query in queries]
        return found == [[shop.handle(order).id]] * len(queries)

    await assert_eventually(all_found, timeout=60, message="each query finds the order")


@pytest.fixture
async def shop(cluster_shop: Shop) -> Shop:
    """With a worker process."""
    cluster_shop.start_worker()
    return cluster_shop
