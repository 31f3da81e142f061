from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from models.database import Database
from tests.flow.shop import stock_catalogue
from tests.infrastructure.databases import copy_of


@pytest.fixture
async def database(migrated_database_url: str) -> AsyncIterator[Database]:
    """One upstream account and a few plans; once on SQLite, once on PostgreSQL."""
    database = Database(migrated_database_url)
    await stock_catalogue(database, "http://upstream.invalid/billmgr")
    yield database
    await database.close()


@pytest.fixture
async def shelf(migrated_sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """As `database`, on SQLite only: for rules that no database takes part in."""
    database = Database(copy_of(migrated_sqlite_template, tmp_path))
    await stock_catalogue(database, "http://upstream.invalid/billmgr")
    yield database
    await database.close()
