"""A whole reseller, for the examples of the pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cli.shell import Shell
from tests.docs.example import Example
from tests.flow.shop import CALM, PASSWORD, PASSWORD_VARIABLE, QUICK, Shop, Upstream, open_shop, open_upstream
from tests.infrastructure.databases import copy_of
from tests.infrastructure.temporal import TemporalServer


@pytest_asyncio.fixture(scope="session")
async def docs_simulator() -> AsyncIterator[Upstream]:
    async with open_upstream() as upstream:
        yield upstream


@pytest.fixture
async def shop(
    migrated_sqlite_template: Path, tmp_path: Path, temporal_server: TemporalServer, docs_simulator: Upstream
) -> AsyncIterator[Shop]:
    await docs_simulator.admin("POST", "/reset")
    await docs_simulator.set(opening_delay=0.2)
    database = copy_of(migrated_sqlite_template, tmp_path)
    async with open_shop(database, temporal_server, docs_simulator, idle_interval=CALM) as shop:
        yield shop


@pytest.fixture
def example(shop: Shop, tmp_path: Path) -> Example:
    settings = {f"RESELL_{name.upper()}": str(value) for name, value in QUICK.items()}
    shell = Shell(
        {
            "RESELL_DATABASE_URL": shop.database_url,
            "TEMPORAL_ADDRESS": shop.temporal.address,
            "TEMPORAL_NAMESPACE": shop.client.namespace,
            PASSWORD_VARIABLE: PASSWORD,
            **settings,
        }
    )
    archive = tmp_path / "archive"
    archive.mkdir()
    return Example(shop, shell, str(archive))
