"""The days of the shop: what it does on each, and the daily pruning, with the clock of that day."""

import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path

import httpx
import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.engine import Connection
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.retention import keep_by
from benchmarks.databases import new_database
from benchmarks.growth import copying
from benchmarks.growth.copying import Copier
from benchmarks.growth.measuring import Size, size, vacuum_as_postgresql_would
from benchmarks.growth.sample import SECRET, Sample
from benchmarks.installation import Installation
from benchmarks.options import Options
from benchmarks.running import progress
from models.columns import CLOCK, utc_now
from models.database import Database
from models.enums import OperationKind
from models.webhooks import WebhookEndpoint
from orders import retention
from orders.reading.figures import families
from settings import Settings

MONTH = 30
BATCH = 5000
BEFORE = timedelta(days=800)
"""From the opening of the first services to the first day: longer than anything is kept by age."""


@dataclass(frozen=True)
class Plan:
    days: int
    services: int
    churn: float
    """Share of the services that is closed in a month, and opened anew."""
    database: str
    prunes: bool = True


class Pruned(BaseModel):
    """By the runs of a month."""

    removed: dict[str, int]
    cpu_seconds: float
    """This process's. On SQLite that is all; on PostgreSQL the server's own is not in it."""
    seconds: float
    longest_slice_seconds: float
    """The longest time for which a run held a write transaction."""


class Month(BaseModel):
    """`size` at its end."""

    month: int
    operations: int
    """In all months so far, those of the beginning left out."""
    size: Size
    pruned: Pruned | None
    figures_seconds: float
    """What the API needs to answer `GET /metrics`."""


class Growth(BaseModel):
    services: int
    days: int
    database: str
    prunes: bool
    rows_each: dict[str, dict[str, int]]
    """Kind of operation → table → rows that one leaves."""
    history_events: dict[str, int]
    history_bytes: dict[str, int]
    """Kind of operation → what its workflow's history has in the Temporal server."""
    beginning: Size
    months: list[Month]
    bytes_each: dict[str, float]
    """Table → by how many bytes it grew for each operation in the last half of the time."""
    vacuum_seconds: float | None
    """SQLite: what VACUUM takes at the end."""
    bytes_after_vacuum: int | None


class Timed(Database):
    """Remembers its longest write."""

    longest = 0.0

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        async with super().write() as session:
            began = time.monotonic()
            yield session
        self.longest = max(self.longest, time.monotonic() - began)


@dataclass
class Shop:
    """Writes what a shop writes. Takes a connection of its own, which commits each day."""

    connection: Connection
    samples: Sequence[Sample]
    plan: Plan
    operations: int = 0
    _owed: float = 0.0
    _copiers: dict[OperationKind, Copier] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._copiers = {sample.kind: Copier(sample) for sample in self.samples}

    def begin(self, day: date) -> None:
        left = self.plan.services
        while left > 0:
            copying.choose_new(self.connection, min(left, BATCH))
            self._copiers[OperationKind.OPEN].write(self.connection, day)
            left -= BATCH
        self.connection.commit()

    def live(self, day: date) -> None:
        """Whatever ends is prolonged; a few are closed, and as many opened."""
        self._owed += self.plan.services * self.plan.churn / MONTH
        churned, self._owed = int(self._owed), self._owed % 1
        done = copying.choose(self.connection, copying.ends_on(day))
        if done:
            self._copiers[OperationKind.PROLONG].write(self.connection, day)
        if churned:
            copying.choose(self.connection, sa.true(), churned)
            self._copiers[OperationKind.CLOSE].write(self.connection, day)
            copying.choose_new(self.connection, churned)
            self._copiers[OperationKind.OPEN].write(self.connection, day)
        self.operations += done + 2 * churned
        self.connection.commit()


async def grow(plan: Plan, samples: Sequence[Sample]) -> Growth:
    """Raises StackFailed where the database can't be made."""
    with (
        tempfile.TemporaryDirectory(prefix="resellflow-growth-") as name,
        new_database(plan.database, Path(name)) as url,
    ):
        async with httpx.AsyncClient(trust_env=False) as http:
            installation = Installation(Options(), Path(name), url, http)
            async with installation.supervisor as supervisor:
                await supervisor.guard(installation.prepare_database())
        database = Timed(url)
        try:
            async with database.write() as session:
                session.add(WebhookEndpoint(name="shop", url="https://shop.example.test/hooks", secret_env=SECRET))
            return await _grown(plan, samples, database)
        finally:
            await database.close()


def _engine(database: Database) -> sa.Engine:
    url = sa.make_url(str(database.engine.url.render_as_string(hide_password=False)))
    sqlite = database.is_sqlite
    return sa.create_engine(url.set(drivername="sqlite" if sqlite else "postgresql+psycopg"))


async def _grown(plan: Plan, samples: Sequence[Sample], database: Timed) -> Growth:
    start = utc_now().date() - timedelta(days=plan.days)
    engine = _engine(database)
    with engine.connect() as connection:
        copying.prepare(connection)
        shop = Shop(connection, samples, plan)
        progress(f"A shop with {plan.services} services")
        shop.begin(start - BEFORE)
        if plan.prunes:
            await _prune(database, start)
        _vacuum(engine)
        beginning = size(connection)
        months: list[Month] = []
        for first in range(0, plan.days, MONTH):
            days = [start + timedelta(days=day) for day in range(first, min(first + MONTH, plan.days))]
            months.append(await _month(shop, database, engine, days, len(months) + 1))
            _tell(months[-1])
        connection.commit()
    seconds = after = None
    if database.is_sqlite:
        began = time.monotonic()
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM")
            seconds, after = round(time.monotonic() - began, 2), size(connection).file_bytes
    engine.dispose()
    return Growth(
        services=plan.services,
        days=plan.days,
        database="sqlite" if database.is_sqlite else "postgresql",
        prunes=plan.prunes,
        rows_each={sample.kind.value: sample.counts() for sample in samples},
        history_events={sample.kind.value: sample.history_events for sample in samples},
        history_bytes={sample.kind.value: sample.history_bytes for sample in samples},
        beginning=beginning,
        months=months,
        bytes_each=_bytes_each(months),
        vacuum_seconds=seconds,
        bytes_after_vacuum=after,
    )


async def _month(shop: Shop, database: Timed, engine: sa.Engine, days: Sequence[date], number: int) -> Month:
    removed: dict[str, int] = {}
    cpu = seconds = database.longest = 0.0
    for day in days:
        shop.live(day)
        if shop.plan.prunes:
            began, cpu_before = time.monotonic(), time.process_time()
            for name, count in (await _prune(database, day)).items():
                removed[name] = removed.get(name, 0) + count
            seconds, cpu = seconds + time.monotonic() - began, cpu + time.process_time() - cpu_before
        _vacuum(engine)
    pruned = Pruned(
        removed=removed,
        cpu_seconds=round(cpu, 2),
        seconds=round(seconds, 2),
        longest_slice_seconds=round(database.longest, 3),
    )
    async with database.read() as session:
        began = time.monotonic()
        await families(session)
        figures = round(time.monotonic() - began, 3)
    now = size(shop.connection)
    shop.connection.rollback()  # it would keep PostgreSQL from vacuuming what goes meanwhile
    return Month(
        month=number,
        operations=shop.operations,
        size=now,
        pruned=pruned if shop.plan.prunes else None,
        figures_seconds=figures,
    )


async def _prune(database: Database, day: date) -> dict[str, int]:
    """What the worker does at noon of this day."""
    CLOCK.ahead = datetime.combine(day, time_of_day(12), UTC) - datetime.now(UTC)
    try:
        return await retention.prune(database, keep_by(Settings()))
    finally:
        CLOCK.ahead = timedelta(0)


def _vacuum(engine: sa.Engine) -> None:
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            vacuum_as_postgresql_would(connection)


def _bytes_each(months: Sequence[Month]) -> dict[str, float]:
    """Tables that grew, the largest growth first."""
    if len(months) < 2:
        return {}
    half, end = months[(len(months) - 1) // 2], months[-1]
    done = max(1, end.operations - half.operations)
    each = {
        name: round((held.bytes - half.size.tables[name].bytes) / done, 1) for name, held in end.size.tables.items()
    }
    return dict(sorted(((name, value) for name, value in each.items() if value), key=lambda one: -one[1]))


def _tell(month: Month) -> None:
    mib = month.size.file_bytes / 2**20
    told = f"  month {month.month}: {month.operations} operations, {mib:.1f} MiB"
    if month.size.free_bytes is not None:
        told += f", of them {month.size.free_bytes / 2**20:.1f} free"
    if month.pruned is not None:
        count = sum(month.pruned.removed.values())
        told += f"; removed {count} rows with {month.pruned.cpu_seconds:.1f} s of CPU"
        told += f", {month.pruned.longest_slice_seconds:.2f} s at once at most"
    progress(told)
