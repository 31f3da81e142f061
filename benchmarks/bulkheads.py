"""`python -m benchmarks.bulkheads`: one of three accounts stops answering; how are the orders of the other two?

Three accounts at one simulator, real processes. The same orders of the two well accounts are placed twice: before, and
while the third one is in trouble with many operations under way. Then the third one comes back. The report is JSON.
"""

import asyncio
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import httpx
import typer
from sqlmodel import col, func, select

import process_exit
from benchmarks.blackhole import Front
from benchmarks.databases import new_database
from benchmarks.installation import BALANCE, LARGE, OPERATOR_TOKEN, Installation
from benchmarks.load import at_once, together
from benchmarks.options import Options, TemporalStore
from benchmarks.ordering import ByStarter, Followed, OrderFailed, Placed
from benchmarks.report import Spread
from benchmarks.resolver import Resolver, enter
from benchmarks.running import progress
from benchmarks.usage import Meter
from models.database import Database
from models.enums import Stage
from models.order import Operation
from settings import Settings
from stack.embedded import UPSTREAM_CURRENCY, UPSTREAM_PASSWORD
from stack.ports import LOOPBACK
from stack.processes import StackFailed
from starter import Resellflow

WELL = ("well-a", "well-b")
SICK = "sick"
PATIENCE = 240.0
SAMPLES = 20
"""Orders of the sick account whose documents are read while it is away."""


class Trouble(StrEnum):
    """What is wrong with the third account."""

    HANG = "hang"
    """It takes requests and never answers."""
    SETUP = "setup"
    """The same for requests that order; what is only read is answered."""
    TRICKLE = "trickle"
    """Its answers come byte after byte."""
    SLOW = "slow"
    """It answers each request after 20 s."""
    BLACK_HOLE = "black-hole"
    """Connections are neither taken nor refused."""
    GONE = "gone"
    """Connections are refused."""
    NAME = "name"
    """Nobody answers what the address of its host is. All three have names. Needs root, on Linux."""


FAULTS: dict[Trouble, dict[str, object]] = {
    Trouble.HANG: {"kind": "hang", "seconds": 3600},
    Trouble.SETUP: {"kind": "hang", "seconds": 3600, "sok": True},
    Trouble.TRICKLE: {"kind": "trickle", "seconds": 600},
    Trouble.SLOW: {"kind": "stall", "seconds": 20},
}


class Story:
    """One run."""

    def __init__(
        self,
        installation: Installation,
        front: Front,
        resolver: Resolver | None,
        http: httpx.AsyncClient,
        followed: Followed,
        database: Database,
    ) -> None:
        self._installation, self._front, self._resolver, self._http = installation, front, resolver, http
        self._followed, self._database = followed, database

    async def others(self, orders: int, seconds: float) -> list[float]:
        """Place orders of the well accounts in turn, one each `seconds`; how long each took until completed. Infinite:
        it was not completed in time."""

        async def one(number: int) -> float:
            await asyncio.sleep(number * seconds)
            began = time.monotonic()
            try:
                await self._followed.place_and_wait(plan_of(WELL[number % len(WELL)]), PATIENCE)
            except OrderFailed as failure:
                progress(f"  {failure}")
                return float("inf")
            return time.monotonic() - began

        return list(await asyncio.gather(*(one(number) for number in range(orders))))

    async def begin(self, trouble: Trouble) -> None:
        if trouble in FAULTS:
            await self._installation.simulator.add_fault({"account": SICK, **FAULTS[trouble]})
        elif self._resolver is not None:
            self._resolver.silent_about = SICK.encode()
        elif trouble is Trouble.BLACK_HOLE:
            await self._front.swallow()
        else:
            await self._front.close()

    async def end(self) -> None:
        await self._installation.simulator.clear_faults()
        await self._front.open()
        if self._resolver is not None:
            self._resolver.silent_about = b""

    async def documents(self, orders: Sequence[Placed]) -> list[dict[str, object]]:
        """The API's documents of operations, for an operator."""
        headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
        found = []
        for placed in orders:
            url = f"{self._installation.api_url}/v1/operations/{placed.operation}"
            answer = await self._http.get(url, headers=headers)
            found.append(answer.raise_for_status().json())
        return found

    async def under_way(self, orders: Sequence[Placed]) -> None:
        """Until each of them has been tried once."""
        operations = [placed.operation for placed in orders]
        untried = (
            select(func.count())
            .select_from(Operation)
            .where(col(Operation.id).in_(operations))
            .where(col(Operation.stage).in_([Stage.ACCEPTED, Stage.CHECKING_BALANCE]))
        )
        ends = time.monotonic() + PATIENCE / 2
        while time.monotonic() < ends:
            async with self._database.read() as session:
                if (await session.exec(untried)).one() == 0:
                    return
            await asyncio.sleep(0.5)

    async def upstream(self) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
        answer = await self._http.get(f"{self._installation.api_url}/v1/upstreams/{SICK}", headers=headers)
        found: dict[str, object] = answer.raise_for_status().json()
        return found


def plan_of(account: str) -> str:
    return f"VDS-{account}"


def host_of(account: str) -> str:
    return f"{account}.example"


def catalogue_of(account: str) -> str:
    """The benchmark's second catalogue, for an account of this name."""
    return LARGE.replace("VDS-LARGE", plan_of(account)).replace('"large', f'"{account}')


@dataclass(frozen=True)
class Plan:
    """Times in seconds."""

    trouble: Trouble
    orders: int
    held: int
    every: float
    away: float
    workers: int
    database: str
    restart: bool
    store: TemporalStore
    at_once: bool
    """The others' orders come while those of the account in trouble are still being started."""


async def run(plan: Plan) -> dict[str, object]:
    options = Options(workers=("",) * plan.workers, round_trip_ms=50, opening_delay=1, temporal_store=plan.store)
    with (
        tempfile.TemporaryDirectory(prefix="resellflow-bulkheads-") as name,
        new_database(plan.database, Path(name)) as url,
    ):
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            installation = Installation(options, Path(name), url, http)
            async with installation.supervisor as supervisor:
                return await supervisor.guard(_story(installation, http, url, plan))


async def _story(installation: Installation, http: httpx.AsyncClient, url: str, plan: Plan) -> dict[str, object]:
    load = os.getloadavg()[0]
    progress("Starting")
    await together(installation.start_temporal(), installation.start_simulator(), installation.prepare_database())
    front = await Front.listening(installation.simulator_port)
    resolver = await Resolver.serving() if plan.trouble is Trouble.NAME else None
    for account in (*WELL, SICK):
        await installation.simulator.add_account(account, UPSTREAM_PASSWORD, BALANCE, UPSTREAM_CURRENCY)
        port = front.port if account == SICK else installation.simulator_port
        await installation.load_catalogue(
            catalogue_of(account), account, port, host_of(account) if resolver else LOOPBACK
        )
    await together(installation.start_workers(), installation.start_api())
    client = await installation.connect()
    async with aclosing(_Closing(Database(url))) as opened:
        database = opened.database
        resellflow = Resellflow(database, client, Settings(database_url=url))
        followed = Followed(ByStarter(resellflow), client, database, PATIENCE)
        story = Story(installation, front, resolver, http, followed, database)
        progress("Warming up")
        await at_once(6, 6, lambda number: followed.place_and_wait(plan_of((*WELL, SICK)[number % 3])))
        progress("The others, without trouble")
        calm = Meter(installation.processes)
        before = await story.others(plan.orders, plan.every)
        calm_cpu = _cpu(calm)
        progress(f"{plan.held} orders of the account in trouble: {plan.trouble}")
        await story.begin(plan.trouble)
        began = time.monotonic()
        hung = await at_once(plan.held, 10, lambda _: followed.place(plan_of(SICK)))
        placed_after = time.monotonic() - began
        if not plan.at_once:
            await story.under_way(hung)
        under_way_after, busy = time.monotonic() - began, Meter(installation.processes)
        during = await story.others(plan.orders, plan.every)
        busy_cpu = _cpu(busy)
        await asyncio.sleep(max(0.0, began + plan.away / 2 - time.monotonic()))
        if plan.restart:
            progress("Restarting the workers")
            await installation.restart_workers()
        await asyncio.sleep(max(0.0, began + plan.away - time.monotonic()))
        seen = await story.documents(hung[:: max(1, plan.held // SAMPLES)])
        sick = await story.upstream()
        progress("It is back")
        back = time.monotonic()
        await story.end()
        ends: list[float] = []

        async def wait(placed: Placed) -> None:
            try:
                await followed.wait(placed, PATIENCE)
            except OrderFailed as failure:
                progress(f"  {failure}")
                ends.append(float("inf"))
            else:
                ends.append(time.monotonic() - back)

        await asyncio.gather(*(wait(placed) for placed in hung))
        charges = await installation.simulator.opening_charges()
    await front.stop()
    return {
        "trouble": plan.trouble.value,
        "load_before": load,
        "others_before_s": _spread(before),
        "others_during_s": _spread(during),
        "p95_ratio": round(_p95(during) / _p95(before), 2),
        "cores_before": calm_cpu,
        "cores_during": busy_cpu,
        "placing_held_s": round(placed_after, 1),
        "held_under_way_after_s": round(under_way_after, 1),
        "held_done_after_return_s": _spread(ends),
        "charges": len(charges),
        "orders": 6 + 2 * plan.orders + plan.held,
        "stages": Counter(str(one["stage"]) for one in seen),
        "with_next_try": sum(one["next_try_at"] is not None for one in seen),
        "why": Counter(str(one["waits_for"])[:160] for one in seen).most_common(4),
        "next_step": Counter(str(one["next_step"])[:120] for one in seen).most_common(3),
        "account": {
            key: sick.get(key) for key in ("health", "unreachable_reason", "circuit", "circuits", "left_alone_until")
        },
    }


class _Closing:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def aclose(self) -> None:
        await self.database.close()


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


def _cpu(meter: Meter) -> dict[str, float | None]:
    """Cores in use, by process."""
    used = meter.used()
    return {
        process.name: None if seconds is None else round(seconds / used.seconds, 2)
        for process, seconds in zip(used.processes, used.cpu, strict=True)
    }


def _spread(values: Sequence[float]) -> dict[str, object]:
    done = [value for value in values if value != float("inf")]
    found = Spread.of(done).model_dump() if done else {}
    return {**{key: round(value, 2) for key, value in found.items()}, "done": len(done), "of": len(values)}


def main(
    trouble: Annotated[Trouble, typer.Option(help="What is wrong with the third account.")] = Trouble.HANG,
    orders: Annotated[int, typer.Option(min=2, help="Orders of the two others, before and again meanwhile.")] = 24,
    held: Annotated[int, typer.Option(min=1, help="Orders of the account in trouble.")] = 150,
    every: Annotated[float, typer.Option(min=0, help="Seconds between two orders of the others.")] = 1.0,
    away: Annotated[float, typer.Option(min=0, help="Seconds that the trouble lasts at least.")] = 60.0,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    database: Annotated[str, typer.Option(metavar="sqlite|URL", help="As in `python -m benchmarks`.")] = "sqlite",
    restart: Annotated[bool, typer.Option("--restart", help="Restart the workers meanwhile.")] = False,
    temporal_store: Annotated[
        TemporalStore, typer.Option(help="Where the Temporal server keeps its state; a file waits for the disk.")
    ] = TemporalStore.MEMORY,
    burst: Annotated[
        bool, typer.Option("--burst", help="Don't wait until each order of the account in trouble was tried once.")
    ] = False,
) -> None:
    """Measure what one account in trouble does to the orders of the others."""
    if trouble is Trouble.NAME:
        enter()
        os.environ["RESELL_PLAIN_HTTP_UPSTREAMS"] = ",".join(map(host_of, (*WELL, SICK)))
    try:
        report = asyncio.run(
            run(Plan(trouble, orders, held, every, away, workers, database, restart, temporal_store, burst))
        )
    except StackFailed as failure:
        progress(str(failure))
        process_exit.leave(1)
    print(json.dumps(report, indent=1))
    process_exit.leave(0)


if __name__ == "__main__":
    typer.run(main)
