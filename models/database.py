"""The connection to the database: SQLite (WAL) or PostgreSQL behind one pair of methods, `read` and `write`."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, TimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util.concurrency import await_
from sqlmodel.ext.asyncio.session import AsyncSession

from models import postgres, sqlite

BUSY_TIMEOUT_SECONDS = sqlite.LOCK_TIMEOUT_SECONDS


def normalise_url(text: str) -> URL:
    """`sqlite:///file` or `postgresql://…` with the async driver we use. Raises ValueError for any other database."""
    try:
        url = make_url(text)
    except ArgumentError:  # its message is not repeated: the address may carry a password
        raise ValueError(
            "RESELL_DATABASE_URL is not an address; use sqlite:///FILE or postgresql://USER@HOST/DATABASE"
        ) from None
    match url.get_backend_name():
        case "sqlite":
            return url.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            return url.set(drivername="postgresql+psycopg")
        case other:
            raise ValueError(
                f"RESELL_DATABASE_URL: {other!r} is not supported; use sqlite:///FILE or postgresql://USER@HOST/DATABASE"
            )


class Database:
    """Short transactions: `read()` only reads, `write()` commits on leaving and rolls back on an error.

    On SQLite a read sees one state from its first statement on, and a write takes the write lock at its start, so two
    writers queue instead of failing half way. On PostgreSQL every statement sees what was committed when it began;
    rows that decide are locked with SELECT … FOR UPDATE by the code that decides, in a write.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        target = normalise_url(url)
        self.is_sqlite = target.get_backend_name() == "sqlite"
        # Of several free connections the one used last has the most statements prepared.
        options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 20, "pool_use_lifo": True}
        if self.is_sqlite:
            file = target.database or ":memory:"
            options["creator"] = lambda: await_(sqlite.connect(file))
        else:
            options["connect_args"] = postgres.CONNECT_OPTIONS
        self.engine: AsyncEngine = create_async_engine(target, **options)
        self._reader: AsyncEngine = self.engine
        self._one_writer: AbstractAsyncContextManager[AsyncEngine | AsyncConnection] = nullcontext(
            self.engine.execution_options(write=True)
        )
        if self.is_sqlite:
            _prepare_sqlite(self.engine)
            self._one_writer = _Writer(self.engine)
        else:
            postgres.prepare(self.engine)
            self._reader = self.engine.execution_options(**{postgres.READS: True})

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        async with _session(self._reader, autoflush=False) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        async with self._one_writer as bind, _session(bind) as session:
            if self.is_sqlite:
                await session.connection()  # takes the lock
            yield session
            await session.commit()

    async def close(self) -> None:
        if isinstance(self._one_writer, _Writer):
            await self._one_writer.close()
        await self.engine.dispose()


@asynccontextmanager
async def _session(bind: AsyncEngine | AsyncConnection, **options: Any) -> AsyncIterator[AsyncSession]:
    session = AsyncSession(bind, expire_on_commit=False, **options)
    try:
        yield session
    except BaseException:
        await session.__aexit__(None, None, None)  # to its end, also if this task is cancelled meanwhile
        raise
    await session.close()  # nothing is left to be asked of the database


class _Writer:
    """The one connection of this process that writes to SQLite, for one transaction at a time.

    SQLite lets one write at a time and has the others ask again, up to a tenth of a second later and in no order; so
    this process's own writers wait for each other here, in line. The connection stays open, out of the pool.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._line = asyncio.Lock()
        self._connection: AsyncConnection | None = None

    async def __aenter__(self) -> AsyncConnection:
        await self._line.acquire()
        try:
            if self._connection is None or self._connection.closed or self._connection.invalidated:
                self._connection = await self._engine.execution_options(write=True).connect()
            return self._connection
        except BaseException:
            self._line.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._line.release()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


def _prepare_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        ours = connection.connection.dbapi_connection
        assert isinstance(ours, sqlite.Connection)  # noqa: S101 - see the engine's creator
        if connection.get_execution_options().get("write", False):
            try:
                ours.begin_writing()
            except sqlite3.OperationalError as error:
                raise OperationalError("BEGIN IMMEDIATE", None, error) from error
        else:
            ours.begin_reading()


def is_unavailable(error: BaseException) -> bool:
    """The database cannot be reached just now (as against: it refused what was asked)."""
    if isinstance(error, TimeoutError | ConnectionError):
        return True
    if isinstance(error, OperationalError | InterfaceError):
        return True
    if isinstance(error, DBAPIError) and (error.connection_invalidated or lacks_schema(error)):
        return True
    return isinstance(error, sqlite3.OperationalError)


def lacks_schema(error: BaseException) -> bool:
    """A table is not there: the database answers, but `resell migrate` has not been run on it."""
    if not isinstance(error, DBAPIError):
        return False
    return getattr(error.orig, "sqlstate", None) == "42P01" or "no such table" in str(error.orig)


async def ping(database: Database) -> None:
    """Raises if the database does not answer or has no schema."""
    async with database.read() as session:
        await session.connection()
        await (await session.connection()).execute(sa.text("SELECT tag FROM installation"))


async def now(session: AsyncSession) -> datetime:
    """The time by the database's clock, that of this moment and not of the transaction's start."""
    connection = await session.connection()
    return time_of((await connection.execute(sa.select(clock(connection.dialect.name)))).scalar_one())


def clock(dialect: str) -> sa.ColumnElement[Any]:
    """The same as part of a statement; `time_of` reads what comes back."""
    if dialect == "sqlite":
        return sa.func.strftime("%Y-%m-%d %H:%M:%f", "now")
    return sa.func.clock_timestamp()


def time_of(told: str | datetime) -> datetime:
    if isinstance(told, str):
        return datetime.fromisoformat(told).replace(tzinfo=UTC)
    return told.astimezone(UTC)
