"""Resellflow as it runs in production, for one run of a benchmark: real processes, on ports and data of its own."""

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from string import Template

import httpx
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from benchmarks.options import Options, TemporalStore
from benchmarks.upstream import Simulator
from benchmarks.usage import peak_memory_mib
from stack.embedded import (
    CATALOGUE,
    PROJECT,
    SEARCH_ATTRIBUTES,
    UPSTREAM_CURRENCY,
    UPSTREAM_PASSWORD,
    UPSTREAM_USER,
    temporal_program,
)
from stack.ports import LOOPBACK, free_port
from stack.processes import Child, Ready, Supervisor, answers

TOKEN = "of-the-benchmark"
BALANCE = "100000000.00"


class Installation:
    """What runs. `supervisor` stops all of it; nothing is started by the constructor."""

    def __init__(self, options: Options, directory: Path, database_url: str, http: httpx.AsyncClient) -> None:
        self._options = options
        self._directory = directory
        self._http = http
        self._temporal_port, self._simulator_port, self._api_port, self._health_port = (free_port() for _ in range(4))
        self._running: dict[str, Child] = {}
        self.simulator = Simulator(http, f"http://{LOOPBACK}:{self._simulator_port}")
        self.api_url = f"http://{LOOPBACK}:{self._api_port}"
        (directory / "temporal.toml").write_text("")
        # The settings of whoever runs this are taken over, except those that say where the parts are.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
        self.supervisor = Supervisor(
            directory / "log",
            inherited
            | {
                "RESELL_DATABASE_URL": database_url,
                "RESELL_STOREFRONT_TOKENS": f"benchmark={TOKEN}",
                "RESELL_WORKER_HEALTH_ADDRESS": f"{LOOPBACK}:{self._health_port}",
                "MAIN_UPSTREAM_PASSWORD": UPSTREAM_PASSWORD,
                "TEMPORAL_ADDRESS": f"{LOOPBACK}:{self._temporal_port}",
                "TEMPORAL_CONFIG_FILE": str(directory / "temporal.toml"),
                "NO_PROXY": f"{LOOPBACK},localhost",
                "PYTHONUNBUFFERED": "1",
            },
        )

    @property
    def processes(self) -> dict[str, int]:
        """Process ids by the names of `benchmarks.report.Cpu`."""
        pids = {name: child.pid for name, child in self._running.items()}
        if "bare-worker" in pids:
            pids["worker"] = pids.pop("bare-worker")
        return pids | {"placing": os.getpid()}

    def worker_wrote(self) -> str:
        """Its last lines, for people to read."""
        return "\n".join(f"  {line}" for line in self._running["worker"].last_lines())

    def worker_memory(self) -> float | None:
        return peak_memory_mib(self.processes["worker"])

    async def start_temporal(self) -> None:
        """The dev server, without its UI."""
        command: list[str | Path] = [temporal_program(), "server", "start-dev", "--headless", "--ip", LOOPBACK]
        command += ["--port", str(self._temporal_port), "--log-level", "error"]
        if self._options.temporal_store is TemporalStore.FILE:
            command += ["--db-filename", self._directory / "temporal.db"]
        for name, kind in SEARCH_ATTRIBUTES.items():
            command += ["--search-attribute", f"{name}={kind}"]
        await self._start("server", command, self._temporal_ready)

    async def start_simulator(self) -> None:
        account = f"{UPSTREAM_USER}:{UPSTREAM_PASSWORD}:{BALANCE}:{UPSTREAM_CURRENCY}"
        command = [sys.executable, "-m", "simulator", "--port", str(self._simulator_port), "--account", account]
        await self._start("simulator", command, self._answers(f"http://{LOOPBACK}:{self._simulator_port}/_sim/health"))
        await self.simulator.set(
            latency_ms=self._options.round_trip_ms, opening_delay=self._options.opening_delay, opening="auto"
        )
        await self.simulator.add_services(self._options.existing, UPSTREAM_USER)

    async def prepare_database(self) -> None:
        values = {
            "simulator_url": f"http://{LOOPBACK}:{self._simulator_port}",
            "username": UPSTREAM_USER,
            "currency": UPSTREAM_CURRENCY,
        }
        catalogue = self._directory / "catalogue.toml"
        catalogue.write_text(Template(CATALOGUE.read_text()).substitute(values))
        await self.supervisor.run("migrate", [_resell(), "migrate"])
        await self.supervisor.run("setup", [_resell(), "setup", catalogue])

    async def start_worker(self) -> None:
        url = f"http://{LOOPBACK}:{self._health_port}/healthz"
        await self._start("worker", [sys.executable, PROJECT / "worker.py"], self._answers(url))

    async def start_api(self) -> None:
        command: list[str | Path] = [_resell(), "api", "--host", LOOPBACK, "--port", str(self._api_port)]
        await self._start("api", command, self._answers(f"{self.api_url}/readyz"))

    async def start_bare_worker(self, ready: Ready) -> None:
        await self._start("bare-worker", [sys.executable, "-m", "benchmarks.bare_worker"], ready)

    async def stop(self, name: str) -> None:
        await self._running.pop(name).stop()

    async def _start(self, name: str, command: Sequence[str | Path], ready: Ready) -> None:
        self._running[name] = await self.supervisor.start(name, command, ready=ready)

    def _answers(self, url: str) -> Ready:
        return partial(answers, url, client=self._http)

    async def connect(self) -> Client:
        return await Client.connect(f"{LOOPBACK}:{self._temporal_port}", data_converter=pydantic_data_converter)

    async def _temporal_ready(self) -> bool:
        try:
            client = await self.connect()
            await client.count_workflows()  # a yes says that the namespace is there, and its store
        except (RPCError, RuntimeError):
            return False
        return True


def _resell() -> Path:
    return Path(sys.executable).with_name("resell")
