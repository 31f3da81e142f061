"""A reseller with many upstreams at once, each a panel of another kind; the tests' stories run side by side.

One database, one Temporal namespace, one worker for all: a story that waits ten seconds costs the others nothing. The
stories of one kind of panel share it, as a day's orders do; those that trouble a whole panel come afterwards, in turn.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from sqlmodel import col, select

from catalogue.loading import load
from models.audit import AuditEntry
from models.catalogue import UpstreamAccount
from models.database import Database
from models.enums import ServiceStatus, Stage
from models.messages import DecisionKind
from models.order import Service
from orders.intake import AcceptedOrder
from settings import Settings
from starter import Resellflow
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from tests.standin.panel import Choices, Panel
from tests.standin.profiles import PROFILES

SETTINGS: dict[str, Any] = {
    "send_lease": 3.0,
    "clock_skew": 0.2,
    "order_timeout": 1.0,
    "read_timeout": 3.0,
    "settle_window": 4.0,
    "idle_interval": 2.0,
    "hot_interval": 0.5,
    "balance_interval": 1.0,
}
PATIENCE = 60.0
"""Many stories share two cores: a deadline says that something never comes, not how fast it comes."""
AT_ONCE = 4
"""Calm stories under way at the same time."""


@dataclass
class Story:
    """One upstream account of ours, its panel, and what was ordered there."""

    name: str
    panel: Panel
    shop: Shop
    password: Path

    async def order(self, *, licence: bool = False, **details: Any) -> AcceptedOrder:
        if licence:
            details = {"parameters": {"ip": "192.0.2.77"}} | details
        return await self.shop.order(f"{'LIC' if licence else 'VDS'}-{self.name}", **details)

    async def service(self, order: AcceptedOrder) -> Service:
        return await self.shop.service(order.service)

    async def account(self) -> UpstreamAccount:
        async with self.shop.database.read() as session:
            found = await session.exec(select(UpstreamAccount).where(UpstreamAccount.name == self.name))
            return found.one()

    async def until(self, order: AcceptedOrder, *stages: Stage, timeout: float = PATIENCE) -> None:
        """Fails at once where a person is asked instead."""

        async def reached() -> str:
            operation = await self.shop.operation(order.operation)
            if operation.stage in stages:
                return "reached"
            if operation.stage is Stage.NEEDS_ATTENTION:
                return f"a person is asked: {operation.waits_for}"
            raise AssertionError(f"{operation.stage.value}: {operation.waits_for}")

        try:
            found = await assert_eventually(
                reached, timeout=timeout, interval=0.1, message=f"operation {order.operation} in {stages}"
            )
            assert found == "reached", found
        except AssertionError as late:
            late.add_note(await self.told(order))
            raise

    async def told(self, order: AcceptedOrder) -> str:
        """What is to be known when a story fails."""
        service = await self.service(order)
        intents = [f"{i.state.value}: {i.message}" for i in await self.shop.intents(order.operation)]
        account = await self.account()
        return (
            f"{self.name}: stages {await self.shop.stages(order.operation)}; intents {intents};\n"
            f"panel: items {self.panel.by_mark(service.mark)}, charges {self.panel.paid_for(service.mark)}, balance "
            f"{self.panel.balance}, calls {self.panel.calls};\naccount: {account.unhealthy_reason or 'well'}"
        )

    async def bought_once(self, order: AcceptedOrder) -> Service:
        """The whole promise: completed, one charge, one item, and it is ours; nobody pressed anything."""
        await self.until(order, Stage.COMPLETED)
        service = await self.service(order)
        try:
            assert service.status in (ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED)
            charges = self.panel.paid_for(service.mark)
            assert len(charges) == 1, charges
            assert service.upstream_number == str(charges[0].number)
            assert Stage.NEEDS_ATTENTION.value not in await self.shop.stages(order.operation)
            await self.untouched(order)
        except AssertionError as wrong:
            wrong.add_note(await self.told(order))
            raise
        return service

    async def left_to_a_person(self, order: AcceptedOrder, *, charges: int, requests: int = 1) -> None:
        await self.until(order, Stage.NEEDS_ATTENTION)
        service = await self.service(order)
        try:
            assert len(self.panel.paid_for(service.mark)) == charges
            assert len(self.panel.orders_of(service.mark)) == requests
            assert service.upstream_number is None or charges
        except AssertionError as wrong:
            wrong.add_note(await self.told(order))
            raise

    async def untouched(self, order: AcceptedOrder) -> None:
        """No person's decision is in the audit."""
        async with self.shop.database.read() as session:
            found = await session.exec(
                select(AuditEntry.action).where(
                    AuditEntry.subject == "operation",
                    AuditEntry.subject_number == order.operation,
                    col(AuditEntry.action).in_([kind.value for kind in DecisionKind]),
                )
            )
            assert not found.all()


Tale = Callable[..., Awaitable[None]]


@dataclass
class Rehearsal:
    """The reseller. Stories are begun by `begin` and waited for by their tests."""

    shop: Shop
    home: Path
    stack: AsyncExitStack
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _calm: list[asyncio.Task[None]] = field(default_factory=list)
    _crowd: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    _shared: dict[str, asyncio.Task[Story]] = field(default_factory=dict)
    _names: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _loading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def story(self, choices: Choices, *, balance: str = "100000", cost: str = "", **account: str) -> Story:
        """A new upstream of this kind, put into the catalogue as an operator would."""
        name = f"u{next(self._names)}"
        panel = Panel(choices, Decimal(balance))
        await panel.open_door()
        self.stack.push_async_callback(panel.close)
        password = self.home / f"{name}.password"
        password.write_text(f"{panel.password}\n")
        file = self.home / f"{name}.toml"
        file.write_text(_catalogue(name, panel, password, cost, account))
        async with self._loading:
            await load(self.shop.database, file, actor="rehearsal", dry_run=False)
        await self.shop.resellflow.start_poller(name)
        return Story(name, panel, self.shop, password)

    async def at(self, profile: str) -> Story:
        """The one panel of this profile, shared by its stories."""
        if profile not in self._shared:
            self._shared[profile] = asyncio.create_task(self.story(PROFILES[profile]))
        return await self._shared[profile]

    def begin(self, key: str, tale: Tale, arguments: dict[str, Any], *, troubling: bool) -> None:
        """A troubling story waits until the calm ones are over, and for its turn at the panel."""
        task = asyncio.create_task(self._tell(tale, arguments, troubling), name=key)
        self.running[key] = task
        if not troubling:
            self._calm.append(task)

    async def _tell(self, tale: Tale, arguments: dict[str, Any], troubling: bool) -> None:
        if not troubling:
            async with self._crowd:
                await tale(self, **arguments)
            return
        await asyncio.sleep(0)  # all are begun
        if self._calm:
            await asyncio.wait(self._calm)
        async with self._turns.setdefault(arguments.get("profile", ""), asyncio.Lock()):
            await tale(self, **arguments)


def _catalogue(name: str, panel: Panel, password: Path, cost: str, account: dict[str, str]) -> str:
    choices = panel.choices
    dialect = max(choices.dialects)
    further = "".join(f'{key} = "{value}"\n' for key, value in account.items())
    price = cost or f"{choices.price:.2f}"
    text = f"""
[[upstream_accounts]]
name = "{name}"
kind = "billmanager"
url = "{panel.url}"
dialect = {dialect}
username = "{panel.user}"
password_file = "{password}"
currency = "{choices.currency}"
{further}"""
    for kind, plan, pricelist, place in (("vds", "VDS", "58", 'datacenter = "1"'), ("soft", "LIC", "3541", "")):
        text += f"""
[[processing_modules]]
name = "{name}-{kind}"
upstream_account = "{name}"
product_type = "{kind}"
department = "support"

[[tariff_plans]]
name = "{plan}-{name}"
product_type = "{kind}"
prices = {{ "1" = "900.00 {choices.currency}" }}

[[tariff_plans.mappings]]
processing_module = "{name}-{kind}"
pricelist = "{pricelist}"
{place}
periods = {{ "1" = 1 }}
cost = {{ "1" = "{price} {choices.currency}" }}
"""
    return text


@asynccontextmanager
async def open_rehearsal(
    database_url: str, temporal: TemporalServer, home: Path, *, worker: bool = True, **settings: Any
) -> AsyncIterator[Rehearsal]:
    async with AsyncExitStack() as stack:
        database = Database(database_url)
        stack.push_async_callback(database.close)
        values = SETTINGS | settings
        chosen = Settings(database_url=database_url, **values)
        client = await temporal.connect(temporal.next_namespace())
        shop = Shop(
            database_url,
            database,
            client,
            temporal,
            chosen,
            Resellflow(database, client, chosen),
            cast("Any", None),
            worker_settings={f"RESELL_{name.upper()}": str(value) for name, value in values.items()},
        )

        def stop_workers() -> None:
            for program in shop.workers:
                program.close()

        stack.callback(stop_workers)
        rehearsal = Rehearsal(shop, home, stack)
        if worker:
            await stack.enter_async_context(shop.working())
        try:
            yield rehearsal
        finally:
            for task in rehearsal.running.values():
                task.cancel()
            await asyncio.gather(*rehearsal.running.values(), return_exceptions=True)


async def eventually(condition: Callable[[], Awaitable[object]], message: str, *, timeout: float = PATIENCE) -> None:
    async def asked() -> object:
        return await condition()

    await assert_eventually(asked, timeout=timeout, message=message)


def fresh_key() -> str:
    return os.urandom(8).hex()
