"""A reseller with many upstreams at once, each a panel of another kind; the tests' stories run side by side.

One database, one Temporal namespace, one worker for all: a story that waits ten seconds costs the others nothing. The
stories of one kind of panel share it, as a day's orders do; those that trouble a whole panel come afterwards, in turn.
A panel is watched as long as a story needs it: dozens of pollers that nobody asks any more would cost most of the run.
"""

import asyncio
import itertools
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from sqlmodel import col, select, update
from temporalio.service import RPCError, RPCStatusCode

from catalogue.loading import load
from models.audit import AuditEntry
from models.catalogue import ProcessingModule, UpstreamAccount
from models.database import Database
from models.enums import ModuleKind, ServiceStatus, Stage
from models.messages import DecisionKind
from models.order import Service
from orders.lifecycle.acceptance import AcceptedOrder
from orders.services import naming
from tests.flow.shop import Shop, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from tests.standin.choices import Choices
from tests.standin.panel import Panel
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
STORY_PATIENCE = 120.0
"""For one story, from its turn on. Its test may wait for longer: it waits for the turn, too."""
INTERVAL = 0.4
"""Stages that stories wait for last longer than this; asking more often is what the database would be busy with."""
AT_ONCE = 8
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
                reached, timeout=timeout, interval=INTERVAL, message=f"operation {order.operation} in {stages}"
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

    async def is_over(self) -> None:
        """Nobody looks at this panel any more: its poller ends, and the sweep does not start it again.

        Of a reseller's accounts those with an upstream module are watched. The product has no way to take such a module
        out of use, so that is done in the database.
        """
        account = await self.account()
        async with self.shop.database.write() as session:
            modules = update(ProcessingModule).where(col(ProcessingModule.account_id) == account.id)
            await session.exec(modules.values(kind=ModuleKind.MANUAL))
        try:
            await self.shop.client.get_workflow_handle(naming.poller_id(self.name)).terminate("its story is over")
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
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
_own: ContextVar[list[Story]] = ContextVar("_own")
"""The panels that the story of this context has for itself."""


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
    _awaited: Counter[str] = field(default_factory=Counter)
    """Of each profile, the stories that are not over."""
    _names: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _loading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def story(self, choices: Choices, *, balance: str = "100000", cost: str = "", **account: str) -> Story:
        """A new upstream of this kind, put into the catalogue as an operator would. It ends with the story.

        It sells virtual servers alone; those that sell licences as well are the shared ones.
        """
        opened = await self._open(choices, balance, cost, account, sells=("vds",))
        _own.get([]).append(opened)
        return opened

    async def _open(
        self, choices: Choices, balance: str, cost: str, account: dict[str, str], *, sells: tuple[str, ...]
    ) -> Story:
        name = f"u{next(self._names)}"
        panel = Panel(choices, Decimal(balance))
        await panel.open_door()
        self.stack.push_async_callback(panel.close)
        password = self.home / f"{name}.password"
        password.write_text(f"{panel.password}\n")
        file = self.home / f"{name}.toml"
        file.write_text(_catalogue(name, panel, password, cost, account, sells))
        async with self._loading:
            await load(self.shop.database, file, actor="rehearsal", dry_run=False)
        await self.shop.resellflow.start_poller(name)
        return Story(name, panel, self.shop, password)

    async def at(self, profile: str) -> Story:
        """The one panel of this profile, shared by its stories. It ends with the last of them."""
        assert self._awaited[profile], f"a story that has not said that it needs {profile}: see at_panels"
        if profile not in self._shared:
            self._shared[profile] = asyncio.create_task(
                self._open(PROFILES[profile], "100000", "", {}, sells=tuple(PLANS))
            )
        return await self._shared[profile]

    def begin(
        self, key: str, tale: Tale, arguments: dict[str, Any], *, profiles: Iterable[str], troubling: bool
    ) -> None:
        """A troubling story waits until the calm ones are over, and for its turn at the panel."""
        profiles = list(profiles)
        self._awaited.update(profiles)
        task = asyncio.create_task(self._tell(tale, arguments, profiles, troubling), name=key)
        self.running[key] = task
        if not troubling:
            self._calm.append(task)

    async def _tell(self, tale: Tale, arguments: dict[str, Any], profiles: list[str], troubling: bool) -> None:
        if not troubling:
            async with self._crowd:
                await self._tell_now(tale, arguments, profiles)
            return
        await asyncio.sleep(0)  # all are begun
        if self._calm:
            await asyncio.wait(self._calm)
        async with self._turns.setdefault(" ".join(profiles), asyncio.Lock()):
            await self._tell_now(tale, arguments, profiles)

    async def _tell_now(self, tale: Tale, arguments: dict[str, Any], profiles: list[str]) -> None:
        own: list[Story] = []
        _own.set(own)
        try:
            async with asyncio.timeout(STORY_PATIENCE):
                await tale(self, **arguments)
        finally:
            self._awaited.subtract(profiles)
            shared = [self._shared[name] for name in profiles if not self._awaited[name] and name in self._shared]
            # A story within a story has a shop of its own, which is closed by now.
            for one in [*(one for one in own if one.shop is self.shop), *(await asyncio.gather(*shared))]:
                await one.is_over()


PLANS = {"vds": ("VDS", "58", 'datacenter = "1"'), "soft": ("LIC", "3541", "")}
"""Of each product type its plan, tariff number and place."""


def _catalogue(
    name: str, panel: Panel, password: Path, cost: str, account: dict[str, str], sells: tuple[str, ...]
) -> str:
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
    for kind in sells:
        plan, pricelist, place = PLANS[kind]
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
    """`settings`: in place of those that stories have."""

    async def nothing(_: Database) -> None:
        """Each story brings an upstream of its own."""

    async with AsyncExitStack() as stack:
        values = SETTINGS | settings
        shop = await stack.enter_async_context(
            open_shop(database_url, temporal, cast("Any", None), worker=worker, stock=nothing, **values)
        )
        rehearsal = Rehearsal(shop, home, stack)
        try:
            yield rehearsal
        finally:
            for task in rehearsal.running.values():
                task.cancel()
            await asyncio.gather(*rehearsal.running.values(), return_exceptions=True)


async def eventually(condition: Callable[[], Awaitable[object]], message: str, *, timeout: float = PATIENCE) -> None:
    async def asked() -> object:
        return await condition()

    await assert_eventually(asked, timeout=timeout, interval=INTERVAL, message=message)


def fresh_key() -> str:
    return os.urandom(8).hex()
