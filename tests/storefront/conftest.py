"""What the tests of the storefront API share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client

from tests.infrastructure.databases import copy_of
from tests.storefront.api import Api, client_of_nothing, stocked_api


@pytest.fixture
async def api(migrated_database_url: str, temporal_client: Client) -> AsyncIterator[Api]:
    """The API over a database with a catalogue, once SQLite, once PostgreSQL. Temporal is there, without a worker."""
    async with stocked_api(migrated_database_url, temporal_client) as running:
        yield running


@pytest.fixture
async def sqlite_api(tmp_path: Path, migrated_sqlite_template: Path, temporal_client: Client) -> AsyncIterator[Api]:
    """As `api`, on SQLite alone: for what has nothing to do with the database."""
    async with stocked_api(copy_of(migrated_sqlite_template, tmp_path), temporal_client) as running:
        yield running


@pytest_asyncio.fixture(scope="session")
async def idle_api(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite_template: Path) -> AsyncIterator[Api]:
    """One for all tests in which nothing is ordered, because what they ask is refused. There is no Temporal."""
    url = copy_of(migrated_sqlite_template, tmp_path_factory.mktemp("idle-api"))
    async with stocked_api(url, await client_of_nothing()) as running:
        yield running


@pytest.fixture
async def unreachable_temporal() -> Client:
    """A client of a Temporal that is not there."""
    return await client_of_nothing()
