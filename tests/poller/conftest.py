from pathlib import Path

import pytest

from activities.poller import schedule
from tests.infrastructure.databases import copy_of


@pytest.fixture
def url(migrated_sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(schedule, "TICK_SECONDS", 0.02)
    return copy_of(migrated_sqlite_template, tmp_path)
