"""Runs with one particular outage, and many orders under way."""

import asyncio
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import httpx
from sqlmodel import col, select

from benchmarks.soak.api import PATIENCE, Violation
from benchmarks.soak.options import Story
from benchmarks.soak.running import Run, progress
from models.database import Database
from models.enums import Stage
from models.order import IntakeKey, Operation

STORES_AWAY, UPSTREAM_AWAY = 30.0, 60.0
DONE_WITHIN = 30.0
"""Seconds after the upstream's return within which everything is done."""
MONEY = 100_000
BETWEEN = 5.0
"""Seconds before, between and after the outages."""
LANES = 25


async def tell(run: Run) -> None:
    """The story that the options name."""
    for account in ("main", "second"):
        await run.payer.pay(account, MONEY)
    await run.panel.call("PATCH", "/settings", {"opening_delay": 1})
    await (_stores_away(run) if run.options.story is Story.STORES_AWAY else _upstream_away(run))


async def _stores_away(run: Run) -> None:
    """Each order is sent once, over the whole time. 201: it ends. 5xx: nothing of it is there. No answer: the same
    request is sent again later, and makes one order at most."""
    away = run.options.away or STORES_AWAY
    whole = 2 * away + 3 * BETWEEN
    orders = [
        asyncio.create_task(_place_once(run, number * whole / run.options.orders))
        for number in range(run.options.orders)
    ]
    await asyncio.sleep(BETWEEN)
    progress(f"Temporal is away for {away:g} s")
    await run.installation.temporal.kill(away)
    await asyncio.sleep(BETWEEN)
    progress(f"The database is away for {away:g} s")
    await _without_database(run, away)
    came = Counter([await order for order in orders])
    run.story |= {f"orders {what}": float(count) for what, count in came.items()}
    run.story["seconds away, each"] = away


async def _place_once(run: Run, after: float) -> str:
    await asyncio.sleep(after)
    key, body = os.urandom(8).hex(), {"plan": "VDS-1", "period_months": 1, "customer": "c-1"}
    try:
        answer = await run.shop.once("POST", "/v1/services", body, key)
    except httpx.TransportError:
        run.ledger.note(await run.shop.send("POST", "/v1/services", body, key), "open")
        return "without an answer, sent again"
    if answer.ok:
        run.ledger.note(answer, "open")
        return "accepted"
    if await _is_known(run, key):
        run.violations.append(Violation(f"an order was refused with {answer.status} and is there: key {key}"))
    return f"refused with {answer.status}"


async def _is_known(run: Run, key: str) -> bool:
    """Asked of the database itself, when it answers again."""
    ends = time.monotonic() + PATIENCE
    while True:
        database = Database(run.installation.database_url)
        try:
            async with database.read() as session:
                return (await session.exec(select(IntakeKey.key).where(IntakeKey.key == key))).first() is not None
        except Exception:  # of whatever kind: the database comes back, and what lasts is raised at the end
            if time.monotonic() > ends:
                raise
            await asyncio.sleep(1)
        finally:
            await database.close()


async def _without_database(run: Run, away: float) -> None:
    """The PostgreSQL server is ended and started again. A SQLite file is locked against every writer."""
    if run.installation.postgres is not None:
        await run.installation.postgres.kill(away)
        return
    file = urlsplit(run.installation.database_url).path
    connection = sqlite3.connect(file.removeprefix("/"), timeout=30, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(away)
        connection.execute("ROLLBACK")
    finally:
        connection.close()


async def _upstream_away(run: Run) -> None:
    """Half of the operations are openings, half are prolongations; all are asked for while the upstream is away or
    just before. They are done within so many seconds of its return."""
    away, half = run.options.away or UPSTREAM_AWAY, run.options.orders // 2
    await _each(half, lambda: run.customers.order("VDS-1"))
    await _until_all_ended(run, PATIENCE)
    services = list(run.ledger.services)
    progress(f"The upstream is away for {away:g} s")
    outage = asyncio.create_task(run.installation.simulator.kill(away))
    following = iter(services)
    await _each(half, lambda: _prolong(run, next(following)))
    await _each(run.options.orders - half, lambda: run.customers.order("VDS-1"))
    await outage
    await run.installation.simulator.until_ready()
    seconds = await _until_all_ended(run, PATIENCE)
    run.story = {"operations": float(run.options.orders), "seconds away": away, "seconds until all were done": seconds}
    if seconds > DONE_WITHIN:
        run.violations.append(
            Violation(f"all were done {seconds:g} s after the upstream's return, not {DONE_WITHIN:g}")
        )


async def _prolong(run: Run, service: int) -> None:
    body, key = {"period_months": 1}, os.urandom(8).hex()
    run.ledger.note(await run.shop.send("POST", f"/v1/services/{service}/prolong", body, key), "prolong")


async def _each(count: int, act: Callable[[], Awaitable[None]]) -> None:
    left = iter(range(count))

    async def lane() -> None:
        for _ in left:
            await act()

    await asyncio.gather(*(lane() for _ in range(LANES)))


async def _until_all_ended(run: Run, patience: float) -> float:
    """Seconds until then; read from the database, as often as nobody minds."""
    began = time.monotonic()
    database = Database(run.installation.database_url)
    try:
        while time.monotonic() - began < patience:
            async with database.read() as session:
                final = [stage for stage in Stage if stage.is_final]
                found = await session.exec(select(Operation.id).where(col(Operation.stage).not_in(final)).limit(1))
                if found.first() is None:
                    break
            await asyncio.sleep(0.25)
    finally:
        await database.close()
    return round(time.monotonic() - began, 1)
