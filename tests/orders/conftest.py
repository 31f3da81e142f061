from collections.abc import AsyncIterator

import pytest

from models.database import Database
from tests.flow.shop import stock_catalogue


@pytest.fixture
async def database(migrated_database_url: str) -> AsyncIterator[Database]:
    """One upstream account and a few plans; once on SQLite, once on PostgreSQL."""
    database = Database(migrated_database_url)
    await stock_catalogue(database, "http://upstream.invalid/billmgr")
    yield database
    await database.close()
