"""How a request that changes or costs leaves: all of it in one write, and only while its sender holds the lease.

httpx makes the connection inside a call and writes head and body apart. So what it writes is kept back here until the
answer is about to be read; then connection and TLS stand, the lease is looked at once more, and one write sends it all.
"""

import asyncio
import socket
import ssl
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

from upstreams import lease
from upstreams.limits import MOST_AT_ONCE

MOST_OF_IT_WRITES = 2 / 3
"""The part of a change's limit that writing it may take. The rest is left for the answer."""
MAX_CONNECTIONS = MOST_AT_ONCE
"""The gate of the account allows fewer."""

_AS_HTTPX: tuple[tuple[type[Exception], type[httpx.HTTPError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.ReadTimeout, httpx.ReadTimeout),
    (httpcore.WriteTimeout, httpx.WriteTimeout),
    (httpcore.PoolTimeout, httpx.PoolTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.ReadError, httpx.ReadError),
    (httpcore.WriteError, httpx.WriteError),
    (httpcore.ProxyError, httpx.ProxyError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
    (httpcore.RemoteProtocolError, httpx.RemoteProtocolError),
)
_TUNNEL = b"CONNECT "
"""What is said to a proxy is no part of the request."""


class Lapsed(Exception):
    """The lease was over when the request was about to leave; not a byte of it has left. Its text says why."""


class Departure:
    """Whether a request has left, as far as this machine can know."""

    def __init__(self) -> None:
        self.left = False
        self.when_written: Callable[[float], None] = lambda left_at: None
        """Called when all of it is written, with the loop's time at which its first byte was about to leave."""


_departing: ContextVar[Departure | None] = ContextVar("departing", default=None)


class HeldStream(httpcore.AsyncNetworkStream):
    """A connection that keeps what is written until the answer is wanted."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._kept = bytearray()
        self._timeout: float | None = None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._kept += buffer
        self._timeout = timeout

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._kept:
            await self._send_kept()
        return await self._inner.read(max_bytes, timeout)

    async def _send_kept(self) -> None:
        request = bytes(self._kept)
        self._kept.clear()
        reason = lease.held().lapsed()
        if reason:
            raise Lapsed(reason)
        left_at = asyncio.get_running_loop().time()
        departure = None if request.startswith(_TUNNEL) else _departing.get()
        if departure is not None:
            departure.left = True
        with suppress(httpcore.WriteError):  # it may have answered before it closed: then that is read
            await self._inner.write(request, None if self._timeout is None else self._timeout * MOST_OF_IT_WRITES)
        if departure is not None:
            departure.when_written(left_at)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "HeldStream":
        return HeldStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    async def aclose(self) -> None:
        self._kept.clear()
        await self._inner.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class HoldingBackend(httpcore.AsyncNetworkBackend):
    """Connects as httpcore does."""

    def __init__(self) -> None:
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return HeldStream(await self._inner.connect_tcp(host, port, timeout, local_address, socket_options))

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        return HeldStream(await self._inner.connect_unix_socket(path, timeout, socket_options))

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class DepartureTransport(httpx.AsyncBaseTransport):
    """A fresh connection for each request. `flight`: seconds after which the kernel, too, stops sending it again."""

    def __init__(self, url: httpx.URL, trust: ssl.SSLContext, flight: float) -> None:
        options: dict[str, Any] = {
            "ssl_context": trust,
            "max_connections": MAX_CONNECTIONS,
            "max_keepalive_connections": 0,
            "network_backend": HoldingBackend(),
            "socket_options": _given_up_after(flight),
        }
        proxy = _proxy_for(url)
        self._pool: httpcore.AsyncConnectionPool
        if proxy is None:
            self._pool = httpcore.AsyncConnectionPool(**options)
        else:
            login = (proxy.username, proxy.password) if proxy.userinfo else None
            bare = str(proxy.copy_with(userinfo=b""))
            self._pool = httpcore.AsyncHTTPProxy(proxy_url=bare, proxy_auth=login, **options)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _errors_of_httpx():
            answer = await self._pool.handle_async_request(asked)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of_httpx():
            async for part in self._answer.aiter_stream():
                yield part

    async def aclose(self) -> None:
        await self._answer.aclose()


@contextmanager
def departing() -> Iterator[Departure]:
    """Tells of the request that is sent within whether it has left."""
    departure = Departure()
    token = _departing.set(departure)
    try:
        yield departure
    finally:
        _departing.reset(token)


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # only looked at, and raised again: as httpx names it, or as it is
        for ours, theirs in _AS_HTTPX:
            if isinstance(error, ours):
                raise theirs(str(error)) from error
        raise


def _given_up_after(flight: float) -> list[tuple[int, int, int]]:
    """Without this limit the kernel repeats what was not acknowledged for many minutes, also for a stopped process."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    return [] if option is None or flight <= 0 else [(socket.IPPROTO_TCP, option, int(flight * 1000))]


def _proxy_for(url: httpx.URL) -> httpx.URL | None:
    """The proxy that the environment names for this address, as httpx takes it."""
    if urllib.request.proxy_bypass(url.host):
        return None
    named = urllib.request.getproxies()
    proxy = named.get(url.scheme) or named.get("all")
    if not proxy:
        return None
    return httpx.URL(proxy if "://" in proxy else f"http://{proxy}")
