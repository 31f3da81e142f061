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
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from models import sqlite

BUSY_TIMEOUT_SECONDS = 30


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
    """Short transactions: `read()` sees a consistent state, `write()` commits on leaving and rolls back on an error.

    On SQLite a write transaction takes the write lock at its start (BEGIN IMMEDIATE), so two writers queue instead of
    failing half way. On PostgreSQL rows that decide are locked with SELECT … FOR UPDATE by the code that decides.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        target = normalise_url(url)
        self.is_sqlite = target.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"pool_pre_ping": not self.is_sqlite}
        if self.is_sqlite:
            connect = {"timeout": BUSY_TIMEOUT_SECONDS, "async_creator_fn": sqlite.connect}
            options |= {"connect_args": connect, "pool_size": pool_size, "max_overflow": 20}
        else:
            options |= {"pool_size": pool_size, "max_overflow": 20, "connect_args": {"connect_timeout": 5}}
        self.engine: AsyncEngine = create_async_engine(target, **options)
        # SQLite lets one write at a time and has the others ask again, up to a tenth of a second later and in no
        # order; so this process's own writers wait for each other here, in line.
        self._one_writer: AbstractAsyncContextManager[None] = asyncio.Lock() if self.is_sqlite else nullcontext()
        if self.is_sqlite:
            _prepare_sqlite(self.engine)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        async with self._one_writer, AsyncSession(self.engine, expire_on_commit=False) as session:
            await session.connection(execution_options={"write": True})
            yield session
            await session.commit()

    async def close(self) -> None:
        await self.engine.dispose()


def _prepare_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        if connection.get_execution_options().get("write", False):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            # The driver's connection is ours (`models.sqlite`); SQLAlchemy knows it as any object, or none.
            connection.connection.driver_connection.begin_with_next_statement()  # type: ignore[union-attr]


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
