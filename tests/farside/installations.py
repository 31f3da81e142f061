"""Two installations on one machine: a distributor's sells to a reseller's, over a line on which things go wrong.

Each has a database, a Temporal namespace, workers and an API of its own. The distributor buys from a BILLmanager (the
simulator). The reseller's only upstream is the distributor's API, which it reaches through a proxy.
"""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from catalogue.loading import load
from models.catalogue import PlanMapping, TariffPlan
from models.database import Database
from models.enums import Stage
from models.events import UpstreamSnapshot
from models.order import Operation, Service
from models.webhooks import WebhookEndpoint
from orders.lifecycle.acceptance import AcceptedOrder
from orders.webhooks import endpoints
from tests.flow.shop import Shop, Upstream, open_shop
from tests.hints.sender import SECRET, SECRET_VARIABLE
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import Program, free_port
from tests.infrastructure.proxy import Proxy, Request
from tests.infrastructure.temporal import TemporalServer
from tests.storefront.api import OPERATOR_TOKEN, SHOP_TOKEN, Api, running_api
from upstreams.resellflow.quotes import ADDRESS as QUOTES

RESELLER = "reseller"
"""Name of the reseller's token at the distributor's, and so the owner of what it buys."""
OTHER_STOREFRONT, OTHER_TOKEN = "rival", "rival-token"
"""Another one that the distributor sells to."""
TOKEN_VARIABLE = "TEST_DISTRIBUTOR_TOKEN"

on_both_databases = pytest.mark.parametrize(
    "databases", ["sqlite", pytest.param("postgresql", marks=pytest.mark.proof)], indirect=True
)
"""Both installations on SQLite, and both on PostgreSQL."""

CATALOGUE = """\
[[upstream_accounts]]
name = "distributor"
kind = "resellflow"
url = "{url}"
token_env = "{token}"
hint_secret_env = "{secret}"
currency = "EUR"
credit_limit = "0.00"

[[processing_modules]]
name = "distributor-vds"
upstream_account = "distributor"
product_type = "vds"
department = "support"

[[tariff_plans]]
name = "S"
product_type = "vds"
prices = {{ "1" = "9.90 EUR" }}
resources = {{ disk_gb = 30 }}

[[tariff_plans.mappings]]
processing_module = "distributor-vds"
pricelist = "VDS-1"
periods = {{ "1" = 1 }}
cost = {{ "1" = "7.90 EUR" }}
addons = {{ ram = "ram" }}
templates = {{ debian-12 = "debian-12" }}

[[tariff_plans]]
name = "L"
product_type = "vds"
prices = {{ "1" = "19.90 EUR" }}
resources = {{ disk_gb = 60 }}

[[tariff_plans.mappings]]
processing_module = "distributor-vds"
pricelist = "VDS-2"
periods = {{ "1" = 1 }}
cost = {{ "1" = "15.80 EUR" }}
addons = {{ ram = "ram" }}
templates = {{ debian-12 = "debian-12" }}

[[tariff_plans]]
name = "BARE"
product_type = "vds"
prices = {{ "1" = "18.90 EUR" }}

[[tariff_plans.mappings]]
processing_module = "distributor-vds"
pricelist = "VDS-2"
periods = {{ "1" = 1 }}
cost = {{ "1" = "15.80 EUR" }}
"""


@dataclass
class Pair:
    """The distributor's installation, the reseller's, and the line from the reseller to the distributor."""

    distributor: Shop
    distributor_api: Api
    line: Proxy
    reseller: Shop
    reseller_api: Api
    catalogue: Path
    """The file that the reseller's catalogue was loaded from."""

    @property
    def panel(self) -> Upstream:
        """The simulator that the distributor buys from."""
        return self.distributor.upstream

    async def sold(self) -> list[Service]:
        """What the distributor has sold, in order."""
        async with self.distributor.database.read() as session:
            return list((await session.exec(select(Service).order_by(col(Service.id)))).all())

    async def operations_there(self) -> list[Operation]:
        """What the distributor was asked to do, in order."""
        async with self.distributor.database.read() as session:
            return list((await session.exec(select(Operation).order_by(col(Operation.id)))).all())

    async def stands_there(self, stage: Stage) -> Operation:
        """The distributor's latest operation, once it is in this stage."""

        async def found() -> Operation | None:
            latest = (await self.operations_there())[-1:]
            return latest[0] if latest and latest[0].stage is stage else None

        standing = await assert_eventually(found, timeout=40, message=f"the distributor's operation is {stage.value}")
        assert standing is not None
        return standing

    async def seen(self, number: int) -> UpstreamSnapshot:
        """What the reseller has seen of the item of its service."""
        async with self.reseller.database.read() as session:
            found = await session.exec(select(UpstreamSnapshot).where(UpstreamSnapshot.service_id == number))
            return found.one()

    async def counts(self) -> tuple[int, int, int]:
        """Services at the distributor's, items and charges at the simulator."""
        return len(await self.sold()), len(await self.panel.items()), len(await self.panel.charges())

    async def completed(self, order: AcceptedOrder, *, timeout: float = 40) -> Service:
        """The reseller's service, once the operation is completed."""
        await self.reseller.until(order, Stage.COMPLETED, timeout=timeout)
        return await self.reseller.service(order.service)

    async def bought(self, **details: object) -> Service:
        """A service of the reseller's that runs."""
        return await self.completed(await self.reseller.order("S", **details))

    async def change_plans_automatically(self, **addons: str) -> None:
        """The distributor's larger plan has these add-ons, and the same disk: a change to it is automatic."""
        async with self.distributor.database.write() as session:
            plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-2"))).one()
            mapping = (await session.exec(select(PlanMapping).where(PlanMapping.plan_id == plan.id))).one()
            plan.resources, mapping.addons = {"disk_gb": 30}, addons
            session.add_all([plan, mapping])
        await self.panel.set(disk_change="automatic", addons_on_change="mapped")

    @contextmanager
    def serve_distributor_by_a_process(self) -> Iterator[None]:
        """The line leads to an API process of its own until the block is left."""
        before, port = self.line.target, free_port()
        env = self.distributor.environment()
        command = [sys.executable, "-m", "cli", "api", "--port", str(port)]
        with Program(command, name="api", forked=True, env=env) as api:
            self.line.target = f"http://127.0.0.1:{port}"
            api.wait_for_http(f"{self.line.target}/healthz")
            yield
        self.line.target = before


def orders(request: Request) -> bool:
    """A request that the distributor carries out, rather than one that only reads."""
    return request.method != "GET" and request.path != QUOTES


@asynccontextmanager
async def open_pair(
    databases: tuple[str, str],
    home: Path,
    temporal: TemporalServer,
    panel: Upstream,
    *,
    workers: bool = True,
    **of_reseller: Any,
) -> AsyncIterator[Pair]:
    """Both installations, at work unless `workers` is false; then a test starts worker processes.

    `databases`: the distributor's and the reseller's, migrated. `of_reseller`: settings of the reseller's installation
    only.
    """
    tokens: dict[str, Any] = {
        "storefront_tokens": f"{RESELLER}={SHOP_TOKEN},{OTHER_STOREFRONT}={OTHER_TOKEN}",
        "operator_tokens": f"olga={OPERATOR_TOKEN}",
    }
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv(TOKEN_VARIABLE, SHOP_TOKEN)
        patch.setenv(SECRET_VARIABLE, SECRET)
        distributor = await stack.enter_async_context(
            open_shop(databases[0], temporal, panel, worker=workers, webhook_private=True, **tokens)
        )
        api = await stack.enter_async_context(
            running_api(distributor.database, distributor.client, distributor.settings)
        )
        line = await stack.enter_async_context(Proxy(api.address))

        file = home / "catalogue.toml"

        async def stock(database: Database) -> None:
            file.write_text(CATALOGUE.format(url=line.url, token=TOKEN_VARIABLE, secret=SECRET_VARIABLE))
            await load(database, file, actor="test")

        reseller = await stack.enter_async_context(
            open_shop(databases[1], temporal, panel, worker=workers, stock=stock, **tokens, **of_reseller)
        )
        reseller_api = await stack.enter_async_context(
            running_api(reseller.database, reseller.client, reseller.settings)
        )
        yield Pair(distributor, api, line, reseller, reseller_api, file)


async def hint_by_webhook(pair: Pair) -> None:
    """The distributor says at the reseller's hint address what has changed."""
    async with pair.distributor.database.write() as session:
        url = f"{pair.reseller_api.address}/v1/upstreams/distributor/hints"
        endpoint = WebhookEndpoint(name="hints", url=url, secret_env=SECRET_VARIABLE, owner=RESELLER)
        await endpoints.add_endpoint(session, endpoint, private=True, actor="test")
