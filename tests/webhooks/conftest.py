from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from models.database import Database
from tests.infrastructure.databases import copy_of
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.sender import SECRET, SECRET_VARIABLE


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    with receiving() as receiver:
        yield receiver


@pytest.fixture
async def database(migrated_sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(copy_of(migrated_sqlite_template, tmp_path))
    yield database
    await database.close()


@pytest.fixture
async def either_database(migrated_database_url: str) -> AsyncIterator[Database]:
    """Once SQLite, once PostgreSQL."""
    database = Database(migrated_database_url)
    yield database
    await database.close()
