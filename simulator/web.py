"""HTTP in front of the panel: reads requests, lays faults in their way, writes answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.cookies import CookieError, SimpleCookie
from typing import Final, cast
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.document import done
from simulator.errors import PanelError, Param
from simulator.faults import Fault, FaultKind, Faults
from simulator.knobs import Captcha
from simulator.panel import Answer, Panel, format_of
from simulator.rendering import Style, content_type, render
from simulator.requestlog import RequestLog
from simulator.sessions import COOKIE

ADMIN: Final = "/_sim"
_MAX_BODY: Final = 4 * 1024 * 1024
_GATEWAY: Final = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr>nginx</body></html>"
_GATEWAY_SAYS: Final = {
    FaultKind.HTTP_429: (429, "Too Many Requests"),
    FaultKind.HTTP_502: (502, "Bad Gateway"),
    FaultKind.HTTP_503: (503, "Service Unavailable"),
}
_ALWAYS_CARRIED_OUT: Final = (FaultKind.STALL, FaultKind.TRUNCATE, FaultKind.TRICKLE, FaultKind.REWRITE)
_ROBOT: Final = (
    "<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    "<body><h1>Checking your browser</h1><p>Please enable JavaScript and complete the captcha.</p></body></html>"
)


class Disconnected(Exception):
    """The client went away before the request was read."""


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    content_type: str
    body: bytes
    session: str | None = None
    retry_after: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """In place of those of the same name."""


@dataclass(slots=True)
class _Request:
    method: str
    params: dict[str, str]
    cookies: dict[str, str]
    peer: str


class Web:
    """The ASGI application: the panel under its mounts, the admin API under ``/_sim``."""

    def __init__(self, panel: Panel, faults: Faults, log: RequestLog, admin: ASGIApp, mounts: Sequence[str]) -> None:
        self.panel = panel
        self.faults = faults
        self.log = log
        self.admin = admin
        self.mounts = frozenset(mount.rstrip("/") for mount in mounts)
        self.stopping = asyncio.Event()
        """Once set, every wait ends and the connection that waited is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route one request."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path == ADMIN or path.startswith(ADMIN + "/"):
            await self.admin(scope, receive, send)
        elif path.rstrip("/") in self.mounts:
            with contextlib.suppress(Disconnected):
                await self._serve_panel(scope, receive, send)
        else:
            await _send(send, _Reply(404, "text/html", _GATEWAY.format("404 Not Found").encode()))

    async def _serve_panel(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await _read(scope, receive)
        settings = self.panel.world.settings
        await self._wait(settings.latency_ms / 2000)
        claimed = self.panel.gate.guess(request.params, request.cookies)
        fault = self.faults.pick(request.params, claimed)
        if fault is None and settings.captcha is Captcha.HTML:
            fault = Fault(id=0, kind=FaultKind.HTML)
        if fault is not None:
            await self._misbehave(fault, request, claimed, receive, send)
            return
        reply = self._carry_out(request)
        await self._wait(settings.latency_ms / 2000)
        await _send(send, reply)

    def _carry_out(self, request: _Request, fault: Fault | None = None) -> _Reply:
        """Let the panel do its work, and log it."""
        started = time.perf_counter()
        answer = self.panel.handle(request.params, request.cookies, request.peer)
        spent = (time.perf_counter() - started) * 1000
        outcome = answer.outcome if fault is None else f"fault:{fault.kind.value}:{fault.when} ({answer.outcome})"
        self.log.add(request.method, request.params, answer.account, outcome, spent)
        return _reply(answer)

    async def _misbehave(
        self, fault: Fault, request: _Request, claimed: str | None, receive: Receive, send: Send
    ) -> None:
        reply = self._carry_out(request, fault) if fault.when == "after" else None
        if reply is None and fault.kind not in _ALWAYS_CARRIED_OUT:
            self.log.add(request.method, request.params, claimed, f"fault:{fault.kind.value}:{fault.when}", 0)
        match fault.kind:
            case FaultKind.CUT:
                await _close(receive)
            case FaultKind.RESET:
                await _close(receive, reset=True)
            case FaultKind.TRUNCATE:
                reply = reply or self._carry_out(request, fault)
                await _send(send, reply, upto=len(reply.body) // 2)
                await _close(receive, flush=True)
            case FaultKind.STALL:
                if not await self._wait_out(fault):
                    await _close(receive)
                    return
                await _send(send, reply or self._carry_out(request, fault))
            case FaultKind.HANG:
                await self._wait_out(fault)
                await _close(receive)
            case FaultKind.TRICKLE:
                await self._trickle(send, reply or self._carry_out(request, fault), fault.seconds)
            case FaultKind.HTTP_429 | FaultKind.HTTP_502 | FaultKind.HTTP_503:
                status, words = _GATEWAY_SAYS[fault.kind]
                page = _GATEWAY.format(f"{status} {words}").encode()
                await _send(send, _Reply(status, "text/html", page, retry_after=fault.retry_after))
            case FaultKind.HTML:
                await _send(send, _Reply(200, "text/html; charset=UTF-8", _ROBOT.encode()))
            case FaultKind.GARBAGE:
                await _send(send, _Reply(200, "text/xml; charset=UTF-8", b"\x1f\x8b\x00<doc><el"))
            case FaultKind.ERROR:
                await _send(send, self._chosen_error(fault, request, claimed))
            case FaultKind.OK:
                fmt = format_of(request.params.get("out", ""))
                await _send(send, _Reply(200, content_type(fmt), render(done(), fmt, Style()).encode()))
            case FaultKind.REWRITE:
                reply = reply or self._carry_out(request, fault)
                body = fault.rewritten(reply.body.decode())
                await _send(send, replace(reply, status=fault.status, body=body, headers=fault.headers))

    async def _trickle(self, send: Send, reply: _Reply, seconds: float) -> None:
        await _send(send, reply, upto=0)
        for place in range(len(reply.body)):
            if not await self._wait(seconds / len(reply.body)):
                break
            await send({"type": "http.response.body", "body": reply.body[place : place + 1], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _chosen_error(self, fault: Fault, request: _Request, claimed: str | None) -> _Reply:
        chosen = fault.error
        error = PanelError(
            chosen.type,
            chosen.object,
            *(Param(name, value) for name, value in chosen.params.items()),
            text=chosen.text,
        )
        lang = self.panel.language(request.params)
        document = error.document(func=request.params.get("func", ""), user=claimed or "anonymous", level=16, lang=lang)
        fmt = format_of(request.params.get("out", ""))
        return _Reply(200, content_type(fmt), render(document, fmt, Style()).encode())

    async def _wait_out(self, fault: Fault) -> bool:
        """The time of a stall or a hang; false when the simulator is stopping."""
        if not fault.until_removed:
            return await self._wait(fault.seconds)
        removed = self.faults.removal(fault)
        if removed is None:
            return not self.stopping.is_set()
        ends = [asyncio.create_task(one.wait()) for one in (removed, self.stopping)]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in ends:
                one.cancel()
        return not self.stopping.is_set()

    async def _wait(self, seconds: float) -> bool:
        """Sleep; false when the simulator is stopping."""
        if seconds <= 0:
            return True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)
        return not self.stopping.is_set()


def _reply(answer: Answer) -> _Reply:
    return _Reply(200, content_type(answer.format), answer.body.encode(), answer.session)


async def _read(scope: Scope, receive: Receive) -> _Request:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > _MAX_BODY:
            break
    params = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    params |= parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    cookies: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name == b"cookie":
            with contextlib.suppress(CookieError):
                cookies |= {key: morsel.value for key, morsel in SimpleCookie(value.decode("latin-1")).items()}
    client = scope.get("client")
    return _Request(scope["method"], params, cookies, client[0] if client else "")


async def _send(send: Send, reply: _Reply, upto: int | None = None) -> None:
    headers = [
        (b"content-type", reply.content_type.encode()),
        (b"content-length", str(len(reply.body)).encode()),
    ]
    if reply.retry_after is not None:
        headers.append((b"retry-after", reply.retry_after.encode()))
    if reply.session is not None:
        headers.append((b"set-cookie", f"{COOKIE}={reply.session}; path=/; HttpOnly".encode()))
    other = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in reply.headers.items()]
    names = {name for name, _ in other}
    headers = [one for one in headers if one[0] not in names] + other
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    body: Message = {"type": "http.response.body", "body": reply.body[:upto], "more_body": upto is not None}
    await send(body)


async def _close(receive: Receive, *, reset: bool = False, flush: bool = False) -> None:
    """Close the connection under the request, without an answer.

    ASGI has no message for that, so this reaches through uvicorn's request cycle for the transport.
    """
    transport = cast(asyncio.Transport, receive.__self__.transport)  # type: ignore[attr-defined]
    if reset:
        raw = cast(socket.socket, transport.get_extra_info("socket"))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if flush:
        transport.close()
    else:
        transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
