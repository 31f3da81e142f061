"""Resellflow as it runs in production, for one run of a benchmark: real processes, on ports and data of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from string import Template

import httpx
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from benchmarks import counted
from benchmarks.options import Options, TemporalStore
from benchmarks.statements import StatementCount
from benchmarks.upstream import PAGE, Simulator
from benchmarks.usage import WORKER, Process, peak_memory_mib
from stack.catalogue import SAMPLE
from stack.embedded import (
    SEARCH_ATTRIBUTES,
    UPSTREAM_CURRENCY,
    UPSTREAM_PASSWORD,
    UPSTREAM_USER,
    temporal_program,
)
from stack.ports import LOOPBACK, free_port
from stack.processes import Child, Ready, StackFailed, Supervisor, answers

TOKEN = "of-the-benchmark"
OPERATOR_TOKEN = "operator-of-the-benchmark"
LARGE = Path(__file__).with_name("large.toml").read_text()
MAIN = SAMPLE.read_text(encoding="utf-8")
LARGE_USER = "large"
BALANCE = "100000000.00"
START_SECONDS = 600.0
"""For a part to start. On a machine with much else to do that takes long, and is no reason to give up a long run."""
LOOK_SECONDS = 60.0
"""For a busy process to write down what it has counted."""


class Installation:
    """What runs. `supervisor` stops all of it; nothing is started by the constructor."""

    def __init__(self, options: Options, directory: Path, database_url: str, http: httpx.AsyncClient) -> None:
        self._options = options
        self._directory = directory
        self._http = http
        self._temporal_port, self.simulator_port, self._api_port = (free_port() for _ in range(3))
        self._temporal_address = options.temporal or f"{LOOPBACK}:{self._temporal_port}"
        self._running: dict[str, Child] = {}
        self._roles: dict[str, str] = {}
        """Role of each worker, by the name of its process; numbered where several have the same."""
        self._looks = 0
        self.simulator = Simulator(http, f"http://{LOOPBACK}:{self.simulator_port}")
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
                "RESELL_OPERATOR_TOKENS": f"benchmark-operator={OPERATOR_TOKEN}",
                "MAIN_UPSTREAM_PASSWORD": UPSTREAM_PASSWORD,
                "LARGE_UPSTREAM_PASSWORD": UPSTREAM_PASSWORD,
                "TEMPORAL_ADDRESS": self._temporal_address,
                "TEMPORAL_NAMESPACE": options.temporal_namespace,
                "TEMPORAL_CONFIG_FILE": str(directory / "temporal.toml"),
                "NO_PROXY": f"{LOOPBACK},localhost",
                "PYTHONUNBUFFERED": "1",
            },
        )

    @property
    def processes(self) -> list[Process]:
        """Those that run, this one among them."""
        found = [Process(_kind(name), child.pid, self._roles.get(name, "")) for name, child in self._running.items()]
        if self._options.temporal_pid is not None:
            found.append(Process("server", self._options.temporal_pid))
        if self._options.postgresql_pid is not None:
            found.append(Process("postgresql", self._options.postgresql_pid, has_children=True))
        return [*found, Process("placing", os.getpid())]

    def worker_wrote(self) -> str:
        """The last lines of each, for people to read."""
        return "\n".join(f"  {line}" for name in self._roles for line in self._running[name].last_lines())

    def worker_memory(self) -> float | None:
        """The most that the workers ever had."""
        peaks = [peak_memory_mib(process.pid) for process in self.processes if process.name == WORKER]
        known = [peak for peak in peaks if peak is not None]
        return round(sum(known), 1) if len(known) == len(peaks) else None

    async def tallies(self) -> dict[str, StatementCount]:
        """What workers and API have asked of the database since they were started, by who asked."""
        self._looks += 1
        counted_ones = [name for name in self._running if name in self._roles or name == "api"]
        for name in counted_ones:
            os.kill(self._running[name].pid, signal.SIGUSR1)
        total: dict[str, StatementCount] = {}
        for name in counted_ones:
            for who, tally in (await self._look(name)).tallies.items():
                total[who] = total.get(who, StatementCount()) + tally
        return total

    async def _look(self, name: str) -> counted.Look:
        async with asyncio.timeout(LOOK_SECONDS):
            while (look := counted.read(self._tally_file(name))).number < self._looks:  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.01)
        return look

    def _tally_file(self, name: str) -> Path:
        return self._directory / f"{name}.tally.json"

    async def start_temporal(self) -> None:
        """The dev server, without its UI; or the one that runs, which must not have run anything in this namespace."""
        if self._options.temporal:
            await self._look_at_given_server()
            return
        command: list[str | Path] = [temporal_program(), "server", "start-dev", "--headless", "--ip", LOOPBACK]
        command += ["--port", str(self._temporal_port), "--log-level", "error"]
        if self._options.temporal_store is TemporalStore.FILE:
            command += ["--db-filename", self._directory / "temporal.db"]
        for name, kind in SEARCH_ATTRIBUTES.items():
            command += ["--search-attribute", f"{name}={kind}"]
        await self._start("server", command, self._temporal_ready)

    async def _look_at_given_server(self) -> None:
        about = f"The Temporal server at {self._temporal_address}, namespace {self._options.temporal_namespace}"
        try:
            found = (await (await self.connect()).count_workflows()).count
        except (RPCError, RuntimeError) as error:
            raise StackFailed(f"{about}, can't be used: {error}") from error
        if found:
            raise StackFailed(f"{about}, has {found} workflows already: name a namespace that is empty.")

    async def start_simulator(self) -> None:
        account = f"{UPSTREAM_USER}:{UPSTREAM_PASSWORD}:{BALANCE}:{UPSTREAM_CURRENCY}"
        command = [sys.executable, "-m", "simulator", "--port", str(self.simulator_port), "--account", account]
        await self._start("simulator", command, self._answers(f"http://{LOOPBACK}:{self.simulator_port}/_sim/health"))
        await self.simulator.set(
            latency_ms=self._options.round_trip_ms, opening_delay=self._options.opening_delay, opening="auto"
        )

    async def prepare_database(self) -> None:
        await self.supervisor.run("migrate", [_resell(), "migrate"], timeout=START_SECONDS)
        await self.load_catalogue(MAIN, UPSTREAM_USER)

    async def stock_large_account(self) -> None:
        await self.simulator.add_account(LARGE_USER, UPSTREAM_PASSWORD, BALANCE, UPSTREAM_CURRENCY)
        await self.simulator.add_services(self._options.existing, LARGE_USER)
        await self.simulator.read_list(LARGE_USER, UPSTREAM_PASSWORD, -(-self._options.existing // PAGE))

    async def load_large_account(self) -> None:
        """From now on its poller looks at it."""
        await self.load_catalogue(LARGE, LARGE_USER)

    async def load_catalogue(self, template: str, username: str, port: int | None = None, host: str = LOOPBACK) -> None:
        """`host`, `port`: where the account's upstream is reached, if not at the simulator's own."""
        values = {
            "simulator_url": f"http://{host}:{port or self.simulator_port}",
            "username": username,
            "currency": UPSTREAM_CURRENCY,
        }
        catalogue = self._directory / f"catalogue-{username}.toml"
        catalogue.write_text(Template(template).substitute(values))
        await self.supervisor.run(f"setup-{username}", [_resell(), "setup", catalogue], timeout=START_SECONDS)

    async def start_workers(self) -> None:
        for number, roles in enumerate(self._options.workers, 1):
            name = f"worker-{number}"
            alone = self._options.workers.count(roles) == 1
            self._roles[name] = roles if alone else f"{roles or 'all'} {number}"
            port = free_port()
            arguments = ["worker", *(["--roles", roles] if roles else [])]
            health = {"RESELL_WORKER_HEALTH_ADDRESS": f"{LOOPBACK}:{port}"}
            await self._start_counted(name, arguments, self._answers(f"http://{LOOPBACK}:{port}/healthz"), health)

    async def restart_workers(self) -> None:
        for name in self._roles:
            await self.stop(name)
        await self.start_workers()

    async def start_api(self) -> None:
        arguments = ["resell", "api", "--host", LOOPBACK, "--port", str(self._api_port)]
        await self._start_counted("api", arguments, self._answers(f"{self.api_url}/readyz"), {})

    async def _start_counted(self, name: str, arguments: list[str], ready: Ready, variables: dict[str, str]) -> None:
        """`env` becomes the program that it starts, so the process id is the program's."""
        given = [f"{variable}={value}" for variable, value in variables.items()]
        module: list[str | Path] = [sys.executable, "-m", "benchmarks.counted", self._tally_file(name)]
        await self._start(name, ["env", *given, *module, *arguments], ready)

    async def start_bare_worker(self, ready: Ready) -> None:
        await self._start("bare-worker", [sys.executable, "-m", "benchmarks.bare_worker"], ready)

    async def stop(self, name: str) -> None:
        await self._running.pop(name).stop()

    async def _start(self, name: str, command: Sequence[str | Path], ready: Ready) -> None:
        self._running[name] = await self.supervisor.start(name, command, ready=ready, timeout=START_SECONDS)

    def _answers(self, url: str) -> Ready:
        return partial(answers, url, client=self._http)

    async def connect(self) -> Client:
        return await Client.connect(
            self._temporal_address,
            namespace=self._options.temporal_namespace,
            data_converter=pydantic_data_converter,
        )

    async def _temporal_ready(self) -> bool:
        try:
            client = await self.connect()
            await client.count_workflows()  # a yes says that the namespace is there, and its store
        except (RPCError, RuntimeError):
            return False
        return True


def _kind(name: str) -> str:
    """The field of `benchmarks.report.Cpu` for a process."""
    return WORKER if name == "bare-worker" or name.startswith("worker-") else name


def _resell() -> Path:
    return Path(sys.executable).with_name("resell")
