import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.flow.shop import Upstream, open_shop, open_upstream
from tests.infrastructure.databases import copy_of
from tests.infrastructure.proxy import Proxy
from tests.infrastructure.temporal import TemporalServer
from tests.integrations.whmcs import Whmcs
from tests.storefront.api import OPERATOR_TOKEN, SHOP_TOKEN, running_api


@pytest.fixture(scope="session")
def php() -> None:
    if shutil.which("php") is None:
        pytest.skip("NO PHP, the module for WHMCS is not tested: install php-cli and php-curl")


@pytest_asyncio.fixture(scope="session")
async def simulator() -> AsyncIterator[Upstream]:
    async with open_upstream() as upstream:
        yield upstream


@pytest.fixture
async def whmcs(
    php: None, migrated_sqlite_template: Path, tmp_path: Path, temporal_server: TemporalServer, simulator: Upstream
) -> AsyncIterator[Whmcs]:
    """A WHMCS whose module speaks with a running Resellflow over a line that can be cut."""
    await simulator.admin("POST", "/reset")
    await simulator.set(opening_delay=0.1)
    async with AsyncExitStack() as stack:
        shop = await stack.enter_async_context(
            open_shop(
                copy_of(migrated_sqlite_template, tmp_path),
                temporal_server,
                simulator,
                webhook_private=True,
                storefront_tokens=f"shop={SHOP_TOKEN}",
                operator_tokens=f"olga={OPERATOR_TOKEN}",
            )
        )
        api = await stack.enter_async_context(running_api(shop.database, shop.client, shop.settings))
        line = await stack.enter_async_context(Proxy(api.address))
        yield Whmcs(shop, api, line, tmp_path)
