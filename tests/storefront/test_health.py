"""Up, and ready: ready means that orders are accepted, and that takes the database alone."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql
from temporalio.client import Client

from models import readiness
from models.database import Database, PoolTerms
from models.migrations import NEWEST_REVISION
from models.outages import Outage
from program_version import VERSION
from tests.infrastructure.databases import Stock
from tests.infrastructure.processes import free_port
from tests.storefront.api import Api, api_settings, assert_problem, running_api, stocked_api

pytestmark = pytest.mark.dialects


async def test_with_database_and_temporal_it_is_ready(api: Api) -> None:
    assert (await api.stranger.get("/healthz")).json() == {"status": "ok", "version": VERSION}
    answer = await api.stranger.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert answer.json()["database"]["status"] == answer.json()["temporal"]["status"] == "ok"


async def test_without_temporal_it_is_ready_all_the_same_and_says_so(idle_api: Api) -> None:
    answer = await idle_api.stranger.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["temporal"]["status"] == "unavailable"


async def test_without_a_database_it_is_up_but_not_ready(temporal_client: Client) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    database = Database(url)
    async with running_api(database, temporal_client, api_settings(url)) as api:
        assert (await api.stranger.get("/healthz")).status_code == 200
        answer = await api.stranger.get("/readyz")
        reading = await api.shop.get("/v1/services")

    assert "can't be reached" in assert_problem(answer, 503, "not-ready")
    assert answer.json()["database"]["status"] == "unavailable"
    assert answer.json()["temporal"]["status"] == "ok"
    assert_problem(reading, 503, "database-unavailable")
    assert "Retry-After" in reading.headers
    await database.close()


async def test_without_a_schema_it_is_not_ready(database_url: str, temporal_client: Client) -> None:
    database = Database(database_url)
    async with running_api(database, temporal_client, api_settings(database_url)) as api:
        answer = await api.stranger.get("/readyz")

    assert "resell migrate" in assert_problem(answer, 503, "not-ready")
    await database.close()


def terminate_others(server: psycopg.Connection[Any]) -> None:
    server.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


@contextmanager
def read_only(url: str) -> Iterator[None]:
    """As if another server had taken this one's place as the primary."""
    with psycopg.connect(url, autocommit=True) as server:
        name = sql.Identifier(server.info.dbname)
        server.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        terminate_others(server)
    try:
        yield
    finally:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute("SET default_transaction_read_only = off")
            server.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))


async def test_a_primary_that_was_replaced_takes_no_orders_and_is_not_ready(
    postgres_stock: Stock, unreachable_temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "KEPT_SECONDS", 0.0)
    with postgres_stock.lent() as url:
        async with stocked_api(url, unreachable_temporal) as api:
            await api.order("before")
            with read_only(url):
                answer = await api.post_order("cart-2")
                ready = await api.stranger.get("/readyz")
                assert (await api.shop.get("/v1/services")).status_code == 200
            assert "accepts no changes" in assert_problem(answer, 503, "database-unavailable")
            assert answer.headers["Retry-After"]
            assert "read-only" in assert_problem(ready, 503, "not-ready")
            # A connection that was opened meanwhile is found out by the first write, and with it all of its age.
            assert (await api.post_order("cart-2")).status_code in (201, 503)
            await api.order("cart-2")
            assert (await api.stranger.get("/readyz")).status_code == 200


async def test_who_finds_no_connection_free_is_told_to_come_back_and_it_is_ready_all_the_same(
    migrated_database_url: str, unreachable_temporal: Client
) -> None:
    database = Database(migrated_database_url, PoolTerms(size=1, more=0, wait=0.1))
    try:
        async with (
            running_api(database, unreachable_temporal, api_settings(migrated_database_url)) as api,
            database.read() as session,
        ):
            await session.connection()
            answer = await api.shop.get("/v1/services")
            ready = await api.stranger.get("/readyz")
    finally:
        await database.close()
    assert "database is busy" in assert_problem(answer, 503, "busy")
    assert answer.headers["Retry-After"]
    assert ready.status_code == 200


async def test_an_older_schema_is_not_ready_and_a_newer_one_is(migrated_database_url: str) -> None:
    found = []
    database = Database(migrated_database_url)
    for revision in ("0001", "9999"):
        async with database.write() as session:
            await (await session.connection()).execute(
                sa.text(f"UPDATE alembic_version SET version_num = '{revision}'")
            )
        look = readiness.Readiness(migrated_database_url)
        found.append(await look.outage())
        await look.close()
    async with database.write() as session:
        await (await session.connection()).execute(
            sa.text(f"UPDATE alembic_version SET version_num = '{NEWEST_REVISION}'")
        )
    await database.close()
    assert found == [Outage.SCHEMA, None]


class Silent:
    """A server that takes connections and never answers."""

    def __init__(self) -> None:
        self.connections: list[asyncio.StreamWriter] = []

    async def take(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)


@pytest.mark.parametrize(("held_up", "found"), [(False, Outage.AWAY), (True, None)])
async def test_a_database_that_is_silent_is_away_and_a_processor_that_is_short_is_not_its_fault(
    monkeypatch: pytest.MonkeyPatch, held_up: bool, found: Outage | None
) -> None:
    monkeypatch.setattr(readiness, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(readiness, "TURN_SECONDS", 0.02)
    silent = Silent()
    server = await asyncio.start_server(silent.take, "127.0.0.1", 0)
    look = readiness.Readiness(f"postgresql://nobody@127.0.0.1:{server.sockets[0].getsockname()[1]}/nothing")
    asking = asyncio.create_task(look.outage())
    while not asking.done():
        if held_up:
            time.sleep(0.1)  # noqa: ASYNC251 - as work does that leaves the loop no time
        await asyncio.sleep(0.001)
    assert await asking is found
    for writer in silent.connections:
        writer.close()
    server.close()
    await look.close()


async def test_a_temporal_that_is_silent_holds_readiness_up_for_less_than_a_probe_waits(
    migrated_database_url: str,
) -> None:
    """A second, where nobody says more: else its silence would take every API process out of the load balancer."""
    silent = Silent()
    server = await asyncio.start_server(silent.take, "127.0.0.1", 0)
    client = await Client.connect(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", lazy=True)
    async with stocked_api(migrated_database_url, client) as api:
        began = time.monotonic()
        answer = await api.stranger.get("/readyz")
        took = time.monotonic() - began
    for writer in silent.connections:
        writer.close()
    server.close()
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert took < 2.5, "without a limit of its own it takes three seconds; on a busy machine one is not enough"
