"""A proxy in the test's process: it stands between a client and an HTTP server and does to a request what lines do.

The line is real (sockets on loopback), so time-outs, cuts and odd answers are real too. A fault hits the requests that
the test chooses; all others pass.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self
from urllib.parse import parse_qsl, urlsplit

RETRY_AFTER_SECONDS = 40
TRICKLE_SECONDS = 0.02
_PAGE = b"<!DOCTYPE html><html><body><h1>We are back soon</h1></body></html>"


class Answer(StrEnum):
    """What the client gets instead of the server's answer."""

    CUT = "cut"
    """The connection is closed without an answer."""
    HALF = "half"
    """The first half of the server's answer, then the connection is closed."""
    STALL = "stall"
    """Nothing, until the client gives up."""
    TRICKLE = "trickle"
    """A byte now and then: each within the client's time-out, the whole never."""
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    NOT_FOUND = "404"
    """A page of whatever stands in front of the server, which says nothing of what was asked for."""
    HTML = "html"
    """A page with status 200."""
    GARBAGE = "garbage"
    """Status 200 and bytes that are no document of any kind."""
    THROTTLED = "429"
    """With `Retry-After`."""


class Reaches(StrEnum):
    """Whether the server gets the request at all."""

    NEVER = "never"
    BEFORE = "before"
    """It has carried the request out before the client gets its answer."""
    LATE = "late"
    """It gets the request when the client has given up."""


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form that was posted."""
        return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))

    def written(self) -> bytes:
        """As it goes on to the server: one request per connection."""
        headers = self.headers | {"connection": "close"}
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


Chosen = Callable[[Request], bool]


def every(_: Request) -> bool:
    return True


@dataclass
class Fault:
    answer: Answer
    reaches: Reaches = Reaches.NEVER
    chosen: Chosen = every
    times: int = 1
    """How many requests it hits."""


@dataclass
class Proxy:
    """Listens on loopback and passes on to `target`, an address like `http://127.0.0.1:8080`."""

    target: str
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    alter: Callable[[bytes], bytes] | None = None
    """Makes another body of the server's; the rest of its answers stays."""
    _faults: list[Fault] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        await self.down()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def up(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Refuse connections until `up`."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def lay(self, answer: Answer, reaches: Reaches = Reaches.NEVER, *, chosen: Chosen = every, times: int = 1) -> None:
        self._faults.append(Fault(answer, reaches, chosen, times))

    def mend(self) -> None:
        self._faults.clear()

    async def quiet(self) -> None:
        """Return once no request is under way, one that reaches the server late included."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def sent(self, chosen: Chosen) -> int:
        """How many requests of this kind have arrived here."""
        return sum(1 for request in self.requests if chosen(request))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            if (request := await _read(reader)) is not None:
                self.requests.append(request)
                await self._treat(request, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _treat(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self._take_fault(request)
        passes = fault is None or fault.reaches is Reaches.BEFORE
        answer = await self.pass_on(request) if passes else b""
        if fault is None:
            writer.write(answer)
        else:
            await self._misbehave(fault.answer, answer, reader, writer)
            if fault.reaches is Reaches.LATE:
                await self.pass_on(request)
        with suppress(ConnectionError):
            await writer.drain()

    def _take_fault(self, request: Request) -> Fault | None:
        fault = next((one for one in self._faults if one.times and one.chosen(request)), None)
        if fault is not None:
            fault.times -= 1
        return fault

    async def _misbehave(
        self, what: Answer, answer: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        match what:
            case Answer.CUT:
                return
            case Answer.HALF:
                writer.write(answer[: -max(1, len(answer.partition(b"\r\n\r\n")[2]) // 2)])
            case Answer.STALL:
                await self._until_given_up(reader)
            case Answer.TRICKLE:
                writer.write(_head(200, "text/xml", 10_000))
                gone = asyncio.create_task(self._until_given_up(reader))
                while not gone.done() and not writer.is_closing():
                    writer.write(b" ")
                    await asyncio.wait([gone], timeout=TRICKLE_SECONDS)
            case Answer.BAD_GATEWAY | Answer.UNAVAILABLE | Answer.NOT_FOUND:
                writer.write(_head(int(what), "text/html", len(_PAGE)) + _PAGE)
            case Answer.HTML:
                writer.write(_head(200, "text/html", len(_PAGE)) + _PAGE)
            case Answer.GARBAGE:
                writer.write(_head(200, "application/octet-stream", 6) + b"\x1f\x8b\x00<{[")
            case Answer.THROTTLED:
                asked = f"Retry-After: {RETRY_AFTER_SECONDS}\r\n"
                writer.write(_head(429, "text/html", len(_PAGE), asked) + _PAGE)

    async def _until_given_up(self, reader: asyncio.StreamReader) -> None:
        """The client has closed its connection, or the proxy ends."""
        ends = [asyncio.ensure_future(reader.read()), asyncio.ensure_future(self._stopping.wait())]
        _, waiting = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()

    async def pass_on(self, request: Request) -> bytes:
        """The server's whole answer. Empty where it gives none."""
        if self.alter is None:
            return await self._ask(request)
        headers = {name: value for name, value in request.headers.items() if name != "accept-encoding"}
        answer = await self._ask(replace(request, headers=headers))
        head, _, body = answer.partition(b"\r\n\r\n")
        body = self.alter(body)
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body

    async def _ask(self, request: Request) -> bytes:
        address = urlsplit(self.target)
        with suppress(ConnectionError):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            try:
                writer.write(request.written())
                return await reader.read()
            finally:
                writer.close()
        return b""


def _head(status: int, content_type: str, length: int, more: str = "") -> bytes:
    head = f"HTTP/1.1 {status} Whatever\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n{more}"
    return f"{head}Connection: close\r\n\r\n".encode()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    parts = (await reader.readline()).decode("latin-1").split()
    if len(parts) != 3:
        return None
    headers: dict[str, str] = {}
    while line := (await reader.readline()).decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(parts[0], parts[1], headers, body)
