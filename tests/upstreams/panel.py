"""A panel on loopback that answers by script: a real socket, so that cuts, stalls and odd statuses are real too."""

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl

from pydantic import SecretStr

from upstreams.billmanager import BillmanagerConnection, BillmanagerLearned, BillmanagerSettings
from upstreams.billmanager.settings import Dialect

PASSWORD = "pa:ss&wörd=1"
USERNAME = "reseller1"
PROLOG = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True)

    @property
    def fields(self) -> dict[str, str]:
        return dict(self.pairs)

    @property
    def function(self) -> str:
        return self.fields.get("func", "")


Answerer = Callable[[asyncio.StreamWriter], Awaitable[bool]]
"""Writes an answer. True if the connection may be used again."""


def http(
    body: str | bytes = b"", status: int = 200, content_type: str = "text/xml; charset=UTF-8", **headers: str
) -> Answerer:
    payload = body.encode() if isinstance(body, str) else body

    async def write(writer: asyncio.StreamWriter) -> bool:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {content_type}", f"Content-Length: {len(payload)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)
        await writer.drain()
        return True

    return write


def doc(inner: str = "") -> Answerer:
    return http(f"{PROLOG}<doc>{inner}</doc>")


A_LIST = doc("<p_elems>1</p_elems><elem><id>4711</id></elem>")
"""Read in one request. (After an empty list the menu is asked for more.)"""


def refusal(kind: str, thing: str = "", message: str = "", **params: str) -> Answerer:
    about = f' object="{thing}"' if thing else ""
    inner = "".join(f'<param name="{name}">{value}</param>' for name, value in params.items())
    return doc(f'<error type="{kind}"{about} code="1" lang="en">{inner}<msg>{message}</msg></error>')


def html(text: str, status: int = 200) -> Answerer:
    return http(f"<!DOCTYPE html><html><body>{text}</body></html>", status, "text/html")


async def cut_before_answer(writer: asyncio.StreamWriter) -> bool:
    return False


async def cut_in_body(writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 500\r\n\r\n<doc><id>90012")
    await writer.drain()
    return False


async def cut_without_length(writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n<doc><id>900123</id>")
    await writer.drain()
    return False


async def garbage(writer: asyncio.StreamWriter) -> bool:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    await writer.drain()
    return False


@dataclass
class Panel:
    """`script` is answered first, in order; then whatever `standing` has for the function."""

    scheme: str = "http"
    port: int = 0
    script: deque[Answerer] = field(default_factory=deque)
    standing: dict[str, Answerer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    async def start(cls, tls: ssl.SSLContext | None = None) -> Self:
        panel = cls(scheme="https" if tls else "http")
        panel._server = await asyncio.start_server(panel._serve, "127.0.0.1", 0, ssl=tls)
        panel.port = panel._server.sockets[0].getsockname()[1]
        return panel

    async def stop(self) -> None:
        self.closing.set()
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def answers(self, *answers: Answerer) -> None:
        self.script.extend(answers)

    @property
    def functions(self) -> list[str]:
        return [request.function for request in self.requests]

    def connection(
        self,
        *,
        dialect: Dialect = Dialect.SIX,
        currency: str = "EUR",
        url: str = "",
        password: str = PASSWORD,
        balance_call: str | None = None,
        read_timeout: float = 2.0,
        order_timeout: float = 2.0,
    ) -> BillmanagerConnection:
        return BillmanagerConnection(
            name="main",
            settings=BillmanagerSettings(
                url=url or f"{self.scheme}://127.0.0.1:{self.port}/billmgr", dialect=dialect.value, username=USERNAME
            ),
            secret=SecretStr(password),
            currency=currency,
            read_timeout=read_timeout,
            order_timeout=order_timeout,
            learned=BillmanagerLearned(balance_call=balance_call),
        )

    async def stall(self, writer: asyncio.StreamWriter) -> bool:
        await self.closing.wait()
        return False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while True:
                request = await _read(reader)
                if request is None:
                    return
                self.requests.append(request)
                answer = self.script.popleft() if self.script else self.standing.get(request.function)
                if answer is None:
                    answer = refusal("missed", "func", "the script has no such function")
                if not await answer(writer) or request.headers.get("connection") == "close":
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            self._tasks.discard(task)
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    start = await reader.readline()
    parts = start.decode("latin-1").split()
    if len(parts) != 3 or not parts[2].startswith("HTTP/"):
        return None
    headers: dict[str, str] = {}
    while (line := (await reader.readline()).decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(parts[0], parts[1], headers, await reader.readexactly(int(headers.get("content-length", "0"))))
