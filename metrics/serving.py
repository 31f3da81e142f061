"""A small server beside what a process really does: its health, and its metrics for Prometheus.

Nobody needs a token here, so nothing of a customer is shown, and the addresses are on loopback unless somebody says
otherwise.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import uvicorn
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from metrics.counters import REGISTRY

TICK_SECONDS = 1.0
PATH = "/metrics"
INSTALLATION_PATH = "/metrics/installation"


class _Server(uvicorn.Server):
    """Leaves the signals to the process, and learns when to end: uvicorn's own loop wakes ten times a second to see."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._end = asyncio.Event()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # which keeps the header with the date right
            with suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), TICK_SECONDS)

    def end(self) -> None:
        self.should_exit = True
        self._end.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class SideServer:
    """Serves these routes at `address`, HOST:PORT. An empty address serves nothing."""

    def __init__(self, address: str, routes: Sequence[Route]) -> None:
        self._address = address
        self._routes = routes
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises OSError if the address can't be listened on."""
        if not self._address:
            return
        host, _, port = self._address.rpartition(":")
        host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, int(port)), family=family)
        app = Starlette(routes=self._routes)
        self._server = _Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))

    async def stop(self) -> None:
        if self._server is not None and self._serving is not None:
            self._server.end()
            await self._serving


def metrics_routes(installation: Callable[[], Awaitable[CollectorRegistry]]) -> list[Route]:
    """What this process counts, and the figures of the whole installation, which are read from the database."""

    async def of_this_process(_request: Request) -> Response:
        return _shown(REGISTRY)

    async def of_the_installation(_request: Request) -> Response:
        return _shown(await installation())

    return [Route(PATH, of_this_process), Route(INSTALLATION_PATH, of_the_installation)]


def _shown(registry: CollectorRegistry) -> Response:
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
