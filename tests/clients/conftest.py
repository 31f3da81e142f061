from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.flow.shop import Upstream, open_shop, open_upstream
from tests.infrastructure.databases import copy_of
from tests.infrastructure.proxy import Proxy
from tests.infrastructure.temporal import TemporalServer
from tests.storefront.api import OPERATOR_TOKEN, SHOP_TOKEN, Api, running_api, stocked_api


@pytest_asyncio.fixture(scope="session")
async def simulator() -> AsyncIterator[Upstream]:
    async with open_upstream() as upstream:
        yield upstream


@pytest.fixture
async def api(
    migrated_sqlite_template: Path, tmp_path: Path, temporal_server: TemporalServer, simulator: Upstream
) -> AsyncIterator[Api]:
    """The API of a reseller that works: a worker, an upstream."""
    await simulator.admin("POST", "/reset")
    await simulator.set(opening_delay=0.1)
    async with AsyncExitStack() as stack:
        shop = await stack.enter_async_context(
            open_shop(
                copy_of(migrated_sqlite_template, tmp_path),
                temporal_server,
                simulator,
                webhook_private=True,  # with whom the events get their places
                storefront_tokens=f"shop={SHOP_TOKEN}",
                operator_tokens=f"olga={OPERATOR_TOKEN}",
            )
        )
        yield await stack.enter_async_context(running_api(shop.database, shop.client, shop.settings))


@pytest.fixture
async def idle_api(
    migrated_sqlite_template: Path, tmp_path: Path, temporal_server: TemporalServer
) -> AsyncIterator[Api]:
    """One without a worker: the test says what becomes of an operation (`Api.enter`)."""
    client = await temporal_server.connect(temporal_server.next_namespace())
    async with stocked_api(copy_of(migrated_sqlite_template, tmp_path), client) as running:
        yield running


@pytest.fixture
async def line(idle_api: Api) -> AsyncIterator[Proxy]:
    async with Proxy(idle_api.address) as proxy:
        yield proxy
