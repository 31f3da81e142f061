"""The processes of an installation. Each can be killed, frozen and started again at the same address."""

import asyncio
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from string import Template

import httpx
import psycopg
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from benchmarks.soak.options import DatabaseKind, Options
from stack.embedded import SEARCH_ATTRIBUTES, temporal_program
from stack.ports import LOOPBACK, free_port
from tests.infrastructure.databases import (
    FAST_NOT_SAFE,
    INITDB_OPTIONS,
    run_initdb,
    server_programs,
    unprivileged_user,
)
from tests.infrastructure.processes import Program

SHOP_TOKEN, OPERATOR_TOKEN = "of-the-soak-shop", "of-the-soak-operator"
PASSWORD = "secret"
ACCOUNTS = ("main", "second")
CATALOGUE = Path(__file__).with_name("catalogue.toml")
READY_SECONDS = 60.0
SETTINGS = {
    "RESELL_READ_TIMEOUT": "3",
    "RESELL_ORDER_TIMEOUT": "3",
    "RESELL_SEND_LEASE": "3",
    "RESELL_CLOCK_SKEW": "0.2",
    "RESELL_SETTLE_WINDOW": "8",
    "RESELL_IDLE_INTERVAL": "3",
    "RESELL_HOT_INTERVAL": "0.5",
    "RESELL_BALANCE_INTERVAL": "1",
    "RESELL_CONFIRMATION_CHECK_AFTER": "20",
    "RESELL_UNCHANGED_AFTER": "40",
}
"""What a run waits for is shorter than in production. All other settings have their defaults."""


class Part:
    """A program that is started again and again with the same arguments."""

    def __init__(
        self,
        name: str,
        command: list[str | Path],
        environment: Mapping[str, str],
        ready: Callable[[], Awaitable[bool]],
        *,
        forked: bool = True,
        user: str | None = None,
        end: signal.Signals = signal.SIGKILL,
        log: Path,
    ) -> None:
        self.name = name
        self.lives = 0
        self.ended_alone: list[str] = []
        """The last lines of each life that nobody had asked to end."""
        self._command = command
        self._environment = environment
        self._ready = ready
        self._forked = forked
        self._user = user
        self._end = end
        self._log = log
        self._program: Program | None = None
        self._disturbed = asyncio.Lock()
        """Held by whoever kills or freezes it, until it is well again."""

    @property
    def pid(self) -> int | None:
        return self._program.pid if self._program is not None and self._program.running else None

    def launch(self) -> None:
        """Start it. Nobody waits for it to be ready."""
        self.lives += 1
        self._program = Program(
            self._command,
            name=self.name,
            env=self._environment,
            forked=self._forked,
            user=self._user,
            cwd=self._log.parent if self._user else None,
        )

    async def until_ready(self) -> None:
        """Raises RuntimeError if it ends, or is not ready within a minute."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not await self._ready():  # noqa: ASYNC110 - another process gets ready
                    await asyncio.sleep(0.05)
        except TimeoutError:
            what = f"{self.name} isn't ready after {READY_SECONDS:g} s"
            raise RuntimeError(f"{what}:\n{self._last_lines()}") from None

    async def kill(self, away: float) -> None:
        """End it at once, and start it again after so many seconds."""
        async with self._disturbed:
            assert self._program is not None
            if self._program.running:
                self._program.send_signal(self._end)
                await asyncio.to_thread(self._program.wait_for_exit)
            self._write_log()
            try:
                await asyncio.sleep(away)
            finally:
                self.launch()

    async def keep(self) -> None:
        """Start it again whenever it ends without being asked to, as the supervisor of a server does."""
        while True:
            await asyncio.sleep(0.5)
            async with self._disturbed:
                assert self._program is not None
                if not self._program.running:
                    self.ended_alone.append(f"{self.name} ended with {self._program.returncode}:\n{self._last_lines()}")
                    self._write_log()
                    self.launch()

    async def freeze(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so many seconds."""
        async with self._disturbed:
            assert self._program is not None
            self._program.send_signal(signal.SIGSTOP)
            try:
                await asyncio.sleep(seconds)
            finally:
                self._program.send_signal(signal.SIGCONT)

    def close(self) -> None:
        if self._program is not None:
            self._program.close()
            self._write_log()

    def _write_log(self) -> None:
        assert self._program is not None
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"--- life {self.lives}, process {self._program.pid}\n{self._program.output}\n")

    def _last_lines(self) -> str:
        return "\n".join(self._program.lines[-30:]) if self._program else ""


class Installation:
    """The parts, and where they are. Used as an asynchronous context, it starts all of them and ends them again."""

    def __init__(self, options: Options, directory: Path, http: httpx.AsyncClient) -> None:
        self._options = options
        self._directory = directory
        self._http = http
        self._temporal_port, simulator, api = (free_port() for _ in range(3))
        self.simulator_url = f"http://{LOOPBACK}:{simulator}"
        self.api_url = f"http://{LOOPBACK}:{api}"
        self.temporal_address = f"{LOOPBACK}:{self._temporal_port}"
        (directory / "temporal.toml").write_text("")
        if options.database is DatabaseKind.SQLITE:
            self.database_url, self.postgres = f"sqlite:///{directory / 'resellflow.db'}", None
        else:
            self.database_url, self.postgres = self._postgres()
        self._environment = {
            "RESELL_DATABASE_URL": self.database_url,
            "RESELL_STOREFRONT_TOKENS": f"shop={SHOP_TOKEN}",
            "RESELL_OPERATOR_TOKENS": f"operator={OPERATOR_TOKEN}",
            "SOAK_UPSTREAM_PASSWORD": PASSWORD,
            "TEMPORAL_ADDRESS": self.temporal_address,
            "TEMPORAL_NAMESPACE": "default",
            "TEMPORAL_CONFIG_FILE": str(directory / "temporal.toml"),
            "NO_PROXY": f"{LOOPBACK},localhost",
            **SETTINGS,
        }
        self.temporal = self._part("temporal", self._temporal_command(), self._temporal_ready, forked=False)
        self.simulator = self._part(
            "simulator", self._simulator_command(simulator), self._answers(f"{self.simulator_url}/_sim/health")
        )
        self.worker, self.poller = self._worker("worker", "orders,upstream,webhooks"), self._worker("poller", "poller")
        module: list[str | Path] = [sys.executable, "-m", "cli", "api", "--host", LOOPBACK, "--port", str(api)]
        self.api = self._part("api", module, self._answers(f"{self.api_url}/readyz"))

    @property
    def parts(self) -> list[Part]:
        """In the order in which they are started."""
        first = [] if self.postgres is None else [self.postgres]
        return [*first, self.temporal, self.simulator, self.worker, self.poller, self.api]

    async def __aenter__(self) -> "Installation":
        try:
            for part in self.parts[:-3]:
                part.launch()
            if self.postgres is not None:
                await self.postgres.until_ready()
            await self._prepare_database()
            await asyncio.gather(*(part.until_ready() for part in self.parts[:-3]))
            for part in self.parts[-3:]:
                part.launch()
            await asyncio.gather(*(part.until_ready() for part in self.parts[-3:]))
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._close)

    async def connect(self) -> Client:
        return await Client.connect(self.temporal_address, data_converter=pydantic_data_converter)

    def _close(self) -> None:
        for part in reversed(self.parts):
            part.close()

    def _part(
        self,
        name: str,
        command: list[str | Path],
        ready: Callable[[], Awaitable[bool]],
        *,
        forked: bool = True,
        **more: str,
    ) -> Part:
        log = self._directory / f"{name}.log"
        return Part(name, command, self._environment | more, ready, forked=forked, log=log)

    def _worker(self, name: str, roles: str) -> Part:
        address = f"{LOOPBACK}:{free_port()}"
        command: list[str | Path] = [sys.executable, "worker.py", "--roles", roles]
        return self._part(
            name, command, self._answers(f"http://{address}/healthz"), RESELL_WORKER_HEALTH_ADDRESS=address
        )

    def _temporal_command(self) -> list[str | Path]:
        command: list[str | Path] = [temporal_program(), "server", "start-dev", "--headless", "--ip", LOOPBACK]
        command += ["--port", str(self._temporal_port), "--log-level", "error"]
        command += ["--db-filename", self._directory / "temporal.db"]
        for name, kind in SEARCH_ATTRIBUTES.items():
            command += ["--search-attribute", f"{name}={kind}"]
        return command

    def _simulator_command(self, port: int) -> list[str | Path]:
        command: list[str | Path] = [sys.executable, "-m", "simulator", "--port", str(port)]
        command += ["--state", self._directory / "simulator.db"]
        for name in ACCOUNTS:
            command += ["--account", f"{name}:{PASSWORD}:0.00:EUR"]
        return command

    def _postgres(self) -> tuple[str, Part]:
        """Raises NoServer where there are no server programs."""
        programs, user = server_programs(), unprivileged_user()
        home = self._directory / "postgres"
        home.mkdir()
        if user is not None:
            shutil.chown(home, user)
            self._directory.chmod(0o755)
        run_initdb([programs / "initdb", "-D", home / "data", *INITDB_OPTIONS], user=user, cwd=home)
        port = free_port()
        # It survives SIGKILL without waiting for the disk: what is written is the kernel's then.
        chosen = FAST_NOT_SAFE | {"full_page_writes": "on", "autovacuum": "on", "synchronous_commit": "on"}
        settings = {"listen_addresses": LOOPBACK, "port": str(port), "unix_socket_directories": "", **chosen}
        server: list[str | Path] = [programs / "postgres", "-D", home / "data"]
        for name, value in settings.items():
            server += ["-c", f"{name}={value}"]
        url = f"postgresql://resell@{LOOPBACK}:{port}/postgres"

        async def ready() -> bool:
            try:
                await (await psycopg.AsyncConnection.connect(url, connect_timeout=5)).close()
            except psycopg.OperationalError:
                return False
            return True

        log = home / "postgres.log"
        # SIGQUIT is PostgreSQL's end without a checkpoint: it recovers from its log at the next start.
        return url, Part("postgres", server, {}, ready, forked=False, user=user, end=signal.SIGQUIT, log=log)

    async def _prepare_database(self) -> None:
        catalogue = self._directory / "catalogue.toml"
        catalogue.write_text(Template(CATALOGUE.read_text()).substitute(simulator_url=self.simulator_url))
        for arguments in (["migrate"], ["setup", str(catalogue)]):
            program = Program([sys.executable, "-m", "cli", *arguments], env=self._environment, forked=True)
            status = await asyncio.to_thread(program.wait_for_exit, timeout=READY_SECONDS)
            if status != 0:
                raise RuntimeError(f"resell {arguments[0]} failed:\n{program.output}")

    def _answers(self, url: str) -> Callable[[], Awaitable[bool]]:
        async def answered() -> bool:
            try:
                return (await self._http.get(url, timeout=2)).is_success
            except httpx.TransportError:
                return False

        return answered

    async def _temporal_ready(self) -> bool:
        try:
            await (await self.connect()).count_workflows()
        except (RPCError, RuntimeError):
            return False
        return True
