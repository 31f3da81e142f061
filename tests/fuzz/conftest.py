"""The API is the one of its own tests, and can keep secrets of webhooks."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.payloads.conftest import key_line
from tests.storefront.api import Api, stocked_api
from tests.storefront.conftest import idle_api, sqlite_api

__all__ = ["idle_api", "sqlite_api"]


@pytest.fixture
async def api(migrated_database_url: str, temporal_client: Client, tmp_path: Path) -> AsyncIterator[Api]:
    keys = tmp_path / "webhook.keys"
    keys.write_text(key_line("first"))
    async with stocked_api(migrated_database_url, temporal_client, webhook_key_file=str(keys)) as running:
        yield running
