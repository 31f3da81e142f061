"""The storefront API as the tests meet it: served by uvicorn on loopback, over a real database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from sqlmodel import SQLModel, select
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from models.database import Database
from models.enums import Stage
from models.order import Operation, StageEntry
from orders.lifecycle.stages import enter, locked_operation
from settings import Settings
from starter import Resellflow
from storefront.app import create_app
from storefront.callers import Callers
from storefront.context import Context
from storefront.server import Server, listen
from temporal.starting import start_order
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import free_port
from tests.storefront.catalogue import fill_catalogue

SHOP_TOKEN = "shop-token"
OPERATOR_TOKEN = "operator-token"
COLLEAGUE = {"Authorization": "Bearer colleague-token"}
"""Headers of boris, another operator."""
RIVAL = {"Authorization": "Bearer rival-token"}
"""Headers of another storefront."""
ORDER: Mapping[str, object] = {"plan": "VDS-1", "period_months": 1, "customer": "c-17"}


@dataclass
class Api:
    """One running API. `shop` and `operator` carry their tokens, `stranger` carries none."""

    address: str
    shop: httpx.AsyncClient
    operator: httpx.AsyncClient
    stranger: httpx.AsyncClient
    database: Database
    client: Client
    settings: Settings
    server: Server

    @property
    def callers(self) -> Callers:
        """Whom it lets in. It may `forget`, so that a test need not wait until it reads the tokens again."""
        context = self.server.config.app.state.context  # type: ignore[union-attr]
        assert isinstance(context, Context)
        return context.callers

    async def order(self, key: str = "cart-1", **changes: object) -> dict[str, Any]:
        """Place an order that is to be accepted; the answer's body."""
        answer = await self.post_order(key, **changes)
        assert answer.status_code in (200, 201), answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def started_order(self) -> None:
        """Place order 1 and see its workflow started, on a slow machine too (where the sweep would see to it)."""
        await self.order()
        given = self.client, self.database, self.settings.task_queue, self.settings.order_policy()
        await assert_eventually(lambda: start_order(*given, 1), timeout=30, message="the workflow is started")

    async def post_order(self, key: str | None, **changes: object) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.shop.post("/v1/services", json={**ORDER, **changes}, headers=headers)

    async def enter(self, operation: int, stage: Stage, reason: str = "") -> None:
        """What a worker does to an operation on its way."""
        async with self.database.write() as session:
            await enter(session, await locked_operation(session, operation), stage, reason)

    async def add(self, *rows: SQLModel) -> None:
        async with self.database.write() as session:
            session.add_all(rows)

    async def count(self, table: type[Operation] | type[StageEntry]) -> int:
        async with self.database.read() as session:
            return len((await session.exec(select(table))).all())


class _InTest(Server):
    """Signals belong to pytest here."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def api_settings(database_url: str, **more: object) -> Settings:
    return Settings.model_validate(
        {
            "database_url": database_url,
            "storefront_tokens": f"shop={SHOP_TOKEN},rival=rival-token",
            "operator_tokens": f"olga={OPERATOR_TOKEN},boris=colleague-token",
            "temporal_ui_url": "http://ui.test",
            **more,
        }
    )


async def client_of_nothing() -> Client:
    """A client of a Temporal that is not there."""
    return await Client.connect(
        f"127.0.0.1:{free_port()}", namespace="default", data_converter=pydantic_data_converter, lazy=True
    )


@asynccontextmanager
async def running_api(database: Database, client: Client, settings: Settings) -> AsyncIterator[Api]:
    """Serve the API until the context is left; then it stops as on SIGTERM."""
    with contextlib.closing(listen("127.0.0.1", 0)) as listening:
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = _InTest(create_app(Resellflow(database, client, settings), settings))
        serving = asyncio.create_task(server.serve([listening]))
        try:
            await assert_eventually(lambda: server.started, message="the API serves")
            async with (
                _client(base, SHOP_TOKEN) as shop,
                _client(base, OPERATOR_TOKEN) as operator,
                _client(base) as stranger,
            ):
                yield Api(base, shop, operator, stranger, database, client, settings, server)
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def stocked_api(url: str, client: Client, **settings: object) -> AsyncIterator[Api]:
    """The same, over a database of which only the address is given, with the catalogue filled in first."""
    database = Database(url)
    try:
        await fill_catalogue(database)
        async with running_api(database, client, api_settings(url, **settings)) as running:
            yield running
    finally:
        await database.close()


def _client(base: str, token: str | None = None) -> httpx.AsyncClient:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=base, headers=headers, timeout=15, trust_env=False, verify=False)  # noqa: S501


def assert_problem(answer: httpx.Response, status: int, slug: str, field: str | None = None) -> str:
    """The answer is this problem, in the right media type; its detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"urn:resellflow:problem:{slug}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem.get("field") == field, problem
    detail: str = problem["detail"]
    assert detail
    return detail
