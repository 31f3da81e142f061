"""A shop at work with its API, whose upstream may send hints."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from models.catalogue import UpstreamAccount
from models.enums import Stage
from models.order import Service
from orders.lifecycle.acceptance import AcceptedOrder
from tests.flow.shop import Shop, Upstream, open_shop, open_upstream
from tests.hints.sender import SECRET, SECRET_VARIABLE, send
from tests.infrastructure.databases import copy_of
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from tests.storefront.api import Api, api_settings, client_of_nothing, running_api, stocked_api

RARELY = 3600.0
"""Seconds. Only a hint is a reason for a look within a test, but for the first look at what an order waits for."""


@dataclass
class Hinted:
    shop: Shop
    api: Api

    @property
    def upstream(self) -> Upstream:
        return self.shop.upstream

    async def order(self) -> AcceptedOrder:
        """An order whose item has become active since it was looked at: the next look is far away."""
        order = await self.shop.order()
        await self.shop.until(order, Stage.AWAITING_CONFIRMATION)

        async def active() -> bool:
            number = (await self.shop.service(order.service)).upstream_number
            return [item["status"] for item in await self.upstream.items() if str(item["id"]) == number] == [2]

        await assert_eventually(active)
        return order

    async def active_service(self) -> Service:
        order = await self.order()
        service = await self.shop.service(order.service)
        await send(self.api.stranger, {"number": service.upstream_number})
        await self.shop.until(order, Stage.COMPLETED)
        return await self.shop.service(order.service)


async def set_secret(api_or_shop: Api | Shop) -> None:
    os.environ[SECRET_VARIABLE] = SECRET
    async with api_or_shop.database.write() as session:
        account = await session.get_one(UpstreamAccount, 1)
        account.hint_secret_env = SECRET_VARIABLE
        session.add(account)


@asynccontextmanager
async def open_hinted(url: str, temporal: TemporalServer, *arguments: str) -> AsyncIterator[Hinted]:
    """`arguments` are the simulator's."""
    settings: dict[str, Any] = {"idle_interval": RARELY, "hot_interval": RARELY}
    async with open_upstream(*arguments) as upstream:
        await upstream.set(opening_delay=2.0)
        async with open_shop(url, temporal, upstream, worker=False, **settings) as shop:
            await set_secret(shop)
            async with shop.working(), running_api(shop.database, shop.client, api_settings(url)) as api:
                yield Hinted(shop, api)


@pytest_asyncio.fixture(scope="package")
async def hinted(
    migrated_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, lasting_temporal_server: TemporalServer
) -> AsyncIterator[Hinted]:
    """One for all tests here: each works with services of its own."""
    url = copy_of(migrated_sqlite_template, tmp_path_factory.mktemp("hints"))
    async with open_hinted(url, lasting_temporal_server) as hinted:
        yield hinted


@pytest_asyncio.fixture(scope="package")
async def service(hinted: Hinted) -> Service:
    """An active one, for those tests that need it as it is or may change it."""
    return await hinted.active_service()


@pytest.fixture
async def quiet_api(tmp_path: Path, migrated_sqlite_template: Path) -> AsyncIterator[Api]:
    """An API whose upstream nobody watches: hints wait."""
    async with stocked_api(copy_of(migrated_sqlite_template, tmp_path), await client_of_nothing()) as api:
        await set_secret(api)
        yield api


@pytest.fixture
async def quiet_api_anywhere(migrated_database_url: str) -> AsyncIterator[Api]:
    """The same, once on SQLite, once on PostgreSQL."""
    async with stocked_api(migrated_database_url, await client_of_nothing()) as api:
        await set_secret(api)
        yield api
