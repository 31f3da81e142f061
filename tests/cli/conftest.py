from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from catalogue.loading import load
from models.database import Database
from tests.catalogue.sample import written
from tests.cli.shell import Shell
from tests.flow.shop import CALM, PASSWORD, PASSWORD_VARIABLE, QUICK, Shop, Upstream, open_shop, open_upstream
from tests.infrastructure.databases import copy_of
from tests.infrastructure.processes import free_port
from tests.infrastructure.temporal import TemporalServer


@pytest.fixture
def sqlite_url(migrated_sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite database of this test's own."""
    return copy_of(migrated_sqlite_template, tmp_path)


@pytest.fixture
def temporal_away() -> dict[str, str]:
    """The environment in which nobody answers where Temporal should be."""
    return {"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"}


@pytest.fixture
def shell(sqlite_url: str, temporal_away: dict[str, str]) -> Shell:
    """A shell with a database, and Temporal away."""
    return Shell({"RESELL_DATABASE_URL": sqlite_url, PASSWORD_VARIABLE: PASSWORD, **temporal_away})


@pytest.fixture
async def stocked_shell(shell: Shell, tmp_path: Path) -> Shell:
    """A shell whose database has the sample catalogue."""
    await stock(shell, written(tmp_path))
    return shell


async def stock(shell: Shell, file: Path) -> None:
    """What `resell setup` does, without looking for Temporal."""
    database = Database(shell.variables["RESELL_DATABASE_URL"])
    await load(database, file, actor="tester")
    await database.close()


@pytest_asyncio.fixture(scope="session")
async def cli_simulator() -> AsyncIterator[Upstream]:
    async with open_upstream() as upstream:
        yield upstream


@pytest.fixture
async def upstream(cli_simulator: Upstream) -> Upstream:
    """The simulator, as new."""
    await cli_simulator.admin("POST", "/reset")
    await cli_simulator.set(opening_delay=0.2)
    return cli_simulator


@pytest.fixture
async def shop(sqlite_url: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    """A whole reseller at work, whose poller looks seldom at what nobody waits for: people are faster."""
    async with open_shop(sqlite_url, temporal_server, upstream, idle_interval=CALM) as shop:
        yield shop


@pytest.fixture
def shop_shell(shop: Shop) -> Shell:
    """A shell in that reseller's office."""
    settings = {f"RESELL_{name.upper()}": str(value) for name, value in QUICK.items()}
    return Shell(
        {
            "RESELL_DATABASE_URL": shop.database_url,
            "TEMPORAL_ADDRESS": shop.temporal.address,
            "TEMPORAL_NAMESPACE": shop.client.namespace,
            PASSWORD_VARIABLE: PASSWORD,
            **settings,
        }
    )
