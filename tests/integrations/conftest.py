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
from tests.integrations.installation import Installation
from tests.integrations.paymenter import Paymenter
from tests.integrations.whmcs import Whmcs
from tests.storefront.api import OPERATOR_TOKEN, SHOP_TOKEN, running_api


@pytest.fixture(scope="session")
def php() -> None:
    if shutil.which("php") is None:
        pytest.skip("NO PHP, the modules for WHMCS and Paymenter are not tested: install php-cli and php-curl")


@pytest_asyncio.fixture(scope="session")
async def simulator() -> AsyncIterator[Upstream]:
    async with open_upstream() as upstream:
        yield upstream


@pytest.fixture
async def installation(
    php: None, migrated_sqlite_template: Path, tmp_path: Path, temporal_server: TemporalServer, simulator: Upstream
) -> AsyncIterator[Installation]:
    """A running Resellflow, and a line to it that can be cut."""
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
        yield Installation(shop, api, line, tmp_path)


@pytest.fixture
def whmcs(installation: Installation) -> Whmcs:
    """A WHMCS whose module speaks with a running Resellflow."""
    return Whmcs(installation.shop, installation.api, installation.line, installation.home)


@pytest.fixture
def paymenter(installation: Installation) -> Paymenter:
    """A Paymenter whose extension does."""
    return Paymenter(installation.shop, installation.api, installation.line, installation.home)
