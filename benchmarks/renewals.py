"""`python -m benchmarks.renewals`: many terms end tomorrow. What does the walk cost, and what of it do orders notice?

Two runs, each with a database of its own. In `walk` no upstream and no Temporal take part: all services are announced,
then all are asked to be prolonged. In `night` everything runs: real processes, and orders of a shop meanwhile.
`RESELL_RENEWALS_AT_ONCE` applies to the second one.
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import httpx
import typer
from sqlmodel import col, func, select

import process_exit
from benchmarks import usage
from benchmarks.databases import database_bytes, new_database
from benchmarks.installation import Installation
from benchmarks.load import together
from benchmarks.options import Options, TemporalStore
from benchmarks.ordering import ByStarter, Followed
from benchmarks.report import Spread
from benchmarks.running import progress
from benchmarks.statements import StatementCount, tallying
from benchmarks.usage import Meter, Process, peak_memory_mib
from models.catalogue import ProcessingModule, TariffPlan
from models.columns import utc_now
from models.database import Database
from models.enums import OperationKind, RenewalOwner, ServiceStatus, Stage
from models.messages import RenewalBatch
from models.order import Operation, Service
from models.renewal_terms import RenewalTerms
from models.term import Term
from orders.renewals.walking import Walked, Way, walk
from settings import Settings
from stack.embedded import UPSTREAM_USER
from stack.processes import StackFailed
from starter import Resellflow
from workflows.renewals import Renewals

PATIENCE = 900.0
EVERY = 3.0
"""Seconds between two orders of the shop."""
BEFORE = 5
"""Orders before the night."""
PLAN, ACCOUNT = "VDS-1", "main"


async def add_services(database: Database, first: int, count: int, *, announced: bool) -> None:
    """Active ones of ours to renew, which end tomorrow; their items are numbered from `first`."""
    today = utc_now().date()
    ends_on = today + timedelta(days=1)
    async with database.write() as session:
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == PLAN))).one()
        module = (await session.exec(select(ProcessingModule).where(ProcessingModule.name == "main-vds"))).one()
        services = [
            Service(
                customer="benchmark",
                plan_id=plan.id,
                product_type=plan.product_type,
                module_id=module.id,
                account_id=module.account_id,
                name=f"v{first + number}.example.test",
                mark=f"rf-benchmark-{first + number}",
                period_months=1,
                upstream_number=str(first + number),
                status=ServiceStatus.ACTIVE,
                expires_on=ends_on,
            )
            for number in range(count)
        ]
        for service in services:
            service.renewed_by = RenewalOwner.AUTOMATIC
        session.add_all(services)
        await session.flush()  # the database gives the numbers, so it gives no one of them again
        if announced:
            day = today - timedelta(days=1)
            session.add_all(Term(service_id=one.id, ends_on=ends_on, announced_on=day) for one in services)


# The walk alone.


async def walks(count: int, wanted: str) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="resellflow-renewals-") as name, new_database(wanted, Path(name)) as url:
        async with httpx.AsyncClient(trust_env=False) as http:
            installation = Installation(Options(), Path(name), url, http)
            async with installation.supervisor as supervisor:
                await supervisor.guard(installation.prepare_database())
        database = Database(url)
        try:
            progress(f"{count} services")
            await add_services(database, 1, count, announced=False)
            progress("Announcing them")
            announcing = await _walked(database, 0)
            progress("Asking to prolong them")
            return {"announcing": announcing, "asking": await _walked(database, count)}
        finally:
            await database.close()


async def _walked(database: Database, at_once: int) -> dict[str, object]:
    """To its end, as the workflow does it."""
    meter = Meter([Process("placing", os.getpid())])
    with tallying() as tallies:
        done, walked = 0, Walked(0, None)
        seconds: list[float] = []
        while not seconds or walked.position is not None:
            began = time.monotonic()
            walked = await walk(database, Way(walked.position, at_once=at_once), RenewalTerms())
            seconds.append(time.monotonic() - began)
            done += walked.done
    used, total = meter.used(), sum(tallies.values(), StatementCount())
    return {
        "services": done,
        "seconds": round(used.seconds, 1),
        "cpu_ms_each": round(1000 * (used.cpu[0] or 0) / done, 2),
        "batch_s": Spread.of(seconds).model_dump(),
        "statements_each": round(total.statements / done, 2),
        "transactions_each": round(total.transactions / done, 2),
        "peak_memory_mib": peak_memory_mib(os.getpid()),
    }


# With everything that runs in a night.


@dataclass(frozen=True)
class Night:
    count: int
    database: str
    store: TemporalStore
    patience: float = PATIENCE
    """Seconds after which it is broken off; what was done by then is reported."""


async def night(plan: Night) -> dict[str, object]:
    options = Options(round_trip_ms=50, opening_delay=1, temporal_store=plan.store)
    with (
        tempfile.TemporaryDirectory(prefix="resellflow-renewals-") as name,
        new_database(plan.database, Path(name)) as url,
    ):
        async with httpx.AsyncClient(trust_env=False, timeout=120) as http:
            installation = Installation(options, Path(name), url, http)
            async with installation.supervisor as supervisor:
                return await supervisor.guard(_story(installation, http, url, plan))


async def _story(installation: Installation, http: httpx.AsyncClient, url: str, plan: Night) -> dict[str, object]:
    progress("Starting")
    await together(installation.start_temporal(), installation.start_simulator(), installation.prepare_database())
    tomorrow = (utc_now().date() + timedelta(days=1)).isoformat()
    alike = {"account": UPSTREAM_USER, "type": "vds", "pricelist": 58, "domain": "renewed.example.test"}
    many = {**alike, "count": plan.count, "expiredate": tomorrow}
    answer = await http.post(f"{installation.simulator.root}/items/many", json=many)
    first: int = answer.raise_for_status().json()["first"]
    database = Database(url)
    try:
        await add_services(database, first, plan.count, announced=True)
        await installation.start_workers()
        client = await installation.connect()
        settings = Settings(database_url=url)
        shop = Followed(ByStarter(Resellflow(database, client, settings)), client, database, plan.patience)
        await shop.until_known(ACCOUNT, plan.count, plan.patience)
        await asyncio.sleep(EVERY)
        progress("Orders before the night")
        before = [await _order(shop) for _ in range(BEFORE)]
        progress(f"{plan.count} renewals")
        size_before = await database_bytes(database)
        began, meter, tallies = time.monotonic(), Meter(installation.processes), await installation.tallies()
        run = await client.start_workflow(
            Renewals.run, RenewalBatch(), id="renewals-of-the-benchmark", task_queue=settings.task_queue
        )
        during: list[float] = []
        memory = usage.memory(installation.processes)
        completed: list[tuple[float, int]] = []
        while not completed or completed[-1][1] < plan.count:
            if time.monotonic() - began > plan.patience:
                break
            due = time.monotonic() + EVERY
            during.append(await _order(shop))
            completed.append((round(time.monotonic() - began, 1), await _completed(database)))
            memory = max(memory, usage.memory(installation.processes), key=lambda one: one.worker or 0)
            progress(f"  {completed[-1][1]} after {completed[-1][0]} s; an order takes {during[-1]:.2f} s")
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        asked = await installation.tallies()
        used = meter.used()
        description = await run.describe()
        return {
            "renewals": completed[-1][1],
            "seconds": completed[-1][0],
            "renewals_per_second": round(completed[-1][1] / completed[-1][0], 2),
            "orders_before_s": Spread.of(before).model_dump(),
            "orders_during_s": Spread.of(during).model_dump(),
            "orders": len(during),
            "cpu_ms_each": used.cpu_ms(completed[-1][1] + len(during)).model_dump(exclude_none=True),
            "worker_peak_memory_mib": installation.worker_memory(),
            "memory_mib": memory.model_dump(exclude_none=True),
            "database_bytes": {"before": size_before, "after": await database_bytes(database)},
            "statements": {who: vars(count - tallies.get(who, StatementCount())) for who, count in asked.items()},
            "history_events_of_the_run": description.history_length,
        }
    finally:
        await database.close()


async def _order(shop: Followed) -> float:
    """Seconds until an order of the shop is completed."""
    began = time.monotonic()
    await shop.place_and_wait(PLAN, PATIENCE)
    return time.monotonic() - began


async def _completed(database: Database) -> int:
    done = select(func.count()).where(
        col(Operation.kind) == OperationKind.PROLONG, col(Operation.stage) == Stage.COMPLETED
    )
    async with database.read() as session:
        return (await session.exec(done)).one()


def main(
    services: Annotated[int, typer.Option(min=0, help="Services of the walk alone; 0: leave it out.")] = 20_000,
    renewals: Annotated[int, typer.Option(min=0, help="Renewals with everything running; 0: leave it out.")] = 1000,
    database: Annotated[str, typer.Option(metavar="sqlite|URL", help="As in `python -m benchmarks`.")] = "sqlite",
    temporal_store: Annotated[
        TemporalStore, typer.Option(help="Where the Temporal server keeps its state; a file waits for the disk.")
    ] = TemporalStore.MEMORY,
    patience: Annotated[
        float, typer.Option(min=1, help="Seconds after which the night is broken off; what was done is reported.")
    ] = PATIENCE,
) -> None:
    """Measure a night in which many terms end."""
    parts: dict[str, Callable[[], Awaitable[dict[str, object]]]] = {}
    if services:
        parts["walk"] = lambda: walks(services, database)
    if renewals:
        parts["night"] = lambda: night(Night(renewals, database, temporal_store, patience))

    async def all_of_it() -> dict[str, object]:
        return {name: await part() for name, part in parts.items()}

    try:
        report = asyncio.run(all_of_it())
    except StackFailed as failure:
        progress(str(failure))
        process_exit.leave(1)
    print(json.dumps(report, indent=1))
    process_exit.leave(0)


if __name__ == "__main__":
    typer.run(main)
