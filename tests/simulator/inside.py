"""The simulator served in the test's own process: over a real socket, with its state at hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from decimal import Decimal

import uvicorn

from simulator.admin.app import Bench, admin_app
from simulator.faults import Faults
from simulator.panel import Panel
from simulator.requestlog import RequestLog
from simulator.server import listen
from simulator.web import Web
from simulator.world import AccountSpec, World
from tests.infrastructure.eventually import assert_eventually

USER, PASSWORD = "reseller", "sec:ret"


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The test run's signals are not this server's."""
        yield


@dataclass
class InsideSimulator:
    """The served panel. `anew` gives it the state of a first start."""

    web: Web
    url: str

    @property
    def world(self) -> World:
        return self.web.panel.world

    def anew(self, balance: str = "100.00", **knobs: object) -> World:
        self.world.close()
        world = World(None, [AccountSpec(USER, PASSWORD, Decimal(balance), "EUR")])
        world.change_settings(world.settings.model_copy(update={"opening_delay": 0, **knobs}))
        self.web.panel = Panel(world)
        self.web.admin = admin_app(Bench(self.web.panel, self.web.faults, self.web.log))
        return world

    @property
    def admin(self) -> str:
        """Where the admin API is."""
        return f"{self.url.removesuffix('/billmgr')}/_sim"


@contextlib.asynccontextmanager
async def serving_simulator() -> AsyncIterator[InsideSimulator]:
    panel = Panel(World(None, []))
    faults, log = Faults(), RequestLog()
    web = Web(panel, faults, log, admin_app(Bench(panel, faults, log)), ["/billmgr"])
    with contextlib.closing(listen("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(web, http="h11", ws="none", lifespan="off", log_level="warning", access_log=False)
        server = _Server(config)
        task = asyncio.create_task(server.serve([listener]))
        try:
            await assert_eventually(lambda: server.started, message="the simulator listens")
            inside = InsideSimulator(web, f"http://127.0.0.1:{listener.getsockname()[1]}/billmgr")
            yield inside
        finally:
            server.should_exit = True
            await task
            inside.world.close()
