from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from models.database import Database


@pytest.fixture
async def database(migrated_database_url: str) -> AsyncIterator[Database]:
    """A database of this test's own, on SQLite and on PostgreSQL."""
    database = Database(migrated_database_url)
    yield database
    await database.close()


@pytest_asyncio.fixture(scope="session")
async def untouched_database(migrated_sqlite_template: Path) -> AsyncIterator[Database]:
    """An empty SQLite database shared by tests that write nothing, because what they load is wrong."""
    database = Database(f"sqlite:///{migrated_sqlite_template}")
    yield database
    await database.close()
