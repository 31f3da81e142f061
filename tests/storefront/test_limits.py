"""Nobody keeps the API from the others: not by sending slowly, nor by reading slowly, nor by asking much at once."""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from temporalio.client import Client

from models.database import Database
from tests.infrastructure.databases import copy_of
from tests.infrastructure.eventually import assert_eventually
from tests.storefront.api import RIVAL, SHOP_TOKEN, Api, api_settings, assert_problem, running_api
from tests.storefront.catalogue import fill_catalogue

QUICK = {"api_request_timeout": 0.3, "api_answer_timeout": 0.3, "api_line": 0.2}
HEAD = f"Host: api\r\nAuthorization: Bearer {SHOP_TOKEN}\r\n"


@asynccontextmanager
async def limited_api(directory: Path, template: Path, client: Client, **limits: object) -> AsyncIterator[Api]:
    url = copy_of(template, directory)
    database = Database(url)
    try:
        await fill_catalogue(database)
        async with running_api(database, client, api_settings(url).model_copy(update=QUICK | limits)) as api:
            yield api
    finally:
        await database.close()


@pytest.fixture
async def api(tmp_path: Path, migrated_sqlite_template: Path, unreachable_temporal: Client) -> AsyncIterator[Api]:
    """An impatient one that does one thing at a time."""
    limits = {"api_at_once": 1, "api_streams": 3, "api_streams_of_token": 2, "api_connections": 20}
    async with limited_api(tmp_path, migrated_sqlite_template, unreachable_temporal, **limits) as api:
        yield api


async def connect(api: Api) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    at = urlsplit(api.address)
    return await asyncio.open_connection(at.hostname, at.port)


async def told(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the API closes the connection."""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionResetError):
            return await reader.read()
        return b""


@pytest.mark.parametrize(
    ("sent", "answer"),
    [("", b""), ("GET /v1/serv", b"HTTP/1.1 408 "), (f"GET /v1/services HTTP/1.1\r\n{HEAD}X-A: ", b"HTTP/1.1 408 ")],
)
async def test_half_a_head_is_waited_for_a_while(api: Api, sent: str, answer: bytes) -> None:
    reader, writer = await connect(api)
    writer.write(sent.encode())
    assert (await told(reader)).startswith(answer)
    writer.close()


async def test_a_head_that_comes_in_drops_has_no_more_time(api: Api) -> None:
    reader, writer = await connect(api)
    began = time.monotonic()
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: api\r\nX-A: ")
    while not reader.at_eof() and time.monotonic() - began < 10:
        with contextlib.suppress(ConnectionError):
            writer.write(b"x")
            await writer.drain()
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(0.05):
                await reader.read()
    assert time.monotonic() - began < 5
    writer.close()


async def test_the_second_request_of_a_connection_has_its_own_time(api: Api) -> None:
    reader, writer = await connect(api)
    for _ in range(3):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: api\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"200 OK" in head
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length
        assert json.loads(await reader.readexactly(int(length[1])))["status"] == "ok"
        await asyncio.sleep(0.2)  # all of them together take longer than one may
    writer.write(b"GET /healthz HTTP/1.1\r\n")
    assert (await told(reader)).startswith(b"HTTP/1.1 408 ")
    writer.close()


@pytest.mark.parametrize("length", ["Content-Length: 400", "Transfer-Encoding: chunked"])
async def test_half_a_body_is_waited_for_a_while_and_holds_up_nobody(api: Api, length: str) -> None:
    reader, writer = await connect(api)
    writer.write(f"POST /v1/services HTTP/1.1\r\n{HEAD}Idempotency-Key: k\r\n{length}\r\n\r\n".encode())
    await writer.drain()
    assert (await api.shop.get("/v1/services")).status_code == 200, "it has not taken the only turn"
    head, _, body = (await told(reader)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body)["type"] == "urn:resellflow:problem:too-slow"
    writer.close()


async def test_a_body_that_says_it_is_compressed_is_not_inflated(api: Api) -> None:
    headers = {"Idempotency-Key": "k", "Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = await api.shop.post("/v1/services", content=b"\x1f\x8b" + bytes(1000), headers=headers)
    assert_problem(answer, 422, "invalid-body", "body")


async def test_of_too_many_connections_those_go_that_ask_nothing(api: Api) -> None:
    idle = [await connect(api) for _ in range(60)]
    assert (await api.shop.get("/v1/services")).status_code == 200
    assert len(api.server.server_state.connections) <= 20
    for _, writer in idle:
        writer.close()


@pytest.mark.proof
async def test_who_reads_nothing_of_the_answers_is_let_go(api: Api) -> None:
    reader, writer = await connect(api)
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: api\r\n\r\n" * 300)
    busy = len(api.server.server_state.connections)
    await assert_eventually(lambda: len(api.server.server_state.connections) < busy)
    writer.close()


async def test_who_would_wait_too_long_for_a_turn_is_told_at_once_to_come_back(api: Api) -> None:
    async with api.database.write():
        orders = [asyncio.create_task(api.post_order(f"cart-{number}")) for number in range(12)]
        await assert_eventually(lambda: sum(order.done() for order in orders) == 11, timeout=5)
        assert (await api.stranger.get("/readyz")).status_code == 200
        assert (await api.operator.get("/v1/services")).status_code == 200, "people have turns of their own"
        refused = [order.result() for order in orders if order.done()]
    assert "Send the same request again" in assert_problem(refused[0], 503, "busy")
    assert all(answer.status_code == 503 and answer.headers["Retry-After"] for answer in refused)
    assert sorted(order.status_code for order in await asyncio.gather(*orders))[0] == 201
    assert (await api.post_order("cart-2")).status_code in (200, 201)


async def test_streams_are_limited_for_each_token_and_together(api: Api) -> None:
    await api.order()
    follow = "/v1/operations/1/stream"
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(2):
            answer = await stack.enter_async_context(api.shop.stream("GET", follow))
            assert answer.status_code == 200
        detail = assert_problem(await api.shop.get(follow), 429, "too-many-streams")
        assert detail.startswith("2 streams of your token are open")
        answer = await stack.enter_async_context(api.operator.stream("GET", follow))
        assert answer.status_code == 200
        detail = assert_problem(await api.stranger.get(follow, headers=RIVAL), 429, "too-many-streams")
        assert detail.startswith("3 streams in all are open")
        assert (await api.shop.get("/v1/operations/1")).status_code == 200, "streams take no turn"

    async def free_again() -> bool:
        async with api.shop.stream("GET", follow) as answer:
            return answer.status_code == 200

    await assert_eventually(free_again)


@pytest.mark.proof
async def test_many_streams_cost_the_database_as_much_as_one(
    tmp_path: Path, migrated_sqlite_template: Path, unreachable_temporal: Client
) -> None:
    statements: list[str] = []
    async with (
        limited_api(tmp_path, migrated_sqlite_template, unreachable_temporal) as api,
        contextlib.AsyncExitStack() as stack,
    ):
        await api.order()
        streams = [
            await stack.enter_async_context(api.shop.stream("GET", "/v1/operations/1/stream")) for _ in range(15)
        ]
        lines = [stream.aiter_lines() for stream in streams]
        for one in lines:
            assert any([line.startswith("event: stage") async for line in _until_stage(one)])
        await asyncio.sleep(1.2)  # the first looks, after which nothing is new
        sa.event.listen(
            api.database.engine.sync_engine, "before_cursor_execute", lambda *told: statements.append(told[2])
        )
        await asyncio.sleep(1.2)
        assert 1 <= len(statements) <= 3
        assert all("stage_entry" in statement for statement in statements)


async def _until_stage(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line.startswith("event: stage"):
            return
