"""The API over a catalogue with everything that a plan can have."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client

from models.database import Database
from tests.infrastructure.databases import copy_of
from tests.plans.catalogue import fill
from tests.storefront.api import Api, api_settings, client_of_nothing, running_api, stocked_api
from tests.storefront.catalogue import fill_catalogue


@pytest_asyncio.fixture(scope="module")
async def shop_api(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite_template: Path) -> AsyncIterator[Api]:
    url = copy_of(migrated_sqlite_template, tmp_path_factory.mktemp("plans"))
    database = Database(url)
    try:
        await fill_catalogue(database)
        await fill(database)
        async with running_api(database, await client_of_nothing(), api_settings(url)) as running:
            yield running
    finally:
        await database.close()


@pytest.fixture
async def shop(migrated_database_url: str, temporal_client: Client) -> AsyncIterator[Api]:
    """One for each test, on SQLite and on PostgreSQL."""
    async with stocked_api(migrated_database_url, temporal_client) as running:
        await fill(running.database)
        yield running
