"""`python -m benchmarks.console`: how long each page of the console takes with many operations in the database.

The pages are asked for in this process, one after the other, without a network between. The wall time includes what
other processes of the machine do; the CPU time is that of this process alone, without a PostgreSQL server's.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import httpx
import typer
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

import process_exit
from benchmarks.console_rows import STUCK_IN, STUCK_ONE_IN, fill, stage_of
from benchmarks.databases import new_database
from benchmarks.running import progress
from benchmarks.statements import recording
from gc_tuning import freeze_loaded_objects
from models.columns import utc_now
from models.database import Database
from models.enums import Role, Stage
from models.migrate import migrate
from orders.access import people
from settings import Settings
from stack.processes import StackFailed
from starter import Resellflow
from storefront.app import create_app

PASSWORD = "a password of nobody"
TARGET_MS = 200


class Page(BaseModel):
    """Times in milliseconds."""

    page: str
    wall_p50: float
    wall_p95: float
    wall_max: float
    cpu_p50: float
    cpu_p95: float
    statements: int
    kilobytes: float


class Report(BaseModel):
    database: str
    load_before: float
    """Processes that wanted a CPU in the minute before, as the system counts them. Well below the number of CPUs: the
    machine was quiet."""
    operations: int
    stuck: int
    repeats: int
    fill_seconds: float
    over_target: list[str]
    """Pages whose wall_p95 is above 200 ms."""
    pages: list[Page]


def pages_of(operations: int) -> Mapping[str, str]:
    """Name -> address below /console/. The numbers are those of stuck ones."""
    services = operations // 2
    stuck = {stage_of(one): one for one in range(1, services + 1)}
    service, task = stuck[Stage.NEEDS_ATTENTION], services + stuck[Stage.AWAITING_MANUAL_TASK]
    causes = ("decide", "unclear", "money", "tasks", "incidents", "upstreams", "slow", "drift", "orphans")
    filters = ("upstream=third", "failure=rejected", "age=2h", "assignee=olga", "assignee=-", "customer=customer-100")
    words = {
        "a number": str(service), "a whole name": f"host-{service}.example.test", "a part of a name": f"host-{service}",
        "an address": f"10.0.1.{service % 256}", "a mark": f"mark-{service}", "a customer": f"customer-{service}",
        "a reference of a service": f"shop-{service}", "a reference of an operation": f"cart-{service}-prolong",
        "what all have": "example", "what nothing has": "nothing-has-this",
    }  # fmt: skip
    return {
        "inbox": "",
        **{f"inbox, {one}": f"?cause={one}" for one in causes},
        **{f"inbox, {one}": f"?{one}" for one in filters},
        "inbox, three filters": "?cause=decide&upstream=third&age=2h",
        "inbox, four filters": "?cause=tasks&upstream=main&assignee=olga&age=30m",
        "bulk, upstream=third": "bulk?upstream=third",
        "bulk, decide": "bulk?cause=decide",
        "operation": f"operations/{services + service}",
        "service": f"services/{service}",
        "task": f"tasks/{task}",
        "incident": "incidents/1",
        "difference": "drift/1",
        "upstreams": "upstreams",
        "upstream": "upstreams/main",
        "upstream, its forecast": "upstreams/main/forecast",
        "what was paid back": "refunds",
        "tasks": "tasks",
        **{f"tasks, {one}": f"tasks?show={one}" for one in ("mine", "free", "overdue")},
        "audit": "audit",
        "audit, one operation": f"audit?object=operation+{service}",
        "audit, one actor": "audit?actor=shop",
        "audit, what nobody did": "audit?actor=nobody",
        "audit, an actor and a day": f"audit?actor=shop&from={utc_now():%Y-%m-%d}",
        "audit as a file, its first rows": "audit.csv",
        **{f"search, {name}": f"search?{httpx.QueryParams(q=word)}" for name, word in words.items()},
    }


class FirstRows:
    """An app whose files end after their heading and first rows: they are as long as the table that they show."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].endswith(".csv"):
            await self._app(scope, receive, send)
            return
        enough, parts = asyncio.Event(), 0

        async def hear() -> Message:
            if not enough.is_set() and not parts:
                return await receive()
            await enough.wait()
            return {"type": "http.disconnect"}

        async def tell(message: Message) -> None:
            nonlocal parts
            parts += bool(message.get("body"))
            if not enough.is_set():
                await send({**message, "more_body": False} if parts == 2 else message)
            if parts == 2:
                enough.set()

        await self._app(scope, hear, tell)


async def measured(browser: httpx.AsyncClient, name: str, path: str, repeats: int) -> Page:
    wall, cpu = [], []
    with recording() as transactions:
        answer = await browser.get(path)  # what is done once in a process is done now
    if answer.status_code not in (200, 303):
        raise StackFailed(f"{path} answers {answer.status_code}")
    for _ in range(repeats):
        began, used = time.perf_counter(), time.process_time()
        answer = await browser.get(path)
        wall.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - used) * 1000)
    return Page(
        page=name,
        wall_p50=round(statistics.median(wall), 1),
        wall_p95=_p95(wall),
        wall_max=round(max(wall), 1),
        cpu_p50=round(statistics.median(cpu), 1),
        cpu_p95=_p95(cpu),
        statements=sum(len(one.statements) for one in transactions),
        kilobytes=round(len(answer.content) / 1024, 1),
    )


def _p95(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 1)


async def run(address: str, operations: int, repeats: int) -> Report:
    load = os.getloadavg()[0]
    await asyncio.to_thread(migrate, address)
    database = Database(address)
    try:
        began = time.monotonic()
        await fill(database, operations)
        progress(f"{operations} operations are there after {time.monotonic() - began:.0f} s")
        filled = time.monotonic() - began
        await people.add(database, "olga", Role.SENIOR, PASSWORD, actor="benchmark", of_settings={})
        nothing = await Client.connect("127.0.0.1:1", data_converter=pydantic_data_converter, lazy=True)
        settings = Settings.model_validate({"database_url": address, "operator_tokens": "anna=a-token-of-anna"})
        app = create_app(Resellflow(database, nothing, settings), settings)
        base, transport = "http://127.0.0.1/console/", httpx.ASGITransport(FirstRows(app))
        async with httpx.AsyncClient(transport=transport, base_url=base, timeout=None) as browser:  # noqa: S113
            entered = await browser.post("log-in", data={"name": "olga", "password": PASSWORD})
            if entered.status_code != 303:
                raise StackFailed(f"the log-in answers {entered.status_code}")
            freeze_loaded_objects()  # as the API process does
            pages = []
            for name, path in pages_of(operations).items():
                pages.append(await measured(browser, name, path, repeats))
                progress(f"{name}: {pages[-1].wall_p95} ms, of CPU {pages[-1].cpu_p95} ms")
    finally:
        await database.close()
    return Report(
        load_before=round(load, 1),
        database="SQLite" if address.startswith("sqlite") else "PostgreSQL",
        operations=operations,
        stuck=operations // STUCK_ONE_IN,
        repeats=repeats,
        fill_seconds=round(filled, 1),
        over_target=[one.page for one in pages if one.wall_p95 > TARGET_MS],
        pages=pages,
    )


def main(
    operations: Annotated[int, typer.Option(min=STUCK_ONE_IN * len(STUCK_IN), help="How many there are.")] = 100_000,
    repeats: Annotated[int, typer.Option(min=1, help="How often each page is asked for.")] = 20,
    database: Annotated[str, typer.Option(metavar="sqlite|URL", help="As in `python -m benchmarks`.")] = "sqlite",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report there, too.")] = None,
) -> None:
    """Measure the pages of the console."""
    try:
        with tempfile.TemporaryDirectory() as directory, new_database(database, Path(directory)) as address:
            text = asyncio.run(run(address, operations, repeats)).model_dump_json(indent=1)
    except StackFailed as failure:
        progress(str(failure))
        process_exit.leave(1)
    if json_file is not None:
        json_file.write_text(text + "\n")
    print(text)
    process_exit.leave(0)


if __name__ == "__main__":
    typer.run(main)
