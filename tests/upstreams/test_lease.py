"""A request that changes or costs leaves in one write, and only while its sender holds a lease."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

import pytest

from tests.infrastructure.eventually import assert_eventually
from tests.upstreams.panel import A_LIST, Panel, doc
from upstreams import httpcalls, lease
from upstreams.billmanager import BillmanagerUpstream
from upstreams.errors import LeaseExpired
from upstreams.lease import Clocks, Lease, LeaseMissing, holding
from upstreams.port import OrderSpec

TEN = timedelta(seconds=10)
SKEW = timedelta(seconds=2)
ASKED = Clocks(steady=100.0, wall=1_000_000.0)


def written(database_ahead: float = 0.0) -> Lease:
    """A lease of ten seconds, asked for at `ASKED` of a database whose clock is so much ahead of ours."""
    until = datetime.fromtimestamp(ASKED.wall + database_ahead, UTC) + TEN
    return Lease.written(ASKED, TEN, until, SKEW)


def later(steady: float, wall: float | None = None) -> Clocks:
    return Clocks(ASKED.steady + steady, ASKED.wall + (steady if wall is None else wall))


def test_a_lease_holds_until_it_is_over() -> None:
    assert not written().lapsed(later(9.9))
    assert "held up" in written().lapsed(later(10))


def test_a_machine_whose_steady_clock_stood_still_sees_it_by_the_wall_clock() -> None:
    assert written().lapsed(later(1, wall=11))


def test_a_wall_clock_that_was_set_back_prolongs_nothing() -> None:
    assert written().lapsed(later(11, wall=-3600))


def test_a_database_whose_clock_is_ahead_prolongs_nothing() -> None:
    assert written(database_ahead=3600).lapsed(later(10))


def test_a_database_far_behind_is_told_as_what_it_is_a_wrong_clock() -> None:
    assert "is that clock right" in written(database_ahead=-13).lapsed(later(0.1))
    assert not written(database_ahead=-1.9).lapsed(later(9.9))


@pytest.fixture
def unheld(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "_held", ContextVar("lease", default=None))


@pytest.mark.usefixtures("unheld")
async def test_a_change_without_a_lease_is_a_fault_of_the_program_and_a_read_needs_none(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec
) -> None:
    panel.standing["vds"] = A_LIST
    await upstream.list_items("vds")
    with pytest.raises(LeaseMissing):
        await upstream.order(spec)
    assert panel.functions == ["vds"]


def short(seconds: float = 0.3) -> Lease:
    return Lease.starting(Clocks.now(), timedelta(seconds=seconds))


class TlsServer:
    """A server that notes how the request came in."""

    def __init__(self) -> None:
        self.ended = 0
        self.chunks: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if chunk := await reader.read(65536):
            self.chunks.append(chunk)
            answer = b"<doc><ok/><id>900123</id></doc>"
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
            await writer.drain()
        self.ended += 1
        writer.close()


@pytest.fixture
async def slow_line(tls_panel_port: int) -> AsyncIterator["SlowLine"]:
    line = SlowLine(tls_panel_port)
    await line.open()
    yield line
    line.close()


class SlowLine:
    """A line to a server on which the first answer takes a while: the TLS handshake, that is."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.delay = 0.0
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        for source, target, delay in ((reader, back, 0.0), (there, writer, self.delay)):
            task = asyncio.create_task(_copy(source, target, delay))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, delay: float) -> None:
    try:
        while chunk := await source.read(65536):
            await asyncio.sleep(delay)
            delay = 0.0
            target.write(chunk)
            await target.drain()
    except ConnectionError:
        pass
    finally:
        target.close()


@pytest.fixture
async def tls_server(trusted: ssl.SSLContext) -> AsyncIterator[tuple[TlsServer, int]]:
    there = TlsServer()
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0, ssl=trusted)
    yield there, server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
def tls_panel_port(tls_server: tuple[TlsServer, int]) -> int:
    return tls_server[1]


@pytest.fixture
def trusted(tls_context: ssl.SSLContext, tls_certificate: str, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate that the adapter trusts."""
    context = ssl.create_default_context(cafile=tls_certificate)
    monkeypatch.setattr(httpcalls, "_trust", lambda: context)
    return tls_context


async def test_a_lease_that_ends_while_connecting_lets_not_a_byte_of_the_request_leave(
    panel: Panel, slow_line: SlowLine, tls_server: tuple[TlsServer, int], spec: OrderSpec
) -> None:
    slow_line.delay = 0.5
    connection = panel.connection(url=f"https://127.0.0.1:{slow_line.port}/billmgr")
    async with BillmanagerUpstream(connection) as upstream:
        with holding(short(0.3)), pytest.raises(LeaseExpired):
            await upstream.order(spec)
    seen, _ = tls_server
    await assert_eventually(lambda: seen.ended == 1, message="the connection was made, and closed")
    assert seen.chunks == []


async def test_head_and_body_leave_in_one_write(
    panel: Panel, slow_line: SlowLine, tls_server: tuple[TlsServer, int], spec: OrderSpec
) -> None:
    connection = panel.connection(url=f"https://127.0.0.1:{slow_line.port}/billmgr")
    async with BillmanagerUpstream(connection) as upstream:
        with holding(short(10)):
            assert (await upstream.order(spec)).upstream_number == "900123"
    [request] = tls_server[0].chunks
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /billmgr HTTP/1.1")
    assert b"func=v2.vds.order.param" in body


async def test_a_lease_that_ends_while_logging_in_holds_back_what_was_wanted(
    panel: Panel, upstream: BillmanagerUpstream, spec: OrderSpec
) -> None:
    async def slow_login(writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(0.4)
        return await doc('<auth id="abc"/>')(writer)

    refused = doc('<error type="authtype"><msg>no</msg></error>')
    panel.answers(refused, slow_login)
    with holding(short(0.3)), pytest.raises(LeaseExpired):
        await upstream.order(spec)
    assert panel.functions == ["v2.vds.order.param", "auth"]


async def test_a_proxy_of_the_environment_is_used_and_told_nothing_of_the_request(
    panel: Panel, spec: OrderSpec, tls_server: tuple[TlsServer, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told.append(await reader.readuntil(b"\r\n\r\n"))
        there, back = await asyncio.open_connection("127.0.0.1", tls_server[1])
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_copy(reader, back, 0.0), _copy(there, writer, 0.0))

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    monkeypatch.setenv("https_proxy", f"http://ann:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}")
    monkeypatch.setenv("no_proxy", "")
    connection = panel.connection(url=f"https://127.0.0.1:{tls_server[1]}/billmgr")
    async with BillmanagerUpstream(connection) as upstream:
        with holding(short(10)):
            assert (await upstream.order(spec)).upstream_number == "900123"
    server.close()
    [connect] = told
    assert connect.startswith(b"CONNECT 127.0.0.1:")
    assert b"proxy-authorization: basic " in connect.lower()
    assert b"func=" not in connect
