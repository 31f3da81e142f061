"""An upstream whose name nobody resolves keeps nobody from the upstreams whose names are resolved."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.infrastructure.eventually import assert_eventually
from upstreams import lookups
from upstreams.errors import NotSent
from upstreams.gate import Gate
from upstreams.httpcalls import Call, Effect, HttpTransport, Request
from upstreams.lookups import look_up_apart

HANGS = "hangs.example"
AT_ONCE = 15
LIMIT = 30.0


class Resolver:
    """The system's, which gives no answer about one name until it is back."""

    def __init__(self) -> None:
        self.is_back = threading.Event()
        self.asked: list[str] = []
        self._ask = socket.getaddrinfo

    def getaddrinfo(self, host: Any, *args: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        self.asked.append(name)
        if name == HANGS:
            self.is_back.wait(LIMIT)
            name = "localhost"
        return self._ask(name, *args)


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    found = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", found.getaddrinfo)
    yield found
    found.is_back.set()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Of a server that answers each request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "localhost", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def ask(host: str, port: int) -> bytes:
    """One request to an upstream, as an adapter sends it."""
    url = f"http://{host}:{port}/"
    transport = HttpTransport(url, read_timeout=LIMIT, order_timeout=LIMIT, gate=Gate())
    try:
        return (await transport.send(Call(host, "list", Effect.READ), Request("GET", url))).body
    finally:
        await transport.aclose()


async def test_a_name_that_hangs_keeps_no_other_from_being_looked_up(resolver: Resolver, port: int) -> None:
    look_up_apart()
    hanging = [asyncio.create_task(ask(HANGS, port)) for _ in range(AT_ONCE)]
    await assert_eventually(lambda: HANGS in resolver.asked, timeout=LIMIT, message="the resolver is asked")
    assert await ask("localhost", port) == b"ok"
    assert not any(one.done() for one in hanging)
    assert resolver.asked.count(HANGS) == 1, "they wait for one answer"
    found = await asyncio.gather(*hanging, return_exceptions=True)
    assert {type(one) for one in found} == {NotSent}
    assert "no connection within 5 s" in str(found[0])


async def test_when_the_resolver_is_back_it_is_asked_anew(
    resolver: Resolver, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old question may wait much longer than that."""
    monkeypatch.setattr(lookups, "SHARED_SECONDS", 0.2)
    look_up_apart()
    first = asyncio.create_task(ask(HANGS, port))
    await assert_eventually(lambda: HANGS in resolver.asked, timeout=LIMIT, message="the resolver is asked")
    asked = time.monotonic()
    await assert_eventually(lambda: time.monotonic() - asked > 0.4, message="the question is not young any more")
    second = asyncio.create_task(ask(HANGS, port))
    await assert_eventually(lambda: resolver.asked.count(HANGS) == 2, timeout=LIMIT, message="it is asked anew")
    resolver.is_back.set()
    assert list(await asyncio.gather(first, second)) == [b"ok", b"ok"]


async def test_a_name_that_does_not_exist_is_an_error_for_whoever_asks(port: int) -> None:
    look_up_apart()
    found = await asyncio.gather(*(ask("no-such-name.invalid", port) for _ in range(2)), return_exceptions=True)
    assert {type(one) for one in found} == {NotSent}
