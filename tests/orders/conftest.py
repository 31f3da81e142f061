from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.columns import CLOCK
from models.database import Database
from tests.flow.shop import stock_catalogue
from tests.infrastructure.databases import copy_of

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
"""Of the day on which the run of the tests began."""


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


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calendar begins at NOON, so that no midnight falls into a story that counts days."""
    monkeypatch.setattr(CLOCK, "ahead", NOON - datetime.now(UTC))
