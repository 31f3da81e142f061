"""An upstream account in memory on which orders wait for their openings, and a Temporal that only hears signals."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import event
from sqlmodel import select
from temporalio.testing import ActivityEnvironment

from activities.polling import PollActivities
from models.catalogue import ProcessingModule, TariffPlan, UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import Knowledge, OperationKind, Stage, UpstreamStatus
from models.messages import PollInput
from models.order import Operation, Service
from settings import Settings
from tests.flow.shop import stock_catalogue
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.listing import rows_of
from upstreams.errors import NoSuchItem
from upstreams.port import Head, ListEnd, TakeRows, UpstreamItem

FIRST_NUMBER = 900001
"""Of those that are waited for; others are older."""


class Panel:
    """One list of virtual servers; every request takes `seconds`. `asked` has what was asked for, in order."""

    def __init__(self, others: int, seconds: float = 0.0) -> None:
        self.items = {str(n): _item(n, UpstreamStatus.ACTIVE) for n in range(1, others + 1)}
        self.seconds = seconds
        self.page = 500
        self.sorts = True
        self.asked: list[str] = []
        self.fan_out = self.most_at_once = 0
        self.may_list = asyncio.Event()
        self.may_list.set()
        self.lists_held = 0
        """Lists of virtual servers that wait for `may_list`."""
        self.errors: dict[str, Exception] = {}
        self.held: dict[str, asyncio.Event] = {}
        """Forms whose answers wait."""

    def gate(self, account: str) -> None:
        """It has none."""

    async def to(self, account: UpstreamAccount) -> "Panel":
        return self

    def open(self, numbers: list[str]) -> None:
        for number in numbers:
            self.items[number] = _item(int(number), UpstreamStatus.ACTIVE, ip="192.0.2.2")

    async def walk_items(self, product_type: str, take: TakeRows) -> ListEnd:
        found = tuple(self.items.values()) if product_type == "vds" else ()
        pages = -(-len(found) // self.page) or 1
        for number in range(pages):
            await self._request(f"page of {product_type}")
            if product_type == "vds":
                self.lists_held += 1
                await self.may_list.wait()
                self.lists_held -= 1
            await take(rows_of(found[number * self.page : (number + 1) * self.page]), len(found))
        return ListEnd(complete=True, pages=pages, shows_marks=Knowledge.UNKNOWN)

    async def newest_items(self, product_type: str, count: int) -> Head:
        await self._request("head")
        if not self.sorts:
            return Head(rows=(), in_order=False, because="it does not sort")
        newest = sorted(self.items.values(), key=lambda one: -int(one.number))[:count]
        return Head(rows=tuple(rows_of(newest)), in_order=True)

    async def read_item(self, product_type: str, number: str) -> UpstreamItem:
        await self._request(f"form {number}")
        if number in self.held:
            await self.held[number].wait()
        if number in self.errors:
            raise self.errors[number]
        if number not in self.items:
            raise NoSuchItem("no such item")
        return self.items[number].model_copy(update={"raw": {"id": number}})

    async def _request(self, what: str) -> None:
        self.asked.append(what)
        self.fan_out += 1
        self.most_at_once = max(self.most_at_once, self.fan_out)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.fan_out -= 1


class Temporal:
    """Takes signals. `heard` has when each workflow was signalled, in monotonic seconds."""

    namespace, identity = "default", "test"

    def __init__(self) -> None:
        self.heard: dict[str, float] = {}
        self.requests: list[str] = []
        """The ids of the signals, in order."""
        self.workflow_service = self
        self.data_converter = self

    async def encode(self, values: list[object]) -> list[object]:
        return []

    async def signal_workflow_execution(self, request: Any, *, retry: bool) -> None:
        self.requests.append(request.request_id)
        self.heard.setdefault(request.workflow_execution.workflow_id, time.monotonic())


class Purse:
    def __init__(self) -> None:
        self.watched = 0

    async def grant_waiting(self, account_id: int) -> None: ...

    async def watch_balance(self, account_id: int) -> None:
        self.watched += 1


@dataclass
class Account:
    database: Database
    panel: Panel
    temporal: Temporal
    purse: Purse
    poller: PollActivities
    numbers: list[str]
    """Of the items that are waited for."""
    statements: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """The poller runs; every list was read once."""
        poll = ActivityEnvironment().run(self.poller.poll_upstream, PollInput(upstream="main", lap=timedelta(hours=1)))
        running = asyncio.create_task(poll)
        try:
            await assert_eventually(self._was_looked_at, timeout=120, message="the first look")
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def all_heard(self) -> bool:
        return len(self.temporal.heard) == len(self.numbers)

    async def _was_looked_at(self) -> object:
        async with self.database.read() as session:
            return (await session.exec(select(UpstreamAccount))).one().polled_at


@asynccontextmanager
async def open_account(
    url: str, *, waiting: int, others: int = 0, seconds: float = 0.0, **settings: Any
) -> AsyncIterator[Account]:
    database = Database(url)
    await stock_catalogue(database, "http://upstream.invalid/billmgr")
    panel, temporal, purse = Panel(others, seconds), Temporal(), Purse()
    numbers = [str(FIRST_NUMBER + n) for n in range(waiting)]
    for number in numbers:
        panel.items[number] = _item(int(number), UpstreamStatus.PROCESSING)
    await _orders(database, numbers)
    everything: Any = (database, panel, temporal, purse, Settings(**settings))
    account = Account(database, panel, temporal, purse, PollActivities(*everything), numbers)

    @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
    def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        account.statements.append(statement)

    yield account
    await database.close()


async def _orders(database: Database, numbers: list[str]) -> None:
    """One for each number, sent and waiting for its item to open."""
    async with database.write() as session:
        module = (await session.exec(select(ProcessingModule).where(ProcessingModule.product_type == "vds"))).one()
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
        services = [
            Service(
                customer="c",
                plan_id=plan.id or 0,
                product_type="vds",
                module_id=module.id or 0,
                account_id=1,
                name=f"s{number}.example.test",
                name_is_ours=False,
                mark=f"rf-abcde-{number}",
                period_months=1,
                upstream_number=number,
            )
            for number in numbers
        ]
        session.add_all(services)
        await session.flush()
        session.add_all(
            Operation(
                service_id=service.id or 0,
                kind=OperationKind.OPEN,
                upstream_name="main",
                stage=Stage.AWAITING_CONFIRMATION,
                workflow_started_at=utc_now(),
            )
            for service in services
        )


def _item(number: int, status: UpstreamStatus, ip: str = "192.0.2.1") -> UpstreamItem:
    return UpstreamItem(number=str(number), product_type="vds", status=status, name=f"s{number}.example.test", ip=ip)
