"""An API or a worker that has lost Temporal or the database reports it, and closes the incident when it is back."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url
from sqlmodel import col, select

from models.database import Database
from models.enums import IncidentKind, MessageType
from models.incident import Incident
from models.migrate import migrate
from models.webhooks import WebhookMessage
from tests.infrastructure import temporal
from tests.infrastructure.databases import OwnServer, own_server
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import Program, free_port
from tests.infrastructure.temporal import (
    OwnTemporalServer,
    own_temporal_server,
    start_temporal_server,
    until_serving,
)

NEVER = 30
"""Seconds after which something has not come."""
LACKS_DATABASE = "the watch of this process: the database"


@pytest.fixture(autouse=True)
def one_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporal, "STOCK_OF_NAMESPACES", 1)


def start(role: str, *arguments: str, database_url: str, server: OwnTemporalServer) -> Program:
    environment = {
        "RESELL_DATABASE_URL": database_url,
        "TEMPORAL_ADDRESS": server.address,
        "TEMPORAL_NAMESPACE": "test-1",
        "RESELL_WORKER_HEALTH_ADDRESS": "",
        "RESELL_STOREFRONT_TOKENS": "shop=shop-token",
    }
    command = [sys.executable, "-m", "tests.flow.quick_watch", role, *arguments]
    return Program(command, name=role, env=environment, forked=True)


@contextmanager
def api_process(database_url: str, server: OwnTemporalServer) -> Iterator[Program]:
    port = free_port()
    with start("api", str(port), database_url=database_url, server=server) as api:
        api.wait_for_http(f"http://127.0.0.1:{port}/readyz")
        yield api


@contextmanager
def worker_process(database_url: str, server: OwnTemporalServer) -> Iterator[Program]:
    with start("worker", database_url=database_url, server=server) as worker:
        worker.wait_for_line("working on task queues")
        yield worker


async def incidents(database: Database, kind: IncidentKind, *, is_open: bool) -> list[Incident]:
    async with database.read() as session:
        found = await session.exec(select(Incident).where(Incident.kind == kind).order_by(col(Incident.id)))
        return [one for one in found.all() if (one.closed_at is None) is is_open]


async def until(database: Database, kind: IncidentKind, count: int, *, is_open: bool) -> list[Incident]:
    """The incidents of this kind that are open, or closed, once there are so many."""

    async def so_many() -> list[Incident]:
        found = await incidents(database, kind, is_open=is_open)
        assert len(found) == count, found
        return found

    return await assert_eventually(
        so_many, timeout=NEVER, message=f"{count} incidents {kind} {'open' if is_open else 'closed'}"
    )


async def roles_of_closed(database: Database, kind: IncidentKind, count: int) -> set[str]:
    """Who had reported this, when all is over: each once, and each closed automatically."""
    found = await until(database, kind, count, is_open=False)
    assert await incidents(database, kind, is_open=True) == []
    assert {one.closed_by for one in found} == {"resellflow"}
    async with database.read() as session:
        messages = await session.exec(select(WebhookMessage.kind))
        kinds = list(messages.all())
    assert kinds.count(MessageType.INCIDENT_RAISED) == kinds.count(MessageType.INCIDENT_CLOSED)
    return {one.message.split()[1] for one in found}


@pytest.mark.proof
async def test_temporal_and_then_postgresql_stop_and_come_back(tmp_path: Path) -> None:
    kept = ("--db-filename", str(tmp_path / "temporal.db"))
    server = start_temporal_server(options=kept)
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: server.program.close())
        postgres = stack.enter_context(own_server())
        await asyncio.to_thread(migrate, postgres.url)
        await until_serving(server)
        worker = stack.enter_context(worker_process(postgres.url, server))
        api = stack.enter_context(api_process(postgres.url, server))
        database = Database(postgres.url)

        await asyncio.to_thread(server.program.close)
        await until(database, IncidentKind.TEMPORAL_LOST, 2, is_open=True)
        server = start_temporal_server(port=int(server.address.rpartition(":")[2]), options=kept)
        await until_serving(server)
        assert await roles_of_closed(database, IncidentKind.TEMPORAL_LOST, 2) == {"api", "worker"}

        await database.close()
        await asyncio.to_thread(postgres.stop)
        for program in (worker, api):  # they look twice in vain, a second apart
            await lacking_for_a_second(program)
        await asyncio.to_thread(postgres.start)
        assert await roles_of_closed(database, IncidentKind.DATABASE_LOST, 2) == {"api", "worker"}
        await database.close()


@contextmanager
def standing_still(server: OwnServer) -> Iterator[None]:
    """The server keeps all its connections and answers none of them."""
    with psycopg.connect(server.url) as connection:
        pids = [pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity")]
    assert server.program is not None
    pids = [server.program.pid, *pids]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@pytest.mark.proof
async def test_postgresql_stands_still() -> None:
    """Nothing is cut and nothing is refused, so only patience ends the wait."""
    with own_server() as postgres:
        await asyncio.to_thread(migrate, postgres.url)
        async with own_temporal_server(stock=1) as server:
            with api_process(postgres.url, server) as api:
                with standing_still(postgres):
                    await lacking_for_a_second(api)
                database = Database(postgres.url)
                assert await roles_of_closed(database, IncidentKind.DATABASE_LOST, 1) == {"api"}
                await database.close()


async def lacking_for_a_second(program: Program) -> None:
    await asyncio.to_thread(program.wait_for_line, LACKS_DATABASE)
    known = len(program.lines)
    began = time.monotonic()

    async def said_again() -> bool:
        later = [line for line in program.lines[known:] if LACKS_DATABASE in line]
        return bool(later) and time.monotonic() - began > 1

    await assert_eventually(said_again, timeout=NEVER, message="it still lacks its database")


@pytest.mark.proof
async def test_temporal_stands_still_and_somebody_holds_sqlite(shop_database: str) -> None:
    """Neither connection is cut, and an API that is asked for nothing asks for nothing of Temporal."""
    async with own_temporal_server(stock=1) as server:
        database = Database(shop_database)
        with api_process(shop_database, server) as api:
            server.program.send_signal(signal.SIGSTOP)
            try:
                await until(database, IncidentKind.TEMPORAL_LOST, 1, is_open=True)
            finally:
                server.program.send_signal(signal.SIGCONT)
            assert await roles_of_closed(database, IncidentKind.TEMPORAL_LOST, 1) == {"api"}

            with contextlib.closing(
                sqlite3.connect(str(make_url(shop_database).database), isolation_level=None)
            ) as other:
                other.execute("BEGIN IMMEDIATE")
                await lacking_for_a_second(api)
            assert await roles_of_closed(database, IncidentKind.DATABASE_LOST, 1) == {"api"}
        await database.close()
