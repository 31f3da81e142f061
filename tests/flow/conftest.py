from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.flow.shop import CALM, Shop, Upstream, open_shop, open_upstream
from tests.infrastructure.databases import Stock, copy_of
from tests.infrastructure.temporal import TemporalServer


@pytest.fixture
def shop_database(migrated_sqlite_template: Path, tmp_path: Path) -> str:
    return copy_of(migrated_sqlite_template, tmp_path)


@pytest_asyncio.fixture(scope="session")
async def simulator() -> AsyncIterator[Upstream]:
    """The upstream of the whole test run; every test finds it as new."""
    async with open_upstream() as upstream:
        yield upstream


@pytest.fixture
async def upstream(simulator: Upstream) -> Upstream:
    await simulator.admin("POST", "/reset")
    await simulator.set(opening_delay=0.3)
    return simulator


@pytest.fixture
async def shop(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    """A shop on SQLite with workers running."""
    async with open_shop(shop_database, temporal_server, upstream) as shop:
        yield shop


@pytest.fixture
async def calm_shop(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    """One whose poller looks at what nobody waits for so seldom that people are always faster."""
    async with open_shop(shop_database, temporal_server, upstream, idle_interval=CALM) as shop:
        yield shop


@pytest.fixture
async def shop_without_worker(
    shop_database: str, temporal_server: TemporalServer, upstream: Upstream
) -> AsyncIterator[Shop]:
    """A shop that waits for somebody to start a worker."""
    async with open_shop(shop_database, temporal_server, upstream, worker=False) as shop:
        yield shop


@pytest.fixture
async def shop_on_postgres(
    postgres_stock: Stock, temporal_server: TemporalServer, upstream: Upstream
) -> AsyncIterator[Shop]:
    """A shop on PostgreSQL with workers running."""
    with postgres_stock.lent() as url:
        async with open_shop(url, temporal_server, upstream) as shop:
            yield shop
