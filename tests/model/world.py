"""The whole product in one process: its database, workflows and activities, an upstream in memory, and their time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment

from activities.poller.isolation import BackgroundWork
from models.catalogue import UpstreamAccount
from models.columns import UtcDateTime
from models.database import Database
from models.messages import PollInput
from models.order import Operation
from settings import Settings
from starter import Resellflow
from temporal.delivery import deliver
from tests.flow.shop import stock_catalogue
from tests.model.temporal import ModelTemporal
from tests.model.upstream import ModelUpstream, WorkerKilled
from upstreams.gate import Gate
from upstreams.port import Upstream
from worker import Activities

ROUNDS = 3
"""Of a look of the poller: what the list shows is read in forms after it, and then the list is judged again."""


class World:
    def __init__(self, database_url: str) -> None:
        self.settings = Settings(database_url=database_url, task_queue="model", poll_reads_at_once=1)
        self.database = Database(database_url)
        self.temporal = ModelTemporal()
        self.upstream = ModelUpstream()
        self.dying_at: int | None = None
        """So many transactions from now a worker dies: right before it commits, or right after."""
        self.dies_after_commit = False
        self._write = self.database.write
        self.database.write = self._written  # type: ignore[method-assign]
        client = cast(Client, self.temporal)
        self.resellflow = Resellflow(self.database, client, self.settings)
        self.activities = Activities(self.database, client, self.settings)
        self.activities._connections.to = self._connection  # type: ignore[method-assign]
        every = [*self.activities.local, *self.activities.upstream]
        self.temporal.activities = {work.__name__: work for work in every}

    async def begin(self) -> None:
        await stock_catalogue(self.database, "https://upstream.invalid/billmgr")

    async def end(self) -> None:
        for run in self.temporal.runs.values():
            if run.running:
                await self.temporal.terminate(run)
        for task in self.temporal.asked:
            task.cancel()
        await asyncio.gather(*self.temporal.asked, return_exceptions=True)
        await self.database.close()

    async def _connection(self, account: UpstreamAccount) -> Upstream:
        self.activities._connections._gate_of.setdefault(account.name, Gate())
        return cast(Upstream, self.upstream)

    @asynccontextmanager
    async def _written(self) -> AsyncIterator[AsyncSession]:
        """A transaction, around which the worker may die."""
        dies = False
        if self.dying_at is not None and self._at_work():
            self.dying_at -= 1
            dies = self.dying_at < 0
        if dies:
            self.dying_at = None
        async with self._write() as session:
            yield session
            if dies and not self.dies_after_commit:
                raise WorkerKilled
        if dies:
            raise WorkerKilled

    @staticmethod
    def _at_work() -> bool:
        """Not in an API's process: what is asked for there is answered."""
        return activity.in_activity()

    # What goes on.

    async def until(self, work: Awaitable[Any]) -> Any:
        return await self.temporal.until(work)

    async def poll(self) -> None:
        """The poller looks at everything once, and notifies the orders."""
        await self.until(self._worked(self._poll()))

    async def sweep(self) -> None:
        await self.until(self._worked(self._sweep()))

    async def _worked(self, work: Awaitable[None]) -> None:
        async def once() -> None:
            with suppress(WorkerKilled, RPCError, ApplicationError):  # it goes on in the next lap
                await work

        await ActivityEnvironment().run(once)

    async def _poll(self) -> None:
        polling = self.activities.polling
        watch = await polling._begin(PollInput(upstream="main"))
        async with BackgroundWork() as background, BackgroundWork() as bookkeeping:
            for _ in range(ROUNDS):
                await polling._round(watch, background, bookkeeping, may_list=True)
                if background._task is not None:
                    await asyncio.wait([background._task])
                background.raise_failure()
                if bookkeeping._task is not None:
                    await asyncio.wait([bookkeeping._task])
                bookkeeping.raise_failure()
        while await deliver(self.database, polling._client, watch.account_id):
            pass

    async def _sweep(self) -> None:
        sweeping = self.activities.sweeping
        await sweeping._start_accepted()
        await sweeping._notify_called_off()
        await sweeping._start_lost()
        await sweeping._deliver_again()

    async def pass_time(self, by: timedelta) -> None:
        """All moments that are written down are so much longer ago; what was to happen until then happens."""
        self.upstream.arrive()
        async with self._write() as session:
            for table in SQLModel.metadata.sorted_tables:
                aged = {
                    column.name: _earlier(session, column, by)
                    for column in table.columns
                    if isinstance(column.type, UtcDateTime)
                }
                if aged:
                    await (await session.connection()).execute(sa.update(table).values(aged))
            for operation in (await session.exec(select(Operation))).all():
                quoted = operation.price.get("quoted_at")
                if quoted:
                    earlier = (datetime.fromisoformat(quoted) - by).isoformat()
                    operation.price = {**operation.price, "quoted_at": earlier}
                    session.add(operation)
        self.activities.funds._balances._slots.clear()
        self.temporal.pass_time(by)
        await self.temporal.quiesce()

    async def account(self) -> UpstreamAccount:
        async with self.database.read() as session:
            return (await session.exec(select(UpstreamAccount))).one()

    async def all_of(self, table: type[Any]) -> list[Any]:
        async with self.database.read() as session:
            return list((await session.exec(select(table).order_by(col(table.id)))).all())


def _earlier(session: AsyncSession, column: "sa.Column[Any]", by: timedelta) -> Any:
    seconds = by.total_seconds()
    if session.get_bind().dialect.name == "sqlite":
        # As SQLAlchemy writes it, to the microsecond.
        return sa.func.strftime("%Y-%m-%d %H:%M:%f", column, f"-{seconds} seconds").op("||")("000")
    return column - sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
