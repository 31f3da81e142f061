from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.carts.bench import Bench, open_bench
from tests.flow.shop import Upstream, open_upstream
from tests.infrastructure.databases import copy_of


@pytest_asyncio.fixture(scope="session")
async def simulator() -> AsyncIterator[Upstream]:
    async with open_upstream() as upstream:
        yield upstream


@pytest.fixture
async def upstream(simulator: Upstream) -> Upstream:
    """A panel that ignores `skipbasket`: everything goes into its cart."""
    await simulator.admin("POST", "/reset")
    await simulator.set(opening_delay=0.1, skipbasket="ignored", prolong_cart="always", addon_cart="always")
    return simulator


@pytest.fixture
async def bench(migrated_sqlite_template: Path, tmp_path: Path, upstream: Upstream) -> AsyncIterator[Bench]:
    async with open_bench(copy_of(migrated_sqlite_template, tmp_path), upstream) as bench:
        yield bench


@pytest.fixture
async def bench5(migrated_sqlite_template: Path, tmp_path: Path, upstream: Upstream) -> AsyncIterator[Bench]:
    """The same against the older dialect: orders and a basket instead of rows and a cart."""
    async with open_bench(copy_of(migrated_sqlite_template, tmp_path), upstream, dialect=5) as bench:
        yield bench
