"""Databases for the tests: a SQLite file, and a PostgreSQL server wherever one can be had."""

import contextlib
import itertools
import os
import pwd
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from stack import launcher
from tests.infrastructure.eventually import wait_until
from tests.infrastructure.processes import Program, free_port
from tests.infrastructure.shared import Unavailable, made_once, postgres_of

SETTING = "RESELL_TEST_DATABASE_URL"
DOCKER_IMAGE = "postgres:16-alpine"
DEBIAN_LAYOUT = Path("/usr/lib/postgresql")
# Nothing here has to survive a crash, and waiting for the disk is most of the cost of creating a database.
INSTALL = "INSERT INTO installation (id, tag, created_at) VALUES (1, {}, '2026-01-01 00:00:00.000000')"
# Without autovacuum, rows stay in the order in which they were written, in a database that was emptied, too.
FAST_NOT_SAFE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "300",
}
# Deletes, because most tables are empty or hold a few rows: to truncate all of them costs seven times as much.
EMPTY = """
DO $$
DECLARE name text; start bigint;
BEGIN
    SET LOCAL session_replication_role = replica;  -- foreign keys are not checked: nothing is left that they could name
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('LOCK TABLE %I', name);  -- whoever still writes has ended then
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    FOR name, start IN
        SELECT sequencename, start_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
    LOOP
        PERFORM setval(format('%I', name)::regclass, start, false);
    END LOOP;
END $$
"""

POSTGRES_TEMPLATE = "postgres-template.txt"
"""A file with the name of the database that the processes of a run copy."""

_numbers = itertools.count(1)


class NoServer(Exception):
    """There is no PostgreSQL to be had this way; the message says why."""


@pytest.fixture(scope="session")
def postgres_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """`postgresql://…` of a server on which the tests may create databases: see `any_server`.

    Without one the tests that need it are skipped; where CI=true they fail, as all do that are skipped.
    """
    with ExitStack() as stack:
        try:
            url = stack.enter_context(postgres_of(pytestconfig)) or stack.enter_context(any_server())
        except (NoServer, Unavailable) as reason:
            pytest.skip(f"NO POSTGRESQL, half of the database tests don't run: {reason}")
        yield url


@contextmanager
def any_server() -> Iterator[str]:
    """The server named by the setting RESELL_TEST_DATABASE_URL; else a container, where Docker answers; else the
    machine's own server programs, run for this test run alone. Raises NoServer where there are none of these."""
    if url := os.environ.get(SETTING):
        yield url
        return
    reasons = [f"{SETTING} is not set"]
    for way in (_in_container, server_of_our_own):
        try:
            server = way()
            url = server.__enter__()
        except NoServer as reason:
            reasons.append(str(reason))
            continue
        try:
            yield url
        finally:
            server.__exit__(None, None, None)
        return
    raise NoServer("; ".join(reasons))


@pytest.fixture
def postgres_database_url(postgres_url: str) -> Iterator[str]:
    """A PostgreSQL database of this test's own, empty."""
    with new_database(postgres_url) as url:
        yield url


@pytest.fixture
def sqlite_database_url(tmp_path: Path) -> str:
    """A SQLite file of this test's own, not yet there."""
    return f"sqlite:///{tmp_path / 'resellflow.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of this test's own; the test runs once on SQLite and once on PostgreSQL."""
    fixture = {"sqlite": "sqlite_database_url", "postgresql": "postgres_database_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture(scope="session")
def migrated_sqlite_template(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the product's schema, to be copied. All processes of a run have the same."""

    def migrated(file: Path) -> None:
        migrate_template(f"sqlite:///{file}")

    if shared := made_once(pytestconfig, "sqlite-template.db", migrated):
        return shared
    file = tmp_path_factory.mktemp("sqlite-template") / "resellflow.db"
    migrated(file)
    return file


@pytest.fixture(scope="session")
def migrated_postgres_template(pytestconfig: pytest.Config, postgres_url: str) -> Iterator[str]:
    """The name of a PostgreSQL database with the product's schema, to be copied: one for all processes of a run."""

    def migrated(file: Path) -> None:
        url = create_database(postgres_url)
        migrate_template(url)
        file.write_text(_name_in(url))

    if shared := made_once(pytestconfig, POSTGRES_TEMPLATE, migrated):
        yield shared.read_text()
        return
    with new_database(postgres_url) as url:
        migrate_template(url)
        yield _name_in(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """As `database_url`, with the product's schema in it and an installation tag of its own.

    The migrations run once for each kind of database in a test run; every test gets a copy.
    """
    if request.param == "sqlite":
        yield copy_of(request.getfixturevalue("migrated_sqlite_template"), tmp_path)
        return
    stock: Stock = request.getfixturevalue("postgres_stock")
    with stock.lent() as url:
        yield url


def copy_of(template: Path, directory: Path) -> str:
    """The URL of a copy of the migrated file, with an installation tag of its own."""
    file = directory / "resellflow.db"
    shutil.copy(template, file)
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA synchronous=OFF")  # else each test waits for the disk
        connection.execute(INSTALL.format("?"), (_tag(),))
    return f"sqlite:///{file}"


def _tag() -> str:
    return f"t{secrets.token_hex(2)}"


class Stock:
    """Migrated PostgreSQL databases that tests borrow. To make one and to drop it costs half a second of two cores;
    to empty it, a hundredth."""

    def __init__(self, server_url: str, template: str) -> None:
        self._server_url = server_url
        self._template = template
        self._free: list[str] = []
        self._made = contextlib.ExitStack()

    @contextmanager
    def lent(self) -> Iterator[str]:
        """One that looks like new, with an installation tag of its own; emptied afterwards, whoever is connected."""
        url = self._free.pop() if self._free else self._another()
        try:
            yield url
        finally:
            self._renew(url)
            self._free.append(url)

    def close(self) -> None:
        self._made.close()

    def _another(self) -> str:
        url = self._made.enter_context(new_database(self._server_url, template=self._template))
        self._renew(url)
        return url

    def _renew(self, url: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute(EMPTY)
            connection.execute(INSTALL.format("%s"), (_tag(),))


@pytest.fixture(scope="session")
def postgres_stock(postgres_url: str, migrated_postgres_template: str) -> Iterator[Stock]:
    stock = Stock(postgres_url, migrated_postgres_template)
    yield stock
    stock.close()


def migrate_template(url: str) -> None:
    """The schema without the installation: its tag must differ from copy to copy, and migrating a copy gives it one."""
    import sqlalchemy as sa

    from models.database import normalise_url
    from models.migrate import migrate
    from models.tables import Installation

    migrate(url)
    target = normalise_url(url)
    target = target.set(drivername="sqlite" if target.get_backend_name() == "sqlite" else "postgresql+psycopg")
    engine = sa.create_engine(target)
    try:
        with engine.begin() as connection:
            connection.execute(sa.delete(Installation))
    finally:
        engine.dispose()


@contextmanager
def new_database(server_url: str, *, template: str = "template0") -> Iterator[str]:
    """Create a database on the server, as a copy of `template`, and drop it in the end, whoever is still connected."""
    url = create_database(server_url, template=template)
    try:
        yield url
    finally:
        drop_database(server_url, _name_in(url))


def create_database(server_url: str, *, template: str = "template0") -> str:
    name = f"resell_test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def drop_database(server_url: str, name: str) -> None:
    """Whoever is still connected."""
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def drop_shared_template(server_url: str, directory: Path) -> None:
    """The one of a run that is over, if any of its processes has asked for it."""
    if (noted := directory / POSTGRES_TEMPLATE).exists():
        drop_database(server_url, noted.read_text())


def _name_in(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


@contextmanager
def _in_container() -> Iterator[str]:
    try:
        import docker  # type: ignore[import-untyped]

        docker.from_env(timeout=10).ping()
    except Exception as error:
        raise NoServer(f"Docker doesn't answer ({type(error).__name__})") from error
    from testcontainers.postgres import PostgresContainer

    container = PostgresContainer(DOCKER_IMAGE, driver=None).with_command(
        " ".join(f"-c {name}={value}" for name, value in FAST_NOT_SAFE.items())
    )
    try:
        container.start()
    except Exception as error:
        raise NoServer(f"Docker answers but can't run {DOCKER_IMAGE} ({error})") from error
    try:
        yield container.get_connection_url()
    finally:
        container.stop()


@contextmanager
def server_of_our_own() -> Iterator[str]:
    """Run the machine's server programs on a new data directory; the server's address. Raises NoServer where there
    are none."""
    with own_server() as server:
        yield server.url


@dataclass
class OwnServer:
    """A PostgreSQL server of this process, on a data directory that outlasts a restart."""

    home: Path
    programs: Path
    user: str | None
    port: int
    program: Program | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    """Beside those of all test servers."""

    @property
    def url(self) -> str:
        return f"postgresql://resell@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        settings = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        command: list[str | Path] = [self.programs / "postgres", "-D", self.home / "data"]
        for name, value in (settings | FAST_NOT_SAFE | dict(self.settings)).items():
            command += ["-c", f"{name}={value}"]
        self.program = Program(command, name="PostgreSQL server", user=self.user, cwd=self.home)
        wait_until(self._answers, timeout=30, ignoring=(psycopg.OperationalError,), message="PostgreSQL answers")

    def stop(self, *, timeout: float = 30) -> None:
        """At once: connections are cut, transactions rolled back."""
        if self.program is not None:
            self.program.send_signal(signal.SIGINT)
            self.program.wait_for_exit(timeout=timeout)

    def close(self) -> None:
        if self.program is not None:
            self.program.close()

    def _answers(self) -> bool:
        if self.program is None or not self.program.running:
            raise RuntimeError(f"the PostgreSQL server ended:\n{self.program.output if self.program else ''}")
        psycopg.connect(self.url, connect_timeout=5).close()
        return True


@contextmanager
def own_server(settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[OwnServer]:
    """A server that can be stopped and started again. Raises NoServer."""
    programs = server_programs()
    user = unprivileged_user()
    home = Path(tempfile.mkdtemp(prefix="resellflow-postgres-"))
    try:
        if user is not None:
            shutil.chown(home, user)
        run_initdb([programs / "initdb", "-D", home / "data", *INITDB_OPTIONS], user=user, cwd=home)
        server = OwnServer(home, programs, user, free_port(), settings=settings)
        try:
            server.start()
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)


INITDB_OPTIONS = ("--username=resell", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")


def server_programs() -> Path:
    """The directory of `initdb` and `postgres`: Debian's newest, else where PATH has them."""
    debian = sorted(DEBIAN_LAYOUT.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if debian:
        return debian[-1].parent
    if found := shutil.which("initdb"):
        return Path(found).parent
    raise NoServer(f"no server programs, neither under {DEBIAN_LAYOUT} nor on PATH (package `postgresql`)")


def unprivileged_user() -> str | None:
    """Whom to become, for PostgreSQL refuses to run as root; None when there is no need."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoServer("PostgreSQL doesn't run as root, and there is neither a user `postgres` nor `nobody`")


def run_initdb(arguments: list[str | Path], *, user: str | None, cwd: Path) -> None:
    become = ("--user", user) if user else ()
    command = [sys.executable, "-S", "-E", launcher.__file__, str(os.getpid()), *become, "--", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise NoServer(f"initdb failed: {done.stderr.strip()}")
