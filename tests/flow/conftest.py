from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copy

import pytest

from models.migrate import migrate
from tests.flow.shop import Shop, open_shop
from tests.infrastructure.temporal import TemporalServer


@pytest.fixture
async def shop(migrated_sqlite_template: Path, tmp_path: Path, temporal_server: TemporalServer) -> AsyncIterator[Shop]:
    """A shop on SQLite with one worker running."""
    file = tmp_path / "shop.db"
    copy(migrated_sqlite_template, file)
    migrate(f"sqlite:///{file}")
    async with open_shop(f"sqlite:///{file}", temporal_server) as shop:
        yield shop
