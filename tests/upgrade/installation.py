"""The processes of both programs, on one database and one Temporal."""

import asyncio
import json
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing
from pathlib import Path
from string import Template
from typing import Any

from sqlalchemy.engine import make_url

from benchmarks.soak.parts import ACCOUNTS, OPERATOR_TOKEN, PASSWORD, SHOP_TOKEN
from stack.ports import LOOPBACK, free_port
from tests.infrastructure.databases import any_server, new_database
from tests.infrastructure.processes import Program
from tests.infrastructure.temporal import own_temporal_server
from tests.upgrade.trees import Tree

READY_SECONDS = 120.0
COMMAND_SECONDS = 120.0
STOP_SECONDS = 90.0
CHOSEN_SECONDS = 300.0
LOOKS = 3
LOOK_SECONDS = 10.0
"""Each look starts a program, which takes more of the machine than several orders."""
CATALOGUE = Path("benchmarks", "soak", "catalogue.toml")
QUICK = {"RESELL_IDLE_INTERVAL": "5", "RESELL_HOT_INTERVAL": "1", "RESELL_BALANCE_INTERVAL": "2"}
"""How often upstreams are looked at. All time-outs are those of production, or a busy machine would send less."""
WITH_VERSIONS = {"worker.perNamespaceWorkerCount": "1"}
"""The server keeps the versions of workers by workflows of its own, which the tests' servers do not run."""


class Failed(Exception):
    """A step did not do what the page promises, in words."""


class Installation:
    """What both programs share. Processes are started, and ended when the context of `opened` is left."""

    def __init__(self, directory: Path, database_url: str, temporal: str, namespace: str, exits: ExitStack) -> None:
        self.directory = directory
        self.database_url = database_url
        self._exits = exits
        self._simulator_port = free_port()
        self.simulator_url = f"http://{LOOPBACK}:{self._simulator_port}"
        (directory / "temporal.toml").write_text("")
        self._variables = {
            "RESELL_DATABASE_URL": database_url,
            "RESELL_STOREFRONT_TOKENS": f"shop={SHOP_TOKEN}",
            "RESELL_OPERATOR_TOKENS": f"operator={OPERATOR_TOKEN}",
            "SOAK_UPSTREAM_PASSWORD": PASSWORD,
            "TEMPORAL_ADDRESS": temporal,
            "TEMPORAL_NAMESPACE": namespace,
            "TEMPORAL_CONFIG_FILE": str(directory / "temporal.toml"),
            "NO_PROXY": f"{LOOPBACK},localhost",
            **QUICK,
        }

    def start(self, tree: Tree, name: str, *arguments: str | Path, **variables: str) -> Program:
        """A Python program of this tree that stays."""
        return self._exits.enter_context(
            Program(
                [tree.python, *arguments],
                name=f"{tree.name} {name}",
                cwd=tree.directory,
                env=tree.environment() | self._variables | variables,
            )
        )

    async def start_simulator(self, tree: Tree) -> Program:
        accounts = [part for name in ACCOUNTS for part in ("--account", f"{name}:{PASSWORD}:0.00:EUR")]
        state = str(self.directory / "simulator.db")
        port = str(self._simulator_port)
        program = self.start(tree, "simulator", "-m", "simulator", "--port", port, "--state", state, *accounts)
        await self._ready(program, f"{self.simulator_url}/_sim/health")
        return program

    async def start_worker(self, tree: Tree) -> Program:
        """Its build id is the name of the tree."""
        address = f"{LOOPBACK}:{free_port()}"
        of_version = {"RESELL_BUILD_ID": tree.name, "RESELL_WORKER_HEALTH_ADDRESS": address}
        program = self.start(tree, "worker", "worker.py", **of_version)
        await self._ready(program, f"http://{address}/healthz")
        return program

    async def start_api(self, tree: Tree) -> tuple[Program, str]:
        """And its address."""
        port = free_port()
        program = self.start(tree, "API", "-m", "cli", "api", "--host", LOOPBACK, "--port", str(port))
        await self._ready(program, f"http://{LOOPBACK}:{port}/readyz")
        return program, f"http://{LOOPBACK}:{port}"

    async def stop(self, program: Program) -> None:
        """By SIGTERM. Raises Failed if it does not end well."""
        program.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(program.wait_for_exit, timeout=STOP_SECONDS)
        self._write_log(program)
        if status != 0:
            raise Failed(f"{program.name} ended with status {status}: {program.lines[-5:]}")

    async def kill(self, program: Program) -> None:
        """By SIGKILL, in the midst of whatever it does."""
        program.send_signal(signal.SIGKILL)
        await asyncio.to_thread(program.wait_for_exit, timeout=STOP_SECONDS)
        self._write_log(program)

    async def resell(self, tree: Tree, *arguments: str, status: int = 0) -> str:
        """A command of this tree to its end, and what it says. Raises Failed for any other status."""
        program = self.start(tree, arguments[0], "-m", "cli", *arguments)
        ended = await asyncio.to_thread(program.wait_for_exit, timeout=COMMAND_SECONDS)
        if ended != status:
            said = "\n".join(program.lines[-10:])
            raise Failed(f"{tree.name}: resell {' '.join(arguments)} ended with status {ended}, not {status}:\n{said}")
        return program.output

    async def orders_by_build(self, tree: Tree) -> dict[str, int]:
        return {one["build_id"]: int(one["orders"]) for one in await self._versions(tree)}

    async def _versions(self, tree: Tree) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(await self.resell(tree, "versions", "--json"))["items"]
        return listed

    async def make_current(self, tree: Tree) -> None:
        """As soon as Temporal has heard of the version: a worker says it with its first request for work. What was
        not answered in time is waited for, not asked for again."""
        ends = time.monotonic() + CHOSEN_SECONDS
        while True:
            try:
                await self.resell(tree, "versions", "current", tree.name)
                return
            except Failed:
                for _ in range(LOOKS):
                    await asyncio.sleep(LOOK_SECONDS)
                    if await self._is_current(tree):
                        return
                if time.monotonic() > ends:
                    raise

    async def _is_current(self, tree: Tree) -> bool:
        return any(one["build_id"] == tree.name and one["status"] == "current" for one in await self._versions(tree))

    async def set_up(self, tree: Tree) -> None:
        text = (tree.directory / CATALOGUE).read_text(encoding="utf-8")
        catalogue = self.directory / "catalogue.toml"
        catalogue.write_text(Template(text).substitute(simulator_url=self.simulator_url))
        await self.resell(tree, "setup", str(catalogue))

    async def back_up(self) -> Path:
        """As docs/operations.md says, while everything runs."""
        url = make_url(self.database_url)
        if url.get_backend_name() == "sqlite":
            file = self.directory / "saved.db"
            with closing(sqlite3.connect(str(url.database))) as source, closing(sqlite3.connect(file)) as saved:
                source.backup(saved)
            return file
        file = self.directory / "resellflow.dump"
        done = await asyncio.create_subprocess_exec(
            "pg_dump", "--format=custom", f"--file={file}", self.database_url, stderr=asyncio.subprocess.PIPE
        )
        _, said = await done.communicate()
        if done.returncode != 0:
            raise Failed(f"pg_dump has failed: {said.decode()}")
        return file

    async def _ready(self, program: Program, url: str) -> None:
        try:
            await asyncio.to_thread(program.wait_for_http, url, timeout=READY_SECONDS)
        except AssertionError as error:
            raise Failed(str(error)) from None

    def _write_log(self, program: Program) -> None:
        file = self.directory / f"{program.name.replace(' ', '-')}-{program.pid}.log"
        file.write_text(program.output + "\n", encoding="utf-8")


@asynccontextmanager
async def opened(directory: Path, database: str) -> AsyncIterator[Installation]:
    """`database`: sqlite or postgresql, which needs a server or its programs."""
    with ExitStack() as exits:
        if database == "sqlite":
            url = f"sqlite:///{directory / 'resellflow.db'}"
        else:
            url = exits.enter_context(new_database(exits.enter_context(any_server())))
        async with own_temporal_server(config=WITH_VERSIONS, file=directory / "temporal.db", stock=1) as server:
            with ExitStack() as programs:
                installation = Installation(directory, url, server.address, server.next_namespace(), programs)
                yield installation


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
