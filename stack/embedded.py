"""What the embedded stack consists of, where it keeps its data, and how its parts find each other."""

import asyncio
import base64
import fcntl
import json
import os
import secrets
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import httpx

from payloads.keyfile import KEY_BYTES
from stack import catalogue
from stack.ports import LOOPBACK, Port, ensure_free
from stack.processes import ChildFailed, Ready, StackFailed, Supervisor, answers

T = TypeVar("T")

PROJECT: Final = Path(__file__).resolve().parents[1]

SEARCH_ATTRIBUTES: Final = {
    "OrderStage": "Keyword",
    "StageSince": "Datetime",
    "FailureClass": "Keyword",
    "ServiceNumber": "Int",
    "OperationKind": "Keyword",
    "UpstreamName": "Keyword",
}

# The simulator's customer account: play money, reachable from this machine alone.
UPSTREAM_USER: Final = "reseller"
UPSTREAM_PASSWORD: Final = "secret"  # noqa: S105
UPSTREAM_BALANCE: Final = "100.00"
UPSTREAM_CURRENCY: Final = "EUR"


@dataclass(frozen=True)
class StackSettings:
    """Where the stack keeps its data and which ports it listens on (0 takes a free one)."""

    directory: Path = Path("var")
    temporal_port: int = 7233
    ui_port: int = 8233
    api_port: int = 8080
    simulator_port: int = 1500
    worker_health_port: int = 8081
    temporal: str = ""
    """The `temporal` program; without it, the packaged one or the one on PATH."""

    def ports(self) -> list[Port]:
        return [
            Port(self.temporal_port, "the Temporal server", "--temporal-port"),
            Port(self.ui_port, "Temporal UI", "--ui-port"),
            Port(self.api_port, "the storefront API", "--api-port"),
            Port(self.simulator_port, "the simulator", "--simulator-port"),
            Port(self.worker_health_port, "the worker's health endpoint", "--worker-health-port"),
        ]

    def with_free_ports(self) -> "StackSettings":
        """The same with every 0 replaced by a free port."""
        temporal, ui, api, simulator, health = (port.resolved().number for port in self.ports())
        return replace(
            self,
            temporal_port=temporal,
            ui_port=ui,
            api_port=api,
            simulator_port=simulator,
            worker_health_port=health,
        )


HELD: Final = """
  The database is older than what Temporal knows: it was restored from a backup. Worker and API wait until you run,
  in another terminal:  (. {environment}; resell restored)
"""


@dataclass(frozen=True)
class Tokens:
    """The bearer tokens of this stack's API."""

    storefront: str
    operator: str


class EmbeddedStack:
    """The running stack. Entering the context starts it, leaving it stops every process it started.

        async with EmbeddedStack(StackSettings()) as stack:
            await stack.guard(something(stack.api_url, stack.tokens.storefront))

    Entering raises PortsTaken before anything is started, and StackFailed when it can't be brought up. `progress` gets
    in words what has just become ready.
    """

    def __init__(self, settings: StackSettings, *, progress: Callable[[str], None] = lambda _: None) -> None:
        self.settings = settings.with_free_ports()
        self.directory = settings.directory.resolve()
        self._progress = progress
        self._is_held = False
        self._exits = AsyncExitStack()

    @property
    def api_url(self) -> str:
        return f"http://{LOOPBACK}:{self.settings.api_port}"

    @property
    def temporal_address(self) -> str:
        return f"{LOOPBACK}:{self.settings.temporal_port}"

    @property
    def temporal_ui_url(self) -> str:
        return f"http://{LOOPBACK}:{self.settings.ui_port}"

    @property
    def simulator_url(self) -> str:
        """The simulator's root; the panel is at /billmgr, its administration at /_sim."""
        return f"http://{LOOPBACK}:{self.settings.simulator_port}"

    @property
    def worker_health_url(self) -> str:
        return f"http://{LOOPBACK}:{self.settings.worker_health_port}/healthz"

    @property
    def logs(self) -> Path:
        return self.directory / "log"

    @property
    def environment_file(self) -> Path:
        """A shell file to source before using `resell` on this stack."""
        return self.directory / "environment.sh"

    @property
    def tokens_file(self) -> Path:
        return self.directory / "tokens.json"

    @property
    def tokens(self) -> Tokens:
        """Made at the first start, the same ever after."""
        file = self.tokens_file
        if not file.exists():
            fresh = Tokens(storefront=secrets.token_urlsafe(24), operator=secrets.token_urlsafe(24))
            _write_private(file, json.dumps(fresh.__dict__))
        return Tokens(**json.loads(file.read_text(encoding="utf-8")))

    @property
    def webhook_key_file(self) -> Path:
        """Made at the first start: it seals the secrets of webhooks that are added by the API."""
        file = self.directory / "webhook.keys"
        if not file.exists():
            _write_private(file, f"made-here {base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}\n")
        return file

    @property
    def variables(self) -> dict[str, str]:
        """Settings that a process needs to work with this stack."""
        tokens = self.tokens
        return {
            "RESELL_DATABASE_URL": f"sqlite:///{self.directory / 'resellflow.db'}",
            "RESELL_STOREFRONT_TOKENS": f"demo={tokens.storefront}",
            "RESELL_OPERATOR_TOKENS": f"operator={tokens.operator}",
            "RESELL_TEMPORAL_UI_URL": self.temporal_ui_url,
            "RESELL_WORKER_HEALTH_ADDRESS": f"{LOOPBACK}:{self.settings.worker_health_port}",
            "RESELL_WEBHOOK_PRIVATE": "true",  # to try webhooks against a receiver on this machine
            "RESELL_WEBHOOK_STOREFRONT_PRIVATE": "true",
            "RESELL_WEBHOOK_KEY_FILE": str(self.webhook_key_file),
            "MAIN_UPSTREAM_PASSWORD": UPSTREAM_PASSWORD,
            "TEMPORAL_ADDRESS": self.temporal_address,
            "TEMPORAL_NAMESPACE": "default",
            # An empty file: the profile of the person who runs this may point to a production cluster.
            "TEMPORAL_CONFIG_FILE": str(self.directory / "temporal.toml"),
        }

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of the children: this one, without what it says about other Temporal servers."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
        return inherited | self.variables | {"PYTHONUNBUFFERED": "1", "NO_PROXY": _without_proxy(inherited)}

    async def guard(self, work: Coroutine[object, object, T]) -> T:
        """Do `work` for as long as the whole stack runs; raises StackFailed when a part of it ends before the work
        does."""
        return await self._supervisor.guard(work)

    def hurry(self) -> None:
        """From now on, stopping waits for nothing."""
        if hasattr(self, "_supervisor"):
            self._supervisor.hurry()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            exits.enter_context(self._only_one())
            ensure_free(self.settings.ports())
            self._write_files()
            self._http = await exits.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=5))
            self._supervisor = await exits.enter_async_context(Supervisor(self.logs, self.environment))
            await self._supervisor.guard(self.start_parts())
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._exits.aclose()

    async def start_parts(self) -> None:
        """Start all parts, in the order in which they need each other."""
        # Stopping goes the other way round: first those who ask, then those who are asked.
        await _together(
            self.start_part("temporal", self._temporal_command(), self._temporal_ready),
            self.start_part("simulator", self._simulator_command(), self._answers(f"{self.simulator_url}/billmgr")),
            self._prepare_database(),
        )
        api: list[str | Path] = [_resell(), "api", "--host", LOOPBACK, "--port", str(self.settings.api_port)]
        await _together(
            self.start_part("worker", [sys.executable, PROJECT / "worker.py"], self._works(self.worker_health_url)),
            self.start_part("api", api, self._works(f"{self.api_url}/readyz")),
        )
        if self._is_held:
            self._progress(HELD.format(environment=self.environment_file))

    async def _prepare_database(self) -> None:
        await self.run_part("migrate", [_resell(), "migrate"])
        await self.run_part("setup", [_resell(), "setup", self.directory / "catalogue.toml"])

    async def start_part(self, name: str, command: Sequence[str | Path], ready: Ready) -> None:
        """Start a part that stays; return when it is ready."""
        begun = time.monotonic()
        await self._supervisor.start(name, command, ready=ready)
        self._progress(f"{name:<10} ready after {time.monotonic() - begun:.1f} s")

    async def run_part(self, name: str, command: Sequence[str | Path]) -> None:
        """Run a part to its end."""
        begun = time.monotonic()
        await self._supervisor.run(name, command)
        self._progress(f"{name:<10} done in {time.monotonic() - begun:.1f} s")

    def _answers(self, url: str) -> Ready:
        return partial(answers, url, client=self._http)

    def _works(self, url: str) -> Ready:
        """Or waits for `resell restored`, which needs this stack."""

        async def ready() -> bool:
            try:
                answer = await self._http.get(url)
            except httpx.HTTPError:
                return False
            self._is_held = self._is_held or "resell restored" in answer.text
            return answer.is_success or self._is_held

        return ready

    async def _temporal_ready(self) -> bool:
        # Asked through the UI, which passes it on: a yes says that both are there, and the namespace with its store.
        return await answers(f"{self.temporal_ui_url}/api/v1/namespaces/default", client=self._http)

    def _temporal_command(self) -> list[str | Path]:
        command: list[str | Path] = [temporal_program(self.settings.temporal), "server", "start-dev"]
        command += ["--ip", LOOPBACK, "--port", str(self.settings.temporal_port), "--log-level", "warn"]
        command += ["--ui-port", str(self.settings.ui_port), "--db-filename", self.directory / "temporal.db"]
        for name, kind in SEARCH_ATTRIBUTES.items():
            command += ["--search-attribute", f"{name}={kind}"]
        return command

    def _simulator_command(self) -> list[str | Path]:
        account = ":".join((UPSTREAM_USER, UPSTREAM_PASSWORD, UPSTREAM_BALANCE, UPSTREAM_CURRENCY))
        command: list[str | Path] = [sys.executable, "-m", "simulator", "--port", str(self.settings.simulator_port)]
        return [*command, "--state", self.directory / "simulator.json", "--account", account]

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        """Keep a second stack out of the same data."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            lock = (self.directory / "stack.lock").open("a+")
        except OSError as error:
            raise StackFailed(
                f"Can't keep data in {self.directory}: {error.strerror}; choose another with --directory DIRECTORY."
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                owner = lock.read().strip()
                raise StackFailed(
                    f"A stack is already running with the data in {self.directory} (process {owner}); "
                    "stop it, or choose another directory with --directory DIRECTORY."
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def _write_files(self) -> None:
        (self.directory / "temporal.toml").write_text("", encoding="utf-8")
        values = {"username": UPSTREAM_USER, "currency": UPSTREAM_CURRENCY}
        if told := catalogue.write(self.directory, self.simulator_url, values):
            self._progress(told)
        # For whoever types: the API and a token as the documentation names them, and `resell` and `python`.
        typed = {"API": self.api_url, "TOKEN": self.tokens.operator}
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in (self.variables | typed).items())
        programs = shlex.quote(str(Path(sys.executable).parent))
        _write_private(self.environment_file, f"{exports}export PATH={programs}:$PATH\n")


def temporal_program(chosen: str = "") -> str:
    """The `temporal` command: the one chosen, else the one packaged with this environment, else the one on PATH."""
    packaged = Path(sys.executable).with_name("temporal")
    found = chosen or (str(packaged) if packaged.exists() else shutil.which("temporal"))
    if not found:
        raise StackFailed("There is no `temporal` program: install requirements-dev.txt (`make .venv`), or name one.")
    return found


def _resell() -> Path:
    return Path(sys.executable).with_name("resell")


def _without_proxy(environment: dict[str, str]) -> str:
    """The addresses that are reached directly, with this machine's added."""
    named = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    return ",".join(filter(None, (named, LOOPBACK, "localhost")))


def _write_private(file: Path, text: str) -> None:
    """A file name that is no text stands in it as its bytes."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
        opened.write(text.encode("utf-8", "surrogateescape"))


async def _together(*work: Coroutine[object, object, None]) -> None:
    """Run all at the same time. The first failure ends the others and is raised without a group."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except* ChildFailed as failures:
        raise failures.exceptions[0] from None
