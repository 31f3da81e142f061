"""An office with a shell and an API, and an upstream where things were bought by hand. Nobody watches it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlmodel import col, select

from models.audit import AuditEntry
from models.catalogue import ProcessingModule, TariffPlan
from models.database import Database
from models.enums import IntentState, OperationKind, ServiceStatus, Stage
from models.order import Intent, Operation, Service
from orders.linking.linker import Linker
from tests.cli.shell import Shell
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, USER, Upstream, open_upstream, stock_catalogue
from tests.infrastructure.databases import copy_of
from tests.storefront.api import Api, api_settings, client_of_nothing, running_api
from upstreams.connections import Connections


@dataclass
class Office:
    url: str
    database: Database
    upstream: Upstream
    linker: Linker

    @property
    def shell(self) -> Shell:
        return Shell({"RESELL_DATABASE_URL": self.url, PASSWORD_VARIABLE: PASSWORD})

    async def bought(self, product_type: str = "vds", **fields: Any) -> str:
        """An item that somebody bought by hand, as plan VDS-1 would be."""
        body = {"account": USER, "type": product_type, "pricelist": 58, "domain": "v1.example.com"} | fields
        item = await self.upstream.admin("POST", "/items", body)
        return str(item["id"])

    async def item(self, number: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.upstream.admin("GET", f"/items/{number}")
        return found

    async def service(self, number: int) -> Service:
        async with self.database.read() as session:
            return await session.get_one(Service, number)

    async def add_service(self, name: str = "", stage: Stage | None = None, **fields: Any) -> int:
        """A service without an item, and perhaps with an operation in this stage."""
        async with self.database.write() as session:
            plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
            module = (await session.exec(select(ProcessingModule).where(ProcessingModule.name == "main-vds"))).one()
            values: dict[str, Any] = {"status": ServiceStatus.ORDERED, "period_months": 1} | fields
            service = Service(
                customer="c-1", plan_id=plan.id or 0, product_type="vds", module_id=module.id or 0, account_id=1,
                name=name, mark=f"new-{os.urandom(8).hex()}", **values,
            )  # fmt: skip
            session.add(service)
            await session.flush()
            service.mark = f"rf-test-{service.id}"
            if stage is not None:
                operation = Operation(
                    service_id=service.id or 0, kind=OperationKind.OPEN, upstream_name="main", stage=stage
                )
                session.add(operation)
                await session.flush()
                intent = Intent(operation_id=operation.id or 0, account_id=1, attempt=1, mark=service.mark)
                intent.state = IntentState.UNKNOWN
                session.add(intent)
            return service.id or 0

    async def told(self, service: int) -> list[AuditEntry]:
        async with self.database.read() as session:
            found = await session.exec(
                select(AuditEntry)
                .where(AuditEntry.subject == "service", AuditEntry.subject_number == service)
                .order_by(col(AuditEntry.id))
            )
            return [entry for entry in found.all() if entry.action != "changed"]


@pytest_asyncio.fixture(scope="package")
async def linking_simulator() -> AsyncIterator[Upstream]:
    async with open_upstream() as upstream:
        yield upstream


@pytest.fixture
async def upstream(linking_simulator: Upstream) -> Upstream:
    await linking_simulator.admin("POST", "/reset")
    return linking_simulator


@asynccontextmanager
async def _open(url: str, upstream: Upstream) -> AsyncIterator[Office]:
    os.environ[PASSWORD_VARIABLE] = PASSWORD
    database = Database(url)
    connections = Connections(read_timeout=5, order_timeout=5)
    await stock_catalogue(database, upstream.url)
    yield Office(url, database, upstream, Linker(database, connections))
    await connections.close()
    await database.close()


@pytest.fixture
async def office(tmp_path: Path, migrated_sqlite_template: Path, upstream: Upstream) -> AsyncIterator[Office]:
    async with _open(copy_of(migrated_sqlite_template, tmp_path), upstream) as office:
        yield office


@pytest.fixture
async def office_anywhere(migrated_database_url: str, upstream: Upstream) -> AsyncIterator[Office]:
    """Once on SQLite, once on PostgreSQL."""
    async with _open(migrated_database_url, upstream) as office:
        yield office


@pytest.fixture
async def api(office: Office) -> AsyncIterator[Api]:
    async with running_api(office.database, await client_of_nothing(), api_settings(office.url)) as api:
        yield api
