"""The connection to the database: SQLite (WAL) or PostgreSQL behind one pair of methods, `read` and `write`."""

import asyncio
import builtins
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, TimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util.concurrency import await_
from sqlmodel.ext.asyncio.session import AsyncSession

from models import postgres, sqlite
from models.outages import Outage, is_unavailable, outage_of
from models.pool import PoolTerms

__all__ = [
    "BUSY_TIMEOUT_SECONDS",
    "Database",
    "PoolTerms",
    "after_commit",
    "clock",
    "is_unavailable",
    "normalise_url",
    "now",
    "time_of",
]

BUSY_TIMEOUT_SECONDS = sqlite.LOCK_TIMEOUT_SECONDS
WRITES = "write"
"""Execution option of a connection that writes."""
_AFTER_COMMIT = "after commit"


def normalise_url(text: str) -> URL:
    """`sqlite:///file` or `postgresql://…` with the async driver we use. Raises ValueError for any other database."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # its message is not repeated: the address may carry a password
        raise ValueError(
            "RESELL_DATABASE_URL is not an address; use sqlite:///FILE or postgresql://USER@HOST/DATABASE"
        ) from None
    match url.get_backend_name():
        case "sqlite":
            _check_sqlite(url)
            return url.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            return url.set(drivername="postgresql+psycopg")
        case _:
            raise ValueError(
                "RESELL_DATABASE_URL is of a database that is not supported; "
                "use sqlite:///FILE or postgresql://USER@HOST/DATABASE"
            )


def _check_sqlite(url: URL) -> None:
    """A database in memory would be lost with its process. What follows two slashes is a host, which SQLite does not
    have, and what follows a question mark would be left out silently. Raises ValueError."""
    if url.host or url.query or not url.database or url.database == ":memory:":
        raise ValueError(
            "RESELL_DATABASE_URL names no file of SQLite; write sqlite, a colon, three slashes (four for a path from "
            "the root), the file, and nothing after it"
        )


class Database:
    """Short transactions: `read()` only reads, `write()` commits on leaving and rolls back on an error.

    On SQLite a read sees one state from its first statement on, and a write takes the write lock at its start, so two
    writers queue instead of failing half way. On PostgreSQL every statement sees what was committed when it began;
    rows that decide are locked with SELECT … FOR UPDATE by the code that decides, in a write.
    """

    def __init__(self, url: str, terms: PoolTerms | None = None) -> None:
        self.url, terms = url, terms or PoolTerms()
        target = normalise_url(url)
        self.is_sqlite = target.get_backend_name() == "sqlite"
        # Of several free connections the one used last has the most statements prepared.
        options: dict[str, Any] = {
            "pool_size": terms.size,
            "max_overflow": terms.more,
            "pool_timeout": terms.wait,
            "pool_use_lifo": True,
        }
        if self.is_sqlite:
            file = target.database or ""
            options["creator"] = lambda: await_(sqlite.connect(file, lock_timeout=terms.wait))
        else:
            options["connect_args"] = postgres.connect_options(target, terms)
        self.engine: AsyncEngine = create_async_engine(target, **options)
        self._reader: AsyncEngine = self.engine.execution_options(**{postgres.READS: True})
        self._one_writer: AbstractAsyncContextManager[AsyncEngine | AsyncConnection] = nullcontext(
            self.engine.execution_options(**{WRITES: True})
        )
        _prepare(self.engine)
        if self.is_sqlite:
            _prepare_sqlite(self.engine)
            self._one_writer = _Writer(self.engine, terms.wait)
        else:
            postgres.prepare(self.engine)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Raises RuntimeError for a statement that writes: on PostgreSQL nothing would take it back."""
        async with _session(self._reader, autoflush=False) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        async with self._one_writer as bind, _session(bind) as session:
            if self.is_sqlite:
                await session.connection()  # takes the lock
            yield session
            await session.commit()
            for call in session.info.pop(_AFTER_COMMIT, ()):
                call()

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

    def __init__(self, engine: AsyncEngine, wait: float) -> None:
        self._engine = engine
        self._wait = wait
        self._line = asyncio.Lock()
        self._connection: AsyncConnection | None = None

    async def __aenter__(self) -> AsyncConnection:
        await self._wait_in_line()
        try:
            if self._connection is None or self._connection.closed or self._connection.invalidated:
                self._connection = await self._engine.execution_options(**{WRITES: True}).connect()
            return self._connection
        except BaseException:
            self._line.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._line.release()

    async def _wait_in_line(self) -> None:
        """Raises SQLAlchemy's TimeoutError, as a pool does."""
        if not self._line.locked():
            await self._line.acquire()
            return
        try:
            async with asyncio.timeout(self._wait):
                await self._line.acquire()
        except builtins.TimeoutError:
            raise TimeoutError(f"no turn to write within {self._wait:g} s") from None

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


def _prepare(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def on_execute(
        connection: Connection, _cursor: object, statement: str, _parameters: object, context: Any, _many: bool
    ) -> None:
        if context.execution_options.get(postgres.READS, False) and (
            context.isinsert or context.isupdate or context.isdelete or context.isddl or _writes(statement)
        ):
            raise postgres.WritesInRead(
                "a statement that writes was asked for inside Database.read(); use Database.write()"
            )

    @event.listens_for(engine.sync_engine, "handle_error")
    def on_error(context: ExceptionContext) -> None:
        """A connection to what has become read-only stays with that: a new one goes to whoever is in its place."""
        error = context.original_exception
        if not context.is_disconnect and outage_of(error) is Outage.READ_ONLY:
            context.is_disconnect = True


def _writes(statement: str) -> bool:
    """For statements written as text: none of ours begins with white space or a comment."""
    return statement[:6].upper() in ("INSERT", "UPDATE", "DELETE", "CREATE", "ALTER ", "DROP T", "TRUNCA", "REPLAC")


def _prepare_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        ours = cast(sqlite.Connection, connection.connection.dbapi_connection)  # by the engine's creator
        if connection.get_execution_options().get(WRITES, False):
            try:
                ours.begin_writing()
            except sqlite3.OperationalError as error:
                if outage_of(error) is Outage.READ_ONLY:
                    connection.invalidate(error)  # it stays so, even if the file does not
                raise OperationalError("BEGIN IMMEDIATE", None, error) from error
        else:
            ours.begin_reading()


def after_commit(session: AsyncSession, call: Callable[[], None]) -> None:
    """Have it called once this `Database.write` has been committed; never, if it is rolled back."""
    session.info.setdefault(_AFTER_COMMIT, []).append(call)


async def now(session: AsyncSession) -> datetime:
    """The time by the database's clock, that of this moment and not of the transaction's start."""
    connection = await session.connection()
    return time_of((await connection.execute(sa.select(clock(connection.dialect.name)))).scalar_one())


def clock(dialect: str) -> sa.ColumnElement[Any]:
    """The same as part of a statement; `time_of` reads what comes back."""
    if dialect == "sqlite":
        return sa.func.strftime("%Y-%m-%d %H:%M:%f", "now")
    return sa.func.clock_timestamp()


def time_of(moment: str | datetime) -> datetime:
    if isinstance(moment, str):
        return datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return moment.astimezone(UTC)
