"""The API as a process: `serve` until SIGTERM or SIGINT."""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import uvicorn
from fastapi import FastAPI

from gc_tuning import freeze_loaded_objects
from metrics.counters import build_shown
from metrics.pool import pool_shown
from metrics.serving import SideServer, metrics_routes
from models.columns import utc_now
from models.database import Database
from models.migrations import NEWEST_REVISION
from orders.reading.figures import InstallationFigures
from orders.watch.looking import look_if_no_worker_does
from program_version import in_words
from settings import Settings
from standstill import ends_at_a_standstill
from starter import connect
from storefront.app import create_app
from storefront.context import Context
from storefront.protocol import protocol_of
from temporal.known_numbers import compare_once
from temporal.outage import listen_to_the_sdk, watch_for_the_end
from temporal.process_watch import ProcessWatch, keep_looking
from upstreams.lookups import look_up_apart

log = logging.getLogger(__name__)

GRACE_SECONDS = 25
"""What requests under way are given when the server stops: more than the longest, a decision, takes."""
BACKLOG = 2048
COMPARED_WITHIN_SECONDS = 2.0


class NoMetrics(Exception):
    """The address of the metrics can't be listened on."""


async def serve(settings: Settings, host: str, port: int) -> None:
    """Serve the API; returns after a graceful stop. Starts also while the database or Temporal is away.

    On SIGTERM or SIGINT nothing new is accepted, streams end at once, requests under way are finished. Raises OSError
    when the address can't be listened on, and NoMetrics when that of the metrics can't.
    """
    asked_to_stop = asyncio.Event()
    with calling_at_signals(lambda _: asked_to_stop.set()):  # until the server itself listens for them
        async with ends_at_a_standstill():
            await _serve(settings, host, port, asked_to_stop)


async def _serve(settings: Settings, host: str, port: int, asked_to_stop: asyncio.Event) -> None:
    look_up_apart()
    log.info("Resellflow %s, schema %s", in_words(), NEWEST_REVISION)
    with contextlib.closing(listen(host, port)) as listening:
        async with connect(settings) as resellflow, _metrics_of(settings, resellflow.database):
            server = Server(create_app(resellflow, settings))
            listen_to_the_sdk()
            watching = asyncio.create_task(watch_for_the_end(resellflow.client))
            looking = partial(look_if_no_worker_does, resellflow.database, settings.watch_limits(), utc_now())
            watch = ProcessWatch(resellflow.database, resellflow.client, "api")
            reporting = asyncio.create_task(keep_looking(watch, looking))
            comparing = asyncio.create_task(compare_once(resellflow.client, resellflow.database))
            stopping = asyncio.create_task(asked_to_stop.wait())
            try:
                # Before the first order, unless Temporal is away: then orders are accepted and wait for it.
                first = asyncio.FIRST_COMPLETED
                await asyncio.wait({comparing, stopping}, timeout=COMPARED_WITHIN_SECONDS, return_when=first)
                freeze_loaded_objects()
                if not asked_to_stop.is_set():
                    await server.serve([listening])
            finally:
                for one in (watching, reporting, comparing, stopping):
                    one.cancel()


@contextlib.asynccontextmanager
async def _metrics_of(settings: Settings, database: Database) -> AsyncIterator[None]:
    """At an address of their own, because the API's is open to shops. Raises NoMetrics."""
    build_shown("api", settings.build_id)
    figures = InstallationFigures(settings.database_url)
    beside = SideServer(settings.metrics_api_address, metrics_routes(figures.registry))
    with pool_shown(database.engine, settings.pool_terms()):
        try:
            await beside.start()
        except OSError as error:
            raise NoMetrics(f"RESELL_METRICS_API_ADDRESS: can't listen there: {error.strerror or error}") from None
        try:
            yield
        finally:
            await beside.stop()
            await figures.close()


@contextlib.contextmanager
def calling_at_signals(call: Callable[[signal.Signals], object]) -> Iterator[None]:
    """SIGTERM and SIGINT call it in the running loop, instead of ending the process. In a thread that is not the main
    one nobody can listen for signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def said(number: signal.Signals) -> None:
        log.info("%s: stopping", number.name)
        call(number)

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, said, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


class StoppableServer(uvicorn.Server):
    """uvicorn, returning after a signal instead of dying of it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with calling_at_signals(self._stop):
            yield

    def _stop(self, _: signal.Signals) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


class Server(StoppableServer):
    """Ends streams when it stops."""

    def __init__(self, app: FastAPI) -> None:
        self._context: Context = app.state.context  # of create_app
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol_of(self._context.settings.connection_limits()),
                timeout_keep_alive=self._context.settings.api_keep_alive,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                proxy_headers=False,  # believed are the proxies of our own setting (storefront.addresses)
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._context.closing.set()
        self._context.following.wake()
        await super().shutdown(sockets)
        await self._context.close()


def listen(host: str, port: int, what: str = "the storefront API") -> socket.socket:
    """A listening socket for `what`; port 0 takes a free one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    # Connections inherit it. asyncio sets it only on sockets that name their protocol, and Nagle's delay would cost
    # every answer 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    shown = f"[{host}]" if ":" in host else host
    log.info("%s listens on http://%s:%s", what, shown, listening.getsockname()[1])
    return listening
