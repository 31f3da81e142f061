"""A whole reseller for a test: database, Temporal namespace, simulator, worker process; orders through Resellflow."""

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from models.catalogue import (
    MappedPeriod,
    PlanMapping,
    ProcessingModule,
    TariffPlan,
    TariffPlanPrice,
    UpstreamAccount,
)
from models.database import Database
from models.enums import Stage
from models.events import UpstreamList
from models.order import Intent, Operation, Service
from models.queues import ALL_ROLES, WorkerRole
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.intake import ServiceRequest
from orders.services import naming
from orders.views import stages_after
from settings import Settings
from starter import Resellflow
from temporal.starting import start_order, start_sweep
from tests.infrastructure import leaks
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.filling import filled_once
from tests.infrastructure.processes import Program
from tests.infrastructure.temporal import TemporalServer
from worker import Activities, build_workers

USER, PASSWORD = "reseller", leaks.PASSWORD
PASSWORD_VARIABLE = "TEST_UPSTREAM_PASSWORD"

# What a test waits for is shortened; the intervals that people notice are the real ones.
QUICK = {
    "settle_window": 2.0,
    "send_lease": 3.0,
    "clock_skew": 0.2,
    "order_timeout": 3.0,
    "read_timeout": 3.0,
    "idle_interval": 2.0,
    "hot_interval": 0.3,
}


STAGE = sa.select(col(Operation.stage), col(Operation.reason)).where(col(Operation.id) == sa.bindparam("number"))

CALM = 600.0
"""An idle interval with which nothing but what the test does happens within it."""


@dataclass
class Upstream:
    """The simulator, and its admin API."""

    program: Program
    root: str
    client: httpx.AsyncClient

    @property
    def url(self) -> str:
        return f"{self.root}/billmgr"

    async def admin(self, method: str, path: str, body: object = None) -> Any:
        answer = await self.client.request(method, f"{self.root}/_sim{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def set(self, **knobs: object) -> None:
        await self.admin("PATCH", "/settings", knobs)

    async def fault(self, **fault: object) -> None:
        await self.admin("POST", "/faults", fault)

    async def charges(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.admin("GET", "/charges"))["charges"]
        return found

    async def items(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.admin("GET", "/items"))["items"]
        return found

    async def bought_by_hand(self, domain: str) -> dict[str, Any]:
        """A virtual server on our account that we did not order."""
        body = {"account": USER, "type": "vds", "pricelist": 58, "period": 1, "status": 2, "domain": domain}
        item: dict[str, Any] = await self.admin("POST", "/items", body)
        return item

    async def balance(self) -> Decimal:
        return Decimal((await self.admin("GET", f"/accounts/{USER}"))["balance"])

    async def set_balance(self, amount: str) -> None:
        await self.admin("PATCH", f"/accounts/{USER}", {"balance": amount})

    async def call(self, function: str, **fields: str) -> dict[str, Any]:
        """A call of somebody else who uses our account."""
        sent = {"func": function, "authinfo": f"{USER}:{PASSWORD}", "out": "json"} | fields
        answer = await self.client.post(self.url, data=sent)
        found: dict[str, Any] = answer.json()["doc"]
        assert "error" not in found, found
        return found

    async def requests(self, function: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.admin("GET", f"/requests?func={function or '*'}"))["requests"]
        return found


@dataclass
class Shop:
    """Everything a test needs to play storefront, operator and upstream at once."""

    database_url: str
    database: Database
    client: Client
    temporal: TemporalServer
    settings: Settings
    resellflow: Resellflow
    upstream: Upstream
    workers: list[Program] = field(default_factory=list)
    worker_settings: dict[str, str] = field(default_factory=dict)

    @asynccontextmanager
    async def working(self, *, but_upstream: bool = False) -> AsyncIterator[None]:
        """The workers in this process: they start at once, which a process of their own does not.

        `but_upstream`: all but the one that calls upstreams for orders. The one that sends webhooks is left out where
        nobody receives any: it looks for them all the time. Receivers are on this machine, so `webhook_private` is set.
        """
        os.environ[PASSWORD_VARIABLE] = PASSWORD
        activities = Activities(self.database, self.client, self.settings)
        unwanted = {WorkerRole.UPSTREAM: but_upstream, WorkerRole.WEBHOOKS: not self.settings.webhook_private}
        roles = [role for role in ALL_ROLES if not unwanted.get(role, False)]
        workers = build_workers(self.client, activities, self.settings, roles)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(activities.close)
            for one in workers:
                await stack.enter_async_context(one)
            await assert_eventually(self._start_sweep, timeout=30, ignoring=(RPCError,), message="the sweep is started")
            yield

    async def _start_sweep(self) -> bool:
        await start_sweep(self.client, self.settings.task_queue)
        return True

    def environment(self) -> dict[str, str]:
        """What a process of this shop is started with."""
        return {
            "TEMPORAL_ADDRESS": self.temporal.address,
            "TEMPORAL_NAMESPACE": self.client.namespace,
            "RESELL_DATABASE_URL": self.database_url,
            "RESELL_WORKER_HEALTH_ADDRESS": "",
            PASSWORD_VARIABLE: PASSWORD,
            **self.worker_settings,
        }

    def start_worker(self, *roles: WorkerRole) -> Program:
        """A worker process, as in production. It is working once its orders move; nobody need wait for it."""
        chosen = ["--roles", ",".join(roles)] if roles else []
        program = Program(
            [sys.executable, "worker.py", *chosen],
            name="worker",
            forked=True,
            env=self.environment(),
        )
        self.workers.append(program)
        return program

    async def order(self, plan: str = "VDS-1", **details: Any) -> AcceptedOrder:
        key = details.pop("key", None) or os.urandom(8).hex()
        request = ServiceRequest.model_validate({"plan": plan, "period_months": 1, "customer": "c-1"} | details)
        return await self.resellflow.place_order(request, key=key, client="shop", owner="shop")

    @property
    def window(self) -> timedelta:
        return timedelta(seconds=self.settings.settle_window)

    async def account(self, session: AsyncSession) -> UpstreamAccount:
        return (await session.exec(select(UpstreamAccount))).one()

    async def operation(self, number: int) -> Operation:
        async with self.database.read() as session:
            return await session.get_one(Operation, number)

    async def until_looked_at(self, product_type: str) -> None:
        """The poller has read this list once: no order need read it before it is sent."""

        async def looked() -> bool:
            async with self.database.read() as session:
                found = await session.exec(
                    select(UpstreamList.loaded_at).where(UpstreamList.product_type == product_type)
                )
                return found.first() is not None

        await assert_eventually(looked, timeout=60, message=f"the first look at the list of {product_type}")

    async def start_anew(self, order: AcceptedOrder) -> None:
        """What the sweep does for an operation that has lost its workflow."""
        policy = self.settings.order_policy()
        await start_order(self.client, self.database, self.settings.task_queue, policy, order.operation)

    async def service(self, number: int) -> Service:
        async with self.database.read() as session:
            return await session.get_one(Service, number)

    async def stages(self, number: int) -> list[str]:
        """The stages that an operation has passed, without repetitions."""
        async with self.database.read() as session:
            names: list[str] = []
            for entry in await stages_after(session, number):
                if not names or names[-1] != entry.stage.value:
                    names.append(entry.stage.value)
            return names

    async def intents(self, number: int) -> list[Intent]:
        async with self.database.read() as session:
            found = await session.exec(select(Intent).where(Intent.operation_id == number).order_by(col(Intent.id)))
            return list(found.all())

    async def until(self, order: AcceptedOrder, *stages: Stage, timeout: float = 30) -> Operation:
        """The operation, once it is in one of these stages."""

        async def reached() -> Operation | None:
            # Without a session: with many orders under way this question is asked more often than all others.
            async with self.database.engine.connect() as connection:
                stage, reason = (await connection.execute(STAGE, {"number": order.operation})).one()
            assert stage in stages, f"{Stage(stage).value}: {reason}"
            operation = await self.operation(order.operation)
            return operation if operation.stage in stages else None

        try:
            found = await assert_eventually(
                reached, timeout=timeout, interval=0.1, message=f"operation {order.operation} in {stages}"
            )
        except AssertionError as late:
            for worker in self.workers:
                late.add_note("the worker wrote:\n" + "\n".join(worker.lines[-40:]))
            raise
        assert found is not None
        return found

    async def until_left_to_people(self, operation: int) -> None:
        """A task is open, and the poller has looked at the item: in a calm shop its next look is ten minutes away, so a
        person is the first to tell of what is changed now."""

        async def looked() -> bool:
            found = await self.operation(operation)
            assert found.stage is Stage.AWAITING_MANUAL_TASK, found.stage
            number = (await self.service(found.service_id)).upstream_number
            return any(
                form["parameters"].get("elid") == number and datetime.fromisoformat(form["time"]) > found.stage_since
                for form in await self.upstream.requests("*.edit")
            )

        await assert_eventually(looked, timeout=30, message=f"the poller looks at the item of operation {operation}")

    def handle(self, order: AcceptedOrder) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(naming.workflow_id(order.service, order.kind, order.operation))


@asynccontextmanager
async def open_upstream(*arguments: str) -> AsyncIterator[Upstream]:
    accounts = [] if "--account" in arguments else ["--account", f"{USER}:{PASSWORD}:100.00:EUR"]
    command = [sys.executable, "-m", "simulator", "--port", "0", *accounts, *arguments]
    program = Program(command, name="simulator", forked=True)
    with program:
        url = program.wait_for_line(r"simulator ready (\S+)")[1]
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            yield Upstream(program, url.removesuffix("/billmgr"), client)


@asynccontextmanager
async def open_shop(
    database_url: str,
    temporal: TemporalServer,
    upstream: Upstream,
    *,
    worker: bool = True,
    client: Client | None = None,
    stock: Callable[[Database], Awaitable[None]] | None = None,
    **settings: Any,
) -> AsyncIterator[Shop]:
    """A shop on a migrated database, with workers in this process unless `worker` is false.

    `stock` fills the catalogue, where it is to be another than that of `stock_catalogue`.

    `settings` go to workers and to the order policy alike.
    """
    async with AsyncExitStack() as stack:
        database = Database(database_url)
        stack.push_async_callback(database.close)
        await (stock(database) if stock else stock_catalogue(database, upstream.url))
        values = QUICK | settings
        chosen = Settings(database_url=database_url, **values)
        client = client or await temporal.connect(temporal.next_namespace())
        shop = Shop(
            database_url,
            database,
            client,
            temporal,
            chosen,
            Resellflow(database, client, chosen),
            upstream,
            worker_settings={f"RESELL_{name.upper()}": str(value) for name, value in values.items()},
        )

        def stop_workers() -> None:
            with ExitStack() as every_one:
                for program in shop.workers:
                    every_one.callback(program.close)

        stack.callback(stop_workers)
        if worker:
            await stack.enter_async_context(shop.working())
        yield shop


@filled_once
async def stock_catalogue(database: Database, url: str, *, dialect: int = 6) -> None:
    """One upstream account, a module each for virtual servers and licences, and a few plans."""
    async with database.write() as session:
        account = UpstreamAccount(
            name="main",
            kind="billmanager",
            url=url,
            settings={"dialect": dialect, "username": USER, "password_env": PASSWORD_VARIABLE},
            currency="EUR",
        )
        session.add(account)
        await session.flush()
        modules = {
            name: ProcessingModule(name=f"main-{name}", account_id=account.id, product_type=name, department="support")
            for name in ("vds", "soft")
        }
        for product_type, plan, pricelist, cost, price, disk in (
            ("vds", "VDS-1", "58", "5.00", "7.90", 30),
            ("vds", "VDS-2", "59", "10.00", "15.80", 60),
            ("soft", "LIC-1", "3541", "4.00", "7.90", 0),
        ):
            module = modules[product_type]
            tariff = TariffPlan(name=plan, product_type=product_type, resources={"disk_gb": disk})
            session.add_all([module, tariff])
            await session.flush()
            assert module.id is not None
            assert tariff.id is not None
            mapping = PlanMapping(
                plan_id=tariff.id,
                module_id=module.id,
                tariff=pricelist,
                location="1" if product_type == "vds" else None,
                addons={"ram": "addon_61"} if product_type == "vds" else {},
                templates={"debian-12": "Debian-12"} if product_type == "vds" else {},
            )
            session.add(mapping)
            await session.flush()
            assert mapping.id is not None
            session.add(TariffPlanPrice(plan_id=tariff.id, period_months=1, amount=Decimal(price), currency="EUR"))
            session.add(
                MappedPeriod(
                    mapping_id=mapping.id,
                    period_months=1,
                    upstream_period=1,
                    cost_amount=Decimal(cost),
                    cost_currency="EUR",
                )
            )
