from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.farside.installations import Pair, open_pair
from tests.flow.shop import CALM, Upstream, open_upstream
from tests.infrastructure.databases import Stock, copy_of
from tests.infrastructure.temporal import TemporalServer

OpenPair = Callable[..., AbstractAsyncContextManager[Pair]]


@pytest_asyncio.fixture(scope="session")
async def panel_process() -> AsyncIterator[Upstream]:
    async with open_upstream() as panel:
        yield panel


@pytest.fixture
async def panel(panel_process: Upstream) -> Upstream:
    """The BILLmanager that the distributor buys from, as new."""
    await panel_process.admin("POST", "/reset")
    await panel_process.set(opening_delay=0.1)
    return panel_process


@pytest.fixture
def databases(
    request: pytest.FixtureRequest, migrated_sqlite_template: Path, tmp_path: Path
) -> Iterator[tuple[str, str]]:
    """The distributor's and the reseller's. `param`: which kind, where it is not SQLite (`on_both_databases`)."""
    with ExitStack() as lent:
        if getattr(request, "param", "sqlite") == "postgresql":
            stock: Stock = request.getfixturevalue("postgres_stock")
            yield lent.enter_context(stock.lent()), lent.enter_context(stock.lent())
            return
        homes = tmp_path / "distributor", tmp_path / "reseller"
        for home in homes:
            home.mkdir()
        yield copy_of(migrated_sqlite_template, homes[0]), copy_of(migrated_sqlite_template, homes[1])


@pytest.fixture
def opening(databases: tuple[str, str], tmp_path: Path, temporal_server: TemporalServer, panel: Upstream) -> OpenPair:
    """`open_pair` without what is the same for all."""
    return partial(open_pair, databases, tmp_path, temporal_server, panel)


@pytest.fixture
async def pair(request: pytest.FixtureRequest, opening: OpenPair) -> AsyncIterator[Pair]:
    """Both at work. What the reseller waits for it looks at several times a second. `param`: its settings."""
    of_reseller: dict[str, Any] = getattr(request, "param", {})
    async with opening(**of_reseller) as pair:
        yield pair


@pytest.fixture
async def pair_of_calm_reseller(opening: OpenPair) -> AsyncIterator[Pair]:
    """The reseller looks so seldom that a hint is always faster."""
    async with opening(idle_interval=CALM, hot_interval=CALM) as pair:
        yield pair


@pytest.fixture
async def resting_pair(opening: OpenPair) -> AsyncIterator[Pair]:
    """Without workers: the test starts processes."""
    async with opening(workers=False) as pair:
        yield pair
