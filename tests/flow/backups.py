"""Taking a backup of a shop's database and bringing it back, as docs/backup.md says."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from models.database import Database
from models.enums import Stage
from orders.lifecycle.acceptance import AcceptedOrder
from starter import Resellflow
from temporal.restoring import Findings, Restorer
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.processes import Program
from tests.infrastructure.temporal import TemporalServer
from upstreams.connections import Connections


def back_up(shop: Shop, file: Path, *, as_of: str = "") -> None:
    """Save the database to `file`, while it is in use. `as_of`: a snapshot's name (PostgreSQL)."""
    if shop.database.is_sqlite:
        with closing(sqlite3.connect(_file_of(shop))) as source, closing(sqlite3.connect(file)) as saved:
            source.backup(saved)
        return
    snapshot = [f"--snapshot={as_of}"] if as_of else []
    subprocess.run(["pg_dump", "--format=custom", f"--file={file}", *snapshot, shop.database_url], check=True)


@contextmanager
def snapshot(shop: Shop) -> Iterator[str]:
    """The rows of now, for a dump that ends later. Sequences are no part of it."""
    with psycopg.connect(shop.database_url, autocommit=True) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        yield str(row[0])


async def restore(shop: Shop, file: Path) -> None:
    """Put the database back as it was saved. Nothing of this shop may run meanwhile."""
    await shop.database.close()
    _put_back(shop, file)
    shop.database = Database(shop.database_url)
    shop.resellflow = Resellflow(shop.database, shop.client, shop.settings)


def _put_back(shop: Shop, file: Path) -> None:
    if shop.database.is_sqlite:
        there = Path(_file_of(shop))
        for rest in ("-wal", "-shm"):
            there.with_name(there.name + rest).unlink(missing_ok=True)
        there.write_bytes(file.read_bytes())
    else:
        _end_connections(shop)
        command = ["pg_restore", "--clean", "--if-exists", "--single-transaction", f"--dbname={shop.database_url}"]
        subprocess.run([*command, str(file)], check=True)


def _end_connections(shop: Shop) -> None:
    """The server notices a moment later that a worker was killed; until then it holds that worker's locks."""
    others = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s AND pid <> %s"
    with psycopg.connect(shop.database_url, autocommit=True) as connection:
        connection.execute(others, (connection.info.dbname, connection.info.backend_pid))


def _file_of(shop: Shop) -> str:
    return str(make_url(shop.database_url).database)


async def stop(worker: Program) -> None:
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait_for_exit) == 0


async def resell_restored(shop: Shop) -> Findings:
    async with Connections.of(shop.settings) as connections:
        restorer = Restorer(shop.database, shop.client, connections, shop.settings.task_queue)
        findings = await restorer.look(say=lambda words: None)
        await restorer.restore(findings, actor="anna")
        return findings


@asynccontextmanager
async def restorable_shop(database_url: str, temporal: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    """Its workers are processes, so that a database can be put back between two of them."""
    await upstream.set(disk_change="automatic")
    async with open_shop(database_url, temporal, upstream, worker=False, manual_plan_changes={}) as shop:
        yield shop
        await shop.database.close()  # another one by then


async def worker_refuses(shop: Shop) -> Program:
    worker = shop.start_worker()
    await asyncio.to_thread(worker.wait_for_line, "resell restored")
    return worker


async def completed(shop: Shop, *orders: AcceptedOrder) -> None:
    for order in orders:
        await shop.until(order, Stage.COMPLETED, timeout=30)


async def worker_killed(worker: Program) -> None:
    worker.send_signal(signal.SIGKILL)
    await asyncio.to_thread(worker.wait_for_exit)


async def resell(shop: Shop, *arguments: str) -> str:
    """The command, as an operator runs it."""
    command = [sys.executable, "-m", "cli", *arguments]
    with Program(command, name="resell", forked=True, env=shop.environment()) as process:
        assert await asyncio.to_thread(process.wait_for_exit, timeout=60) == 0, process.output
    return process.output
