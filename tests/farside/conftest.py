from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.farside.installations import Pair, open_pair
from tests.flow.shop import CALM, Upstream, open_upstream
from tests.infrastructure.temporal import TemporalServer


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
async def pair(
    request: pytest.FixtureRequest,
    migrated_sqlite_template: Path,
    tmp_path: Path,
    temporal_server: TemporalServer,
    panel: Upstream,
) -> AsyncIterator[Pair]:
    """Both at work. What the reseller waits for it looks at several times a second. `param`: its settings."""
    of_reseller: dict[str, Any] = getattr(request, "param", {})
    async with open_pair(migrated_sqlite_template, tmp_path, temporal_server, panel, **of_reseller) as pair:
        yield pair


@pytest.fixture
async def pair_of_calm_reseller(
    migrated_sqlite_template: Path, tmp_path: Path, temporal_server: TemporalServer, panel: Upstream
) -> AsyncIterator[Pair]:
    """The reseller looks so seldom that a hint is always faster."""
    seldom: dict[str, Any] = {"idle_interval": CALM, "hot_interval": CALM}
    async with open_pair(migrated_sqlite_template, tmp_path, temporal_server, panel, **seldom) as pair:
        yield pair


@pytest.fixture
async def resting_pair(
    migrated_sqlite_template: Path, tmp_path: Path, temporal_server: TemporalServer, panel: Upstream
) -> AsyncIterator[Pair]:
    """Without workers: the test starts processes."""
    async with open_pair(migrated_sqlite_template, tmp_path, temporal_server, panel, workers=False) as pair:
        yield pair
