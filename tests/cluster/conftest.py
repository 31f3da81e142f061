"""Stories on a Temporal server as production has it: `make cluster-test`. The other test commands leave them out."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cluster.server import Cluster
from tests.flow.shop import Shop, Upstream, open_shop, open_upstream
from tests.infrastructure.databases import Stock
from tests.infrastructure.temporal import TemporalServer

HERE = Path(__file__).parent
SETTING = "RESELL_TEST_TEMPORAL_CLUSTER"
PATIENCE = 3600
"""Seconds for one test with its fixtures: the first may have to build the server."""


collect_ignore_glob = [] if os.environ.get(SETTING) else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(PATIENCE))


@pytest.fixture(scope="session")
def postgres_url(cluster: Cluster) -> str:
    """Resellflow's databases are beside Temporal's, as in `docker-compose.yml`."""
    return cluster.postgres.url


@pytest.fixture
def shop_database(postgres_stock: Stock) -> Iterator[str]:
    with postgres_stock.lent() as url:
        yield url


@pytest_asyncio.fixture(scope="session")
async def simulator() -> AsyncIterator[Upstream]:
    async with open_upstream() as upstream:
        yield upstream


@pytest.fixture
async def upstream(simulator: Upstream) -> Upstream:
    await simulator.admin("POST", "/reset")
    await simulator.set(opening_delay=0.3)
    return simulator


@pytest.fixture
async def cluster_shop(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    """A shop that waits for somebody to start worker processes."""
    async with open_shop(shop_database, temporal_server, upstream, worker=False) as shop:
        yield shop
