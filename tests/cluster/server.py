"""A Temporal server on PostgreSQL as `docker-compose.yml` deploys it: its settings, and the scripts under `deploy/`.

What differs from there: all listens on loopback, on free ports; nobody needs a password for PostgreSQL; the programs
are built here (`programs`).
"""

import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from stack.ports import LOOPBACK, free_port
from tests.cluster.programs import DEPLOYED, Missing, Programs, programs
from tests.infrastructure.databases import NoServer, OwnServer, own_server
from tests.infrastructure.eventually import wait_until
from tests.infrastructure.processes import PROJECT, Program, outlasts_test
from tests.infrastructure.temporal import TemporalServer

AS_IN_COMPOSE = {
    "max_connections": "300",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
}
"""The last four are left off by other tests."""
PASSWORD = "of-temporal"
LISTENERS = (
    "FRONTEND_GRPC_PORT",
    "FRONTEND_MEMBERSHIP_PORT",
    "FRONTEND_HTTP_PORT",
    "HISTORY_GRPC_PORT",
    "HISTORY_MEMBERSHIP_PORT",
    "MATCHING_GRPC_PORT",
    "MATCHING_MEMBERSHIP_PORT",
    "WORKER_GRPC_PORT",
    "WORKER_MEMBERSHIP_PORT",
)
SERVES_WITHIN = 120.0
STOPS_WITHIN = 300.0
"""Seconds for PostgreSQL, which writes all that it has in memory to a disk that is waited for."""
SCRIPT_SECONDS = 300
_BY_DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")
_numbers = itertools.count(1)


@dataclass
class Cluster:
    """The server and the PostgreSQL that holds its state. `kill` and `start` keep that state."""

    postgres: OwnServer
    programs: Programs
    ports: Mapping[str, int] = field(default_factory=lambda: {name: free_port() for name in LISTENERS})
    program: Program | None = None

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.ports['FRONTEND_GRPC_PORT']}"

    def prepare(self) -> None:
        """The databases, and Temporal's schema in them."""
        passwords = {"TEMPORAL_DB_PASSWORD": PASSWORD, "RESELLFLOW_DB_PASSWORD": "of-resellflow"}
        at = {"PGHOST": LOOPBACK, "PGPORT": str(self.postgres.port), "POSTGRES_USER": "resell"}
        self._ran(PROJECT / "deploy" / "postgresql" / "create-databases.sh", at | passwords)
        self.bring_schema()

    def bring_schema(self) -> str:
        """What the job wrote. It can be run again."""
        at = {"SQL_HOST": LOOPBACK, "SQL_PORT": str(self.postgres.port)}
        return self._ran(DEPLOYED / "schema.sh", at | {"SQL_USER": "temporal", "SQL_PASSWORD": PASSWORD})

    def start(self) -> None:
        """Return when it serves: it may be a minute after it was killed."""
        here = {
            "POSTGRES_SEEDS": LOOPBACK,
            "DB_PORT": str(self.postgres.port),
            "POSTGRES_USER": "temporal",
            "POSTGRES_PWD": PASSWORD,
            "BIND_ON_IP": LOOPBACK,
            "LOG_LEVEL": "warn",
            "DYNAMIC_CONFIG_FILE_PATH": str(DEPLOYED / "dynamicconfig.yaml"),
        }
        environment = settings_in_compose() | here | {name: str(port) for name, port in self.ports.items()}
        with _for_all_tests():
            self.program = Program([self.programs.server, "start"], name="temporal-server", env=environment)
        wait_until(self._serves, timeout=SERVES_WITHIN, interval=0.5, message="the Temporal server serves")

    def kill(self) -> None:
        """At once, as a machine that is switched off."""
        assert self.program is not None
        self.program.kill()

    @contextmanager
    def without_postgres(self) -> Iterator[None]:
        """Its connections are cut, and nobody gets new ones until the context is left."""
        self.postgres.stop(timeout=STOPS_WITHIN)
        try:
            yield
        finally:
            with _for_all_tests():
                self.postgres.start()

    def close(self) -> None:
        if self.program is not None:
            self.program.close()

    def make_namespace(self, name: str) -> str:
        """With our search attributes. Returns the name."""
        given = {"TEMPORAL_ADDRESS": self.address, "TEMPORAL_NAMESPACE": name, "RETENTION": "30d"}
        self._ran(DEPLOYED / "namespace.sh", given)
        return name

    def temporal(self, *arguments: str, namespace: str = "default") -> subprocess.CompletedProcess[str]:
        """The command `temporal` as a person uses it on this server."""
        given = {"TEMPORAL_ADDRESS": self.address, "TEMPORAL_NAMESPACE": namespace}
        return self.run(["temporal", *arguments], given)

    def as_server(self) -> TemporalServer:
        """For the fixtures of other tests: a namespace is made when it is asked for."""
        return TemporalServer(self.address, (self.make_namespace(f"story-{number}") for number in _numbers))

    def _serves(self) -> bool:
        assert self.program is not None
        if not self.program.running:
            raise RuntimeError(f"the Temporal server ended:\n{self.program.output}")
        return self.temporal("operator", "cluster", "health").returncode == 0

    def _ran(self, script: Path, env: Mapping[str, str]) -> str:
        done = self.run(["sh", str(script)], env)
        output = done.stdout + done.stderr
        assert done.returncode == 0, f"{script.name} ended with status {done.returncode}:\n{output}"
        return output

    def run(
        self, command: list[str], env: Mapping[str, str] = MappingProxyType({})
    ) -> subprocess.CompletedProcess[str]:
        whole = {**os.environ, "PATH": self.programs.path, **env}
        return subprocess.run(
            command, env=whole, cwd=PROJECT, capture_output=True, text=True, timeout=SCRIPT_SECONDS, check=False
        )


@contextmanager
def _for_all_tests() -> Iterator[None]:
    """What is started within outlasts the test that does so."""
    before = outlasts_test.set(True)
    try:
        yield
    finally:
        outlasts_test.reset(before)


def settings_in_compose() -> dict[str, str]:
    """The environment of the service `temporal` there, as it is if nobody chooses otherwise."""
    compose: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
    environment = compose["services"]["temporal"]["environment"]
    chosen = {name: _BY_DEFAULT.sub(r"\1", str(value)) for name, value in environment.items()}
    assert not any("${" in value for value in chosen.values()), f"no default: {chosen}"
    return chosen


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """One that serves. Raises Missing."""
    built = programs()
    with ExitStack() as stack:
        try:
            postgres = stack.enter_context(own_server(AS_IN_COMPOSE))
        except NoServer as reason:
            raise Missing(f"no PostgreSQL: {reason}") from reason
        if not shutil.which("psql"):
            raise Missing("psql is missing (package `postgresql-client`)")
        cluster = Cluster(postgres, built)
        stack.callback(cluster.close)
        cluster.prepare()
        cluster.start()
        yield cluster
