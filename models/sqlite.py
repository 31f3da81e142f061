"""SQLite's connections: a short statement runs where it is asked for, what may take long in a thread.

A driver with a thread for each connection pays two changes of thread a statement, several times SQLite's own work on
our short ones. Here a statement runs on the event loop's thread and goes to the connection's own thread only

- if another connection holds the lock that it needs: there it waits for it;
- if it is a COMMIT, which waits for the disk, unless the last ones had next to nothing to wait for;
- if it works on many rows, or has been seen to take long before.

A connection belongs to one task at a time. What a cancelled task left in the thread ends before anything else of its
connection begins. A transaction that only reads begins with its first statement: SQLite's plain BEGIN does nothing
before that.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy.engine import AdaptedConnection
from sqlalchemy.util.concurrency import in_greenlet

LOCK_TIMEOUT_SECONDS = 30.0
"""A statement waits this long for another connection's lock, unless another time is given."""
LONG_SECONDS = 0.005
"""A statement that once took so much of the processor runs in the thread from then on."""
SHORT_COMMIT_SECONDS = 0.001
"""While recent commits take less than this, they run on this thread: the two changes of thread alone cost a fifth of
it."""
ALONE_SECONDS = 0.005
"""Statements may run here this long before the other tasks of the event loop get a turn."""
MANY_ROWS = 50
"""Rows of one `executemany` from which on it goes to the thread."""
REMEMBERED_STATEMENTS = 1000
PREPARED_STATEMENTS = 512
"""Kept prepared by each connection. The driver's own default, 128, is fewer than a worker has."""

_T = TypeVar("_T")
_Parameters = Sequence[Any]

_long: set[str] = set()
"""Statements seen to take long, of all connections of this process."""
_others_ran_at = 0.0


class Connection(AdaptedConnection):
    """What SQLAlchemy's asyncio engine needs of a driver's connection."""

    __slots__ = ("_begin_is_due", "_commit_seconds", "_latest", "_lock_timeout", "_thread")

    _connection: sqlite3.Connection  # type: ignore[assignment]  # SQLAlchemy expects an asynchronous driver's

    def __init__(self, thread: ThreadPoolExecutor, connection: sqlite3.Connection, lock_timeout: float) -> None:
        self._thread = thread
        self._lock_timeout = lock_timeout
        self._connection = connection
        self._latest: Future[Any] | None = None
        self._begin_is_due = False
        self._commit_seconds = 1.0
        """What a commit takes, a moving average. Nothing is known of the disk yet."""

    @property
    def isolation_level(self) -> str | None:
        return self._connection.isolation_level

    def create_function(self, *arguments: Any, **options: Any) -> None:
        self._connection.create_function(*arguments, **options)

    def begin_reading(self) -> None:
        """Begin a transaction with the next statement."""
        self._begin_is_due = True

    def begin_writing(self) -> None:
        """Begin a transaction that has the write lock."""
        try:
            self.run(self._begin_writing, "BEGIN IMMEDIATE")
        except asyncio.CancelledError:
            # The thread may still get the lock. Nobody knows of that transaction, so it is taken back there.
            self._latest = self._thread.submit(self._connection.rollback)
            raise

    def _begin_writing(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE").close()

    def run(self, function: Callable[[], _T], statement: str, *, may_take_long: bool = False) -> _T:
        """`function`, which executes `statement`; here, or in the thread. To be called in SQLAlchemy's greenlet."""
        if may_take_long or statement in _long or self._thread_is_busy():
            return self._in_thread(function)
        self.run_async(_let_others_run)
        started = time.thread_time()
        try:
            return function()
        except sqlite3.OperationalError as error:
            if not _waits_for_a_lock(error):
                raise
            return self._in_thread(function)
        finally:
            if time.thread_time() - started > LONG_SECONDS:
                _remember(statement)

    def begin_if_due(self) -> None:
        if self._begin_is_due:
            self._connection.execute("BEGIN").close()
            self._begin_is_due = False

    def commit(self) -> None:
        if self._thread_is_busy() or self._connection.in_transaction:
            self.run(self._commit, "COMMIT", may_take_long=self._commit_seconds > SHORT_COMMIT_SECONDS)
        self._begin_is_due = False

    def _commit(self) -> None:
        started = time.monotonic()
        self._connection.commit()
        self._commit_seconds += (time.monotonic() - started - self._commit_seconds) / 5

    def rollback(self) -> None:
        if self._thread_is_busy():
            self._in_thread(self._connection.rollback)
        else:
            self._connection.rollback()
        self._begin_is_due = False

    def cursor(self) -> "Cursor":
        return Cursor(self)

    def close(self) -> None:
        """The last connection to be closed writes the log of changes back to the file, which takes its time."""
        try:
            self._in_thread(self._connection.close)
        finally:
            self._thread.shutdown(wait=False)

    def terminate(self) -> None:
        """Close without waiting, also from outside an event loop."""
        if in_greenlet():
            self.close()
        else:
            self._thread.submit(self._connection.close)
            self._thread.shutdown(wait=False)

    def _thread_is_busy(self) -> bool:
        return self._latest is not None and not self._latest.done()

    def _in_thread(self, function: Callable[[], _T]) -> _T:
        future = self._latest = self._thread.submit(self._patiently, function)
        result: _T = self.run_async(lambda _: _result_of(future))
        return result

    def _patiently(self, function: Callable[[], _T]) -> _T:
        self._wait_for_locks(self._lock_timeout)
        try:
            return function()
        finally:
            if function != self._connection.close:
                self._wait_for_locks(0)

    def _wait_for_locks(self, seconds: float) -> None:
        self._connection.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}").close()


class Cursor:
    """A statement and all its rows."""

    __slots__ = ("_connection", "_rows", "arraysize", "description", "lastrowid", "rowcount")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: Iterator[Any] = iter(())
        self.arraysize = 1
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    def execute(self, statement: str, parameters: _Parameters = ()) -> None:
        self._connection.run(lambda: self._execute(statement, parameters), statement)

    def executemany(self, statement: str, parameters: Sequence[_Parameters]) -> None:
        many = len(parameters) >= MANY_ROWS
        self._connection.run(lambda: self._execute_many(statement, parameters), statement, may_take_long=many)

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return list(islice(self._rows, size or self.arraysize))

    def fetchall(self) -> list[Any]:
        return list(self._rows)

    def close(self) -> None:
        """SQLite's own cursor is closed already: all rows are here."""
        self._rows = iter(())

    async def _async_soft_close(self) -> None:
        """Asked for by SQLAlchemy, which keeps reading the rows after it."""

    def _execute(self, statement: str, parameters: _Parameters) -> None:
        self._connection.begin_if_due()
        self._take(self._connection.driver_connection.execute(statement, parameters))

    def _execute_many(self, statement: str, parameters: Sequence[_Parameters]) -> None:
        self._connection.begin_if_due()
        self._take(self._connection.driver_connection.executemany(statement, parameters))

    def _take(self, cursor: sqlite3.Cursor) -> None:
        self.description = cursor.description
        self._rows = iter(cursor.fetchall() if cursor.description else ())
        self.rowcount = cursor.rowcount
        self.lastrowid = cursor.lastrowid
        cursor.close()


async def _let_others_run(_connection: object) -> None:
    """What runs here never waits, so a task that asks much would keep all others from running."""
    global _others_ran_at
    if time.monotonic() - _others_ran_at > ALONE_SECONDS:
        await asyncio.sleep(0)
        _others_ran_at = time.monotonic()


async def _result_of(future: "Future[Any]") -> Any:
    return await asyncio.wrap_future(future)


def _waits_for_a_lock(error: sqlite3.OperationalError) -> bool:
    """To be asked again with patience. (A transaction that read an old state can never write: that is no waiting.)"""
    code = error.sqlite_errorcode
    return code & 0xFF == sqlite3.SQLITE_BUSY and code != sqlite3.SQLITE_BUSY_SNAPSHOT


def _remember(statement: str) -> None:
    if len(_long) >= REMEMBERED_STATEMENTS:
        _long.clear()
    _long.add(statement)


async def connect(file: str, *, lock_timeout: float = LOCK_TIMEOUT_SECONDS) -> Connection:
    """A new connection, for one event loop. `lock_timeout`: seconds."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
    try:
        opened = await asyncio.get_running_loop().run_in_executor(thread, _open, file, lock_timeout)
    except BaseException:
        thread.shutdown(wait=False)
        raise
    return Connection(thread, opened, lock_timeout)


def _open(file: str, lock_timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        file,
        timeout=lock_timeout,
        isolation_level=None,  # transactions begin where we say
        check_same_thread=False,
        cached_statements=PREPARED_STATEMENTS,
    )
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=0"):
        connection.execute(f"PRAGMA {pragma}").close()
    return connection
