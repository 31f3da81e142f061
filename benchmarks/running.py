"""A whole run: start everything, measure phase by phase, stop everything."""

import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path

import httpx
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client

from benchmarks.databases import new_database
from benchmarks.installation import LARGE_USER, TOKEN, Installation
from benchmarks.load import at_once, together
from benchmarks.options import Options, PlacedThrough
from benchmarks.ordering import (
    LARGE_PLAN,
    PLAN,
    ByApi,
    ByStarter,
    Ended,
    Followed,
    OrderFailed,
    Placed,
    history_lengths,
)
from benchmarks.report import (
    Bare,
    Existing,
    FirstLook,
    Idle,
    Load,
    Machine,
    Orders,
    Report,
    Settings,
    Spread,
    Sql,
    Waiting,
    ratio,
    ratios,
)
from benchmarks.statements import FOR_ALL, PLACING, StatementCount, tallying
from benchmarks.usage import Meter, memory
from benchmarks.yardstick import run_one
from models.database import Database
from orders.services import naming
from settings import Settings as ResellSettings
from stack.processes import StackFailed
from starter import Resellflow

UPSTREAM = "main"
PATIENCE = 120.0
"""Seconds for one order, besides the upstream's own delay, after which the run is given up."""
FIRST_LOOK_PATIENCE = 1800.0
LANES = 5
"""Orders at once while a first look goes on."""
POLLER = "poll_upstream"
CALM = 1.0
"""Seconds between two phases, for what the first left to be done."""


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def measure(options: Options) -> Report:
    """Raises StackFailed when a part can't be started, ends, or an order does not become an active service."""
    machine_load = os.getloadavg()[0]
    with _directory(options) as directory, new_database(options.database, directory) as url:
        # No proxy, and as many connections as orders under way: this client is the storefront, too.
        most = max(options.concurrency)
        limits = httpx.Limits(max_connections=most + 5, max_keepalive_connections=most)
        async with httpx.AsyncClient(trust_env=False, timeout=30, limits=limits) as http:
            installation = Installation(options, directory, url, http)
            async with installation.supervisor as supervisor:
                return await supervisor.guard(_Run(options, installation, url, http).report(machine_load))


@contextmanager
def _directory(options: Options) -> Iterator[Path]:
    if options.directory is not None:
        options.directory.mkdir(parents=True, exist_ok=True)
        kept = Path(tempfile.mkdtemp(prefix="run-", dir=options.directory))
        progress(f"Data and logs are kept in {kept}")
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="resellflow-benchmark-") as passing:
        yield Path(passing)


class _Run:
    def __init__(
        self, options: Options, installation: Installation, database_url: str, http: httpx.AsyncClient
    ) -> None:
        self._options = options
        self._installation = installation
        self._database_url = database_url
        self._http = http
        self._settings = ResellSettings(database_url=database_url)
        self._patience = PATIENCE + options.opening_delay
        self._placing: dict[str, StatementCount] = {}

    async def report(self, load: float) -> Report:
        installation = self._installation
        progress("Starting the Temporal server, the simulator and the database")
        await together(installation.start_temporal(), installation.start_simulator(), installation.prepare_database())
        client = await installation.connect()
        machine = await _machine(client, load)
        bare = await self._bare(client)
        progress("Starting the worker")
        await installation.start_workers()
        with tallying() as placing:
            self._placing = placing
            async with self._followed(client) as followed, self._worker_is_heard():
                await self._warm_up(followed, PLAN)
                loads = await self._loads(client, followed, bare)
                first, orders, existing = loads[0], loads[0].orders, None
                if self._options.existing:
                    existing, orders = await self._existing(client, followed, first.orders)
                idle = await self._idle(client) if self._options.idle_seconds else None
                waiting = await self._waiting(client, followed) if self._options.waiting_seconds else None
        progress("Stopping")
        return Report(
            options=self._options,
            settings=Settings.model_validate(self._settings, from_attributes=True),
            machine=machine,
            orders=orders,
            bare=first.bare,
            ratios=ratios(orders, first.bare),
            loads=loads,
            existing=existing,
            idle=idle,
            waiting=waiting,
        )

    async def _warm_up(self, followed: Followed, plan: str) -> None:
        await at_once(self._options.warm_up, self._options.at_once, lambda _: followed.place_and_wait(plan))

    async def _loads(self, client: Client, followed: Followed, bare: Sequence[Bare]) -> list[Load]:
        found = []
        for concurrency, yardstick in zip(self._options.concurrency, bare, strict=True):
            orders = await self._orders(client, followed, concurrency)
            found.append(Load(concurrency=concurrency, orders=orders, bare=yardstick, ratios=ratios(orders, yardstick)))
        return found

    async def _existing(self, client: Client, followed: Followed, empty: Orders) -> tuple[Existing, Orders]:
        first_look = await self._first_look(followed)
        await self._warm_up(followed, LARGE_PLAN)
        orders = await self._orders(client, followed, self._options.at_once, LARGE_PLAN)
        here, there = orders.upstream_active_to_active_s, empty.upstream_active_to_active_s
        found = Existing(
            first_look=first_look,
            empty=empty,
            active_to_active_p50_ratio=ratio(here.p50, there.p50),
            active_to_active_p95_ratio=ratio(here.p95, there.p95),
        )
        return found, orders

    async def _first_look(self, followed: Followed) -> FirstLook:
        """The poller meets an account with many services, while orders go on at the other one."""
        options, installation = self._options, self._installation
        progress(f"The first look at {options.existing} services")
        await installation.stock_large_account()
        tallies = await self._tallies()
        meter = Meter(installation.processes)
        began = time.monotonic()
        await installation.load_large_account()
        over = asyncio.Event()
        confirmed: list[Placed] = []
        late: list[Placed] = []
        lost = 0

        async def place() -> None:
            nonlocal lost
            while not over.is_set():
                try:
                    placed = await followed.place_and_wait()
                except OrderFailed as failure:
                    progress(f"  {failure}")
                    lost += 1
                else:
                    (late if over.is_set() else confirmed).append(placed)

        async def place_here() -> float:
            # It may have to wait until all services are known.
            await followed.place_and_wait(LARGE_PLAN, FIRST_LOOK_PATIENCE)
            return time.monotonic() - began

        lanes = [asyncio.create_task(place()) for _ in range(LANES)]
        here = asyncio.create_task(place_here())
        try:
            await followed.until_known(LARGE_USER, options.existing, FIRST_LOOK_PATIENCE)
            seconds = time.monotonic() - began
            used, polled = meter.used(), await self._tallies()
            over.set()
            await asyncio.gather(*lanes, here)
        finally:
            for task in (*lanes, here):
                task.cancel()  # where one has failed; the others have ended
        ends = await followed.ends(confirmed)
        progress(f"  {options.existing / seconds:.0f} services per second, {len(confirmed)} orders meanwhile")
        poller = polled.get(POLLER, StatementCount()) - tallies.get(POLLER, StatementCount())
        return FirstLook(
            services=options.existing,
            seconds=round(seconds, 3),
            services_per_second=round(options.existing / seconds, 1),
            cpu_ms=used.cpu_ms(1),
            memory_mib=memory(installation.processes),
            statements_per_service=round(poller.statements / options.existing, 3),
            orders_placed=len(confirmed) + len(late) + lost,
            orders_confirmed=len(confirmed),
            orders_lost=lost,
            order_to_completed_s=_completed(ends) if ends else None,
            seconds_until_first_order_here=round(here.result(), 3),
        )

    async def _tallies(self) -> dict[str, StatementCount]:
        """What was asked of the database so far, by who asked, here and in the installation's processes."""
        found = await self._installation.tallies()
        if PLACING in self._placing:
            found[PLACING] = found.get(PLACING, StatementCount()) + self._placing[PLACING]
        return found

    @asynccontextmanager
    async def _followed(self, client: Client) -> AsyncIterator[Followed]:
        database = Database(self._database_url)
        try:
            if self._options.through is PlacedThrough.API:
                await self._installation.start_api()
                way: ByApi | ByStarter = ByApi(self._http, self._installation.api_url, TOKEN)
            else:
                way = ByStarter(Resellflow(database, client, self._settings))
            yield Followed(way, client, database, self._patience)
        finally:
            await database.close()

    @asynccontextmanager
    async def _worker_is_heard(self) -> AsyncIterator[None]:
        """Its log may be gone with the run: what it wrote last belongs to an order's failure."""
        try:
            yield
        except OrderFailed as failure:
            raise StackFailed(f"{failure}. The last the worker wrote:\n{self._installation.worker_wrote()}") from None

    async def _bare(self, client: Client) -> list[Bare]:
        """For each concurrency."""
        options, installation = self._options, self._installation
        numbers = iter(range(-1, -1_000_000, -1))

        async def ready() -> bool:
            await run_one(client, next(numbers), self._patience)
            return True

        await installation.start_bare_worker(ready)
        await at_once(options.warm_up, options.at_once, partial(run_one, client, patience=self._patience))
        found = [await self._bare_load(client, concurrency) for concurrency in options.concurrency]
        await installation.stop("bare-worker")
        return found

    async def _bare_load(self, client: Client, concurrency: int) -> Bare:
        options, installation = self._options, self._installation
        progress(f"{options.orders} bare workflows, {concurrency} at once")
        meter = Meter(installation.processes)
        runs = await at_once(options.orders, concurrency, partial(run_one, client, patience=self._patience))
        used = meter.used()
        progress(f"  {len(runs) / used.seconds:.1f} per second")
        return Bare(
            count=len(runs),
            seconds=round(used.seconds, 3),
            per_second=round(len(runs) / used.seconds, 2),
            start_to_end_s=Spread.of([run.seconds for run in runs]),
            history_events=Spread.of(await history_lengths(client, [run.workflow_id for run in runs])),
            cpu_ms_each=used.cpu_ms(len(runs)),
            worker_memory_mib=installation.worker_memory(),
            memory_mib=memory(installation.processes),
        )

    async def _orders(self, client: Client, followed: Followed, concurrency: int, plan: str = PLAN) -> Orders:
        options, simulator = self._options, self._installation.simulator
        await asyncio.sleep(CALM)
        progress(f"{options.orders} orders of {plan}, {concurrency} at once")
        requests = await simulator.requests()
        tallies = await self._tallies()
        meter = Meter(self._installation.processes)
        placed = await at_once(options.orders, concurrency, lambda _: followed.place_and_wait(plan))
        used = meter.used()
        sql = _sql(tallies, await self._tallies(), len(placed))
        requests = await simulator.requests() - requests
        progress(f"  {len(placed) / used.seconds:.1f} per second")

        ends = await followed.ends(placed)
        charges = await simulator.opening_charges()
        delay = timedelta(seconds=options.opening_delay)
        opened = [(charges[end.mark].time + delay, end) for end in ends]
        return Orders(
            count=len(placed),
            seconds=round(used.seconds, 3),
            per_second=round(len(placed) / used.seconds, 2),
            placing_s=Spread.of([one.seconds for one in placed]),
            order_to_active_s=Spread.of([(end.active_at - end.placed.asked_at).total_seconds() for end in ends]),
            order_to_completed_s=_completed(ends),
            upstream_active_to_active_s=Spread.of([(end.active_at - at).total_seconds() for at, end in opened]),
            upstream_active_to_completed_s=Spread.of([(end.completed_at - at).total_seconds() for at, end in opened]),
            upstream_requests_per_order=round(requests.total() / len(placed), 3),
            upstream_requests=dict(requests.most_common()),
            upstream_charges=sum(1 for end in ends if end.mark in charges),
            history_events=Spread.of(await history_lengths(client, [one.workflow_id for one in placed])),
            cpu_ms_each=used.cpu_ms(len(placed)),
            worker_memory_mib=self._installation.worker_memory(),
            memory_mib=memory(self._installation.processes),
            sql_each=sql,
        )

    async def _idle(self, client: Client) -> Idle:
        seconds = self._options.idle_seconds
        progress(f"Nothing for {seconds:g} seconds")
        await asyncio.sleep(CALM)
        requests = await self._installation.simulator.requests()
        before = await self._events_of_the_permanent(client)
        tallies = await self._tallies()
        meter = Meter(self._installation.processes)
        await asyncio.sleep(seconds)
        used = meter.used()
        requests = await self._installation.simulator.requests() - requests
        return Idle(
            seconds=round(used.seconds, 3),
            upstream_requests_per_minute=round(requests.total() / used.minutes, 2),
            history_events_added=await self._events_of_the_permanent(client) - before,
            cpu_ms_per_minute=used.cpu_ms(used.minutes),
            memory_mib=memory(self._installation.processes),
            sql_per_minute=_sql(tallies, await self._tallies(), used.minutes),
        )

    async def _waiting(self, client: Client, followed: Followed) -> Waiting:
        options, simulator = self._options, self._installation.simulator
        progress(f"{options.waiting_orders} orders wait for {options.waiting_seconds:g} seconds")
        await simulator.set(opening="manual")
        plan = LARGE_PLAN if options.existing else PLAN
        placed = await at_once(options.waiting_orders, options.at_once, lambda _: followed.place(plan))
        await followed.until_confirmation_is_awaited(placed)
        await asyncio.sleep(CALM)
        ids = [one.workflow_id for one in placed]
        requests, before = await simulator.requests(), sum(await history_lengths(client, ids))
        others = await self._events_of_the_permanent(client)
        meter = Meter(self._installation.processes)
        await asyncio.sleep(options.waiting_seconds)
        used = meter.used()
        requests, after = await simulator.requests() - requests, sum(await history_lengths(client, ids))
        others = await self._events_of_the_permanent(client) - others
        charges = await simulator.opening_charges()
        for mark in await followed.marks(placed):
            await simulator.open(charges[mark].item)
        await asyncio.gather(*(followed.wait(one) for one in placed))
        return Waiting(
            orders=len(placed),
            seconds=round(used.seconds, 3),
            history_events_added=after - before,
            other_history_events_added=others,
            upstream_requests_per_minute=round(requests.total() / used.minutes, 2),
            cpu_ms_per_minute=used.cpu_ms(used.minutes),
            memory_mib=memory(self._installation.processes),
        )

    async def _events_of_the_permanent(self, client: Client) -> int:
        upstreams = [UPSTREAM, LARGE_USER] if self._options.existing else [UPSTREAM]
        return sum(await history_lengths(client, [*map(naming.poller_id, upstreams), naming.SWEEP_ID]))


def _completed(ends: Sequence[Ended]) -> Spread:
    return Spread.of([(end.completed_at - end.placed.asked_at).total_seconds() for end in ends])


def _sql(before: Mapping[str, StatementCount], after: Mapping[str, StatementCount], parts: float) -> Sql:
    """For each of so many parts: orders, or minutes."""
    used = {who: tally - before.get(who, StatementCount()) for who, tally in after.items()}
    ours = sum((tally for who, tally in used.items() if who not in FOR_ALL), StatementCount())
    for_all = sum((tally for who, tally in used.items() if who in FOR_ALL), StatementCount())
    return Sql(
        statements=round(ours.statements / parts, 2),
        transactions=round(ours.transactions / parts, 2),
        write_transactions=round(ours.writes / parts, 2),
        for_all_statements=round(for_all.statements / parts, 2),
        for_all_transactions=round(for_all.transactions / parts, 2),
        by_activity={who: round(tally.statements / parts, 2) for who, tally in sorted(used.items())},
    )


async def _machine(client: Client, load: float) -> Machine:
    info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        processors=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0,
        load_before=round(load, 2),
        python=platform.python_version(),
        temporalio=version("temporalio"),
        temporal_server=info.server_version,
    )
