"""What a database's errors mean: real ones, of real databases."""

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.sweeping import SweepActivities
from models.database import Database, PoolTerms
from models.messages import SweepInput
from models.outages import Outage, described, is_unavailable, outage_of
from models.readiness import Readiness
from settings import Settings
from tests.infrastructure.databases import copy_of
from tests.infrastructure.processes import PROJECT, free_port
from worker import CannotStart, NotReady, _ready, _while_database_is_away

pytestmark = pytest.mark.dialects

WAITING_MENDS = {Outage.AWAY, Outage.BUSY, Outage.READ_ONLY}
IMPATIENT = PoolTerms(wait=0.2)
ROLE = "outage_role"


@contextlib.contextmanager
def role(url: str, options: sql.SQL) -> Iterator[str]:
    """The address as a new role of the server would write it."""
    parts = urlsplit(url)
    name = sql.Identifier(ROLE)
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        server.execute(sql.SQL("ALTER ROLE {} {}").format(name, options))
    try:
        yield urlunsplit(parts._replace(netloc=f"{ROLE}@{parts.netloc.rpartition('@')[2]}"))
    finally:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", [ROLE])
            server.execute(sql.SQL("DROP ROLE {}").format(name))


async def error_of(url: str, statement: str) -> BaseException:
    """What the database says to a statement in a write."""
    database = Database(url, IMPATIENT)
    try:
        async with database.write() as session:
            await (await session.connection()).execute(sa.text(statement))
    except Exception as error:
        return error
    finally:
        await database.close()
    raise AssertionError("it did as it was asked")


@pytest.mark.parametrize(
    ("statement", "outage"),
    [
        ("SELECT surplus FROM installation", Outage.SCHEMA),
        ("SELECT 1 FROM surplus", Outage.SCHEMA),
        ("INSERT INTO installation (surplus) VALUES (1)", Outage.SCHEMA),
        ("SELEC 1", None),
        ("INSERT INTO installation (id, tag) VALUES (1, 'x')", None),
        ("SELECT no_such_function(1)", None),
    ],
)
async def test_what_is_asked_wrongly_is_no_outage_that_passes(
    migrated_database_url: str, statement: str, outage: Outage | None
) -> None:
    error = await error_of(migrated_database_url, statement)
    assert outage_of(error) is outage
    assert not is_unavailable(error)


@pytest.mark.parametrize(
    ("options", "outage"),
    [("NOLOGIN", Outage.REFUSED), ("CONNECTION LIMIT 0", Outage.BUSY), ("NOINHERIT", Outage.REFUSED)],
)
async def test_postgresql_refuses_a_role(postgres_database_url: str, options: str, outage: Outage) -> None:
    """The last one may log in, and has no rights."""
    with psycopg.connect(postgres_database_url, autocommit=True) as server:
        server.execute("CREATE TABLE sample (id int)")
    with role(postgres_database_url, sql.SQL(options)) as url:
        error = await error_of(url, "INSERT INTO sample VALUES (1)")
    assert outage_of(error) is outage, described(error)
    assert is_unavailable(error) == (outage in WAITING_MENDS)


async def test_postgresql_that_is_not_there_or_has_no_such_database(postgres_database_url: str) -> None:
    away = await error_of(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing", "SELECT 1")
    nowhere = await error_of("postgresql://nobody@nowhere.invalid/nothing", "SELECT 1")
    unknown = await error_of(urlunsplit(urlsplit(postgres_database_url)._replace(path="/nothing")), "SELECT 1")
    assert [outage_of(error) for error in (away, nowhere, unknown)] == [Outage.AWAY, Outage.AWAY, Outage.REFUSED]


@pytest.mark.parametrize(
    "words",
    [
        'password authentication failed for user "resell"',
        "fe_sendauth: no password supplied",
        'no pg_hba.conf entry for host "10.0.0.7", user "resell"',
        'database "resell" does not exist',
    ],
)
def test_a_log_in_that_is_refused_is_not_waited_for(words: str) -> None:
    """libpq gives no SQLSTATE for it. (The server of the tests trusts everybody.)"""
    refused = psycopg.OperationalError(f'connection failed: connection to server at "x", failed: FATAL:  {words}')
    assert outage_of(OperationalError("", None, refused)) is Outage.REFUSED
    lost = psycopg.OperationalError("server closed the connection unexpectedly")
    assert outage_of(OperationalError("", None, lost)) is Outage.AWAY


@pytest.mark.parametrize(
    ("sqlstate", "outage"),
    [
        ("08006", Outage.AWAY),
        ("57P01", Outage.AWAY),
        ("57P03", Outage.AWAY),
        ("40P01", Outage.BUSY),
        ("40001", Outage.BUSY),
        ("53300", Outage.BUSY),
        ("55P03", Outage.BUSY),
        ("57014", Outage.BUSY),
        ("25006", Outage.READ_ONLY),
        ("53100", Outage.FULL),
        ("28P01", Outage.REFUSED),
        ("3D000", Outage.REFUSED),
        ("42501", Outage.REFUSED),
        ("42703", Outage.SCHEMA),
        ("XX001", Outage.DAMAGED),
        ("23505", None),
        ("22003", None),
        ("42601", None),
        ("25P02", None),
    ],
)
def test_postgresql_is_judged_by_its_code(sqlstate: str, outage: Outage | None) -> None:
    error = psycopg.errors.lookup(sqlstate)("the same words whatever it is")
    assert outage_of(IntegrityError("INSERT", {}, error)) is outage
    assert is_unavailable(error) == (outage in WAITING_MENDS)


NO_ROOM = """
import resource, signal, sqlite3, sys
from models.outages import described
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
database = sqlite3.connect(sys.argv[1])
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
try:
    database.execute("SELECT 1 FROM installation")
except sqlite3.Error as error:
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    print(described(error))
"""


def test_sqlite_that_has_no_room_for_the_file_beside_it_is_full(migrated_sqlite_template: Path, tmp_path: Path) -> None:
    """As on a full disk: the first process that opens the database makes that file before it reads anything."""
    copy_of(migrated_sqlite_template, tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "resellflow.db")) as made:
        made.execute("PRAGMA journal_mode=WAL")
    command = [sys.executable, "-c", NO_ROOM, str(tmp_path / "resellflow.db")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "the database's disk is full; make room (disk I/O error)\n"


async def test_sqlite_is_judged_by_its_code(migrated_sqlite_template: Path, tmp_path: Path) -> None:
    (tmp_path / "junk").write_text("no database " * 1000)
    url = copy_of(migrated_sqlite_template, tmp_path)
    assert outage_of(await error_of("sqlite:////nowhere/x.db", "SELECT 1")) is Outage.AWAY
    assert outage_of(await error_of(f"sqlite:///{tmp_path / 'junk'}", "SELECT 1")) is Outage.REFUSED
    with contextlib.closing(sqlite3.connect(tmp_path / "resellflow.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert outage_of(await error_of(url, "SELECT 1")) is Outage.BUSY
        readiness = Readiness(url)
        assert await readiness.outage() is None, "busy is not out of order"
        await readiness.close()


async def test_a_sqlite_disk_that_is_full(migrated_sqlite_template: Path, tmp_path: Path) -> None:
    database = Database(copy_of(migrated_sqlite_template, tmp_path))
    async with database.write() as session:
        connection = await session.connection()
        await connection.execute(sa.text("CREATE TABLE t (a)"))
        await connection.execute(sa.text("PRAGMA max_page_count = 1"))
        with pytest.raises(OperationalError) as caught:
            await connection.execute(sa.text("INSERT INTO t VALUES (zeroblob(9000000))"))
    await database.close()
    assert outage_of(caught.value) is Outage.FULL
    assert not is_unavailable(caught.value)
    assert described(caught.value) == "the database's disk is full; make room (database or disk is full)"


async def test_a_worker_waits_for_the_schema_and_not_for_what_is_no_database(
    sqlite_database_url: str, tmp_path: Path
) -> None:
    with pytest.raises(NotReady, match="resell migrate"):
        await _ready(Database(sqlite_database_url))
    (tmp_path / "junk").write_text("no database " * 1000)
    with pytest.raises(CannotStart, match="does not let us in"):
        await _ready(Database(f"sqlite:///{tmp_path / 'junk'}"))


async def test_a_worker_that_starts_waits_for_a_database_that_goes_away_between_two_questions() -> None:
    database = Database(f"postgresql://resell@127.0.0.1:{free_port()}/none", IMPATIENT)
    asked: list[str] = []

    async def answer() -> str:
        asked.append("once more")
        if len(asked) == 1:
            async with database.read() as session:
                await (await session.connection()).execute(sa.text("SELECT 1"))
        return "it is here again"

    assert await _while_database_is_away("comparing", answer, asyncio.Event()) == "it is here again"
    assert len(asked) == 2
    await database.close()


async def test_what_a_worker_asks_wrongly_fails_loudly(
    migrated_sqlite_template: Path, tmp_path: Path, unanswered: Client
) -> None:
    """Temporal repeats the activity, and shows why."""
    database = Database(copy_of(migrated_sqlite_template, tmp_path))
    async with database.write() as session:
        renamed = sa.text("ALTER TABLE operation RENAME COLUMN workflow_started_at TO started")
        await (await session.connection()).execute(renamed)
    sweep = SweepActivities(database, unanswered, Settings())
    with pytest.raises(OperationalError, match="no such column"):
        await ActivityEnvironment().run(sweep.sweep_orders, SweepInput(lap=timedelta(seconds=30)))
    await database.close()


@pytest.fixture
async def unanswered() -> Client:
    """A client of a Temporal that is not there."""
    return await Client.connect(f"127.0.0.1:{free_port()}", lazy=True)


async def test_what_an_error_tells_has_no_values(migrated_database_url: str) -> None:
    secret = "INSERT INTO installation (id, tag, created_at) VALUES (1, 'secret', '2026-01-01')"
    assert "secret" not in described(await error_of(migrated_database_url, secret))


async def test_what_an_error_tells_has_nothing_of_the_address(postgres_database_url: str) -> None:
    parts = urlsplit(postgres_database_url)
    for url, words in (
        (f"postgresql://s0mebody:pass-word@localhost:{free_port()}/name", "Connection refused"),
        ("postgresql://s0mebody:pass-word@host.invalid/name", "failed to resolve host …"),
        (urlunsplit(parts._replace(path="/no-such-database")), "database … does not exist"),
        (postgres_database_url + "?sslmode=pass-word", "invalid sslmode value"),
    ):
        said = described(await error_of(url, "SELECT 1"))
        assert words in said
        assert not any(piece in said for piece in ("pass-word", "s0mebody", "host.invalid", "no-such-database"))


@pytest.fixture
async def one_connection(postgres_database_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_database_url, PoolTerms(size=1, more=0))
    yield database
    await database.close()


async def _write(database: Database) -> None:
    async with database.write() as session:
        await (await session.connection()).execute(sa.text("CREATE TABLE IF NOT EXISTS sample (id int)"))


async def test_a_connection_to_what_became_read_only_is_not_kept(one_connection: Database) -> None:
    """The primary was replaced: new connections lead to the new one, those that are open to the old one."""
    database = one_connection
    async with database.read() as session:
        await (await session.connection()).execute(sa.text("SET default_transaction_read_only = on"))
    with pytest.raises(DBAPIError) as caught:
        await _write(database)
    assert outage_of(caught.value) is Outage.READ_ONLY
    assert is_unavailable(caught.value)
    await _write(database)


async def test_a_sqlite_connection_that_is_read_only_is_not_kept(
    migrated_sqlite_template: Path, tmp_path: Path
) -> None:
    """It stays so when the file becomes writable again."""
    database = Database(copy_of(migrated_sqlite_template, tmp_path))
    async with database.write() as session:
        await (await session.connection()).execute(sa.text("PRAGMA query_only = 1"))
    with pytest.raises(OperationalError) as caught:
        await _write(database)
    assert outage_of(caught.value) is Outage.READ_ONLY
    await _write(database)
    await database.close()


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO installation (id) VALUES (2)", "UPDATE installation SET id = 3", "DELETE FROM installation"],
)
async def test_a_read_writes_nothing(migrated_database_url: str, statement: str) -> None:
    database = Database(migrated_database_url)
    try:
        async with database.read() as session:
            connection = await session.connection()
            for write in (sa.text(statement), sa.delete(sa.table("installation", sa.column("id")))):
                with pytest.raises(RuntimeError, match=r"Database\.read"):
                    await connection.execute(write)
            found = await connection.execute(sa.text("SELECT id FROM installation"))
            assert found.scalars().all() == [1]
    finally:
        await database.close()
