"""A whole run: start everything, measure phase by phase, stop everything."""

import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path

import httpx
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client

from benchmarks.databases import new_database
from benchmarks.installation import TOKEN, Installation
from benchmarks.load import at_once, together
from benchmarks.options import Options, Way
from benchmarks.ordering import ByApi, ByStarter, Followed, OrderFailed, history_lengths
from benchmarks.report import Bare, Idle, Machine, Orders, Report, Settings, Spread, Waiting, ratios
from benchmarks.usage import Meter
from benchmarks.yardstick import run_one
from models.database import Database
from orders import naming
from settings import Settings as ResellSettings
from stack.processes import StackFailed
from starter import Resellflow

UPSTREAM = "main"
PATIENCE = 120.0
"""Seconds for one order, besides the upstream's own delay, after which the run is given up."""
CALM = 1.0
"""Seconds between two phases, for what the first left to be done."""


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def measure(options: Options) -> Report:
    """Raises StackFailed when a part can't be started, ends, or an order does not become an active service."""
    machine_load = os.getloadavg()[0]
    with _directory(options) as directory, new_database(options.database, directory) as url:
        # No proxy, and as many connections as orders under way: this client is the storefront, too.
        limits = httpx.Limits(max_connections=options.concurrency + 5, max_keepalive_connections=options.concurrency)
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

    async def report(self, load: float) -> Report:
        installation = self._installation
        progress("Starting the Temporal server, the simulator and the database")
        await together(installation.start_temporal(), installation.start_simulator(), installation.prepare_database())
        client = await installation.connect()
        machine = await _machine(client, load)
        bare = await self._bare(client)
        progress("Starting the worker")
        await installation.start_worker()
        async with self._followed(client) as followed, self._worker_is_heard():
            await at_once(self._options.warm_up, self._options.concurrency, lambda _: followed.place_and_wait())
            orders = await self._orders(client, followed)
            idle = await self._idle(client) if self._options.idle_seconds else None
            waiting = await self._waiting(client, followed) if self._options.waiting_seconds else None
        progress("Stopping")
        return Report(
            options=self._options,
            settings=Settings.model_validate(self._settings, from_attributes=True),
            machine=machine,
            orders=orders,
            bare=bare,
            ratios=ratios(orders, bare),
            idle=idle,
            waiting=waiting,
        )

    @asynccontextmanager
    async def _followed(self, client: Client) -> AsyncIterator[Followed]:
        database = Database(self._database_url)
        try:
            if self._options.through is Way.API:
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

    async def _bare(self, client: Client) -> Bare:
        options, installation = self._options, self._installation
        numbers = iter(range(-1, -1_000_000, -1))

        async def ready() -> bool:
            await run_one(client, next(numbers), self._patience)
            return True

        await installation.start_bare_worker(ready)
        one = partial(run_one, client, patience=self._patience)
        await at_once(options.warm_up, options.concurrency, one)
        progress(f"{options.orders} bare workflows, {options.concurrency} at once")
        meter = Meter(installation.processes)
        runs = await at_once(options.orders, options.concurrency, one)
        used = meter.used()
        memory = installation.worker_memory()
        await installation.stop("bare-worker")
        progress(f"  {len(runs) / used.seconds:.1f} per second")
        return Bare(
            count=len(runs),
            seconds=round(used.seconds, 3),
            per_second=round(len(runs) / used.seconds, 2),
            start_to_end_s=Spread.of([run.seconds for run in runs]),
            history_events=Spread.of(await history_lengths(client, [run.workflow_id for run in runs])),
            cpu_ms_each=used.cpu_ms(len(runs)),
            worker_memory_mib=memory,
        )

    async def _orders(self, client: Client, followed: Followed) -> Orders:
        options, simulator = self._options, self._installation.simulator
        await asyncio.sleep(CALM)
        progress(f"{options.orders} orders, {options.concurrency} at once")
        requests = await simulator.requests()
        meter = Meter(self._installation.processes)
        placed = await at_once(options.orders, options.concurrency, lambda _: followed.place_and_wait())
        used = meter.used()
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
            order_to_completed_s=Spread.of([(end.completed_at - end.placed.asked_at).total_seconds() for end in ends]),
            upstream_active_to_active_s=Spread.of([(end.active_at - at).total_seconds() for at, end in opened]),
            upstream_active_to_completed_s=Spread.of([(end.completed_at - at).total_seconds() for at, end in opened]),
            upstream_requests_per_order=round(requests.total() / len(placed), 3),
            upstream_requests=dict(requests.most_common()),
            upstream_charges=sum(1 for end in ends if end.mark in charges),
            history_events=Spread.of(await history_lengths(client, [one.workflow_id for one in placed])),
            cpu_ms_each=used.cpu_ms(len(placed)),
            worker_memory_mib=self._installation.worker_memory(),
        )

    async def _idle(self, client: Client) -> Idle:
        seconds = self._options.idle_seconds
        progress(f"Nothing for {seconds:g} seconds")
        await asyncio.sleep(CALM)
        requests = await self._installation.simulator.requests()
        before = await _events_of_the_permanent(client)
        meter = Meter(self._installation.processes)
        await asyncio.sleep(seconds)
        used = meter.used()
        requests = await self._installation.simulator.requests() - requests
        return Idle(
            seconds=round(used.seconds, 3),
            upstream_requests_per_minute=round(requests.total() / used.minutes, 2),
            history_events_added=await _events_of_the_permanent(client) - before,
            cpu_ms_per_minute=used.cpu_ms(used.minutes),
        )

    async def _waiting(self, client: Client, followed: Followed) -> Waiting:
        options, simulator = self._options, self._installation.simulator
        progress(f"{options.waiting_orders} orders wait for {options.waiting_seconds:g} seconds")
        await simulator.set(opening="manual")
        placed = await at_once(options.waiting_orders, options.concurrency, lambda _: followed.place())
        await followed.until_confirmation_is_awaited(placed)
        await asyncio.sleep(CALM)
        ids = [one.workflow_id for one in placed]
        requests, before = await simulator.requests(), sum(await history_lengths(client, ids))
        others = await _events_of_the_permanent(client)
        meter = Meter(self._installation.processes)
        await asyncio.sleep(options.waiting_seconds)
        used = meter.used()
        requests, after = await simulator.requests() - requests, sum(await history_lengths(client, ids))
        others = await _events_of_the_permanent(client) - others
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
        )


async def _events_of_the_permanent(client: Client) -> int:
    return sum(await history_lengths(client, [naming.poller_id(UPSTREAM), naming.SWEEP_ID]))


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
