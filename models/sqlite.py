"""SQLite's connections: a statement is one trip to the connection's thread.

aiosqlite runs each connection in a thread of its own, and SQLAlchemy's adapter goes there four times a statement: for
the cursor, to execute, to fetch, to close. The trips cost more than SQLite's own work on our short statements. Here
they are one, with the same result: the adapter reads all rows at once anyway. A reading transaction begins on the trip
of its first statement: SQLite's plain BEGIN does nothing before that. Its end is a trip once: SQLAlchemy's session and
then its pool each roll back.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import aiosqlite

ITERATION_SIZE = 64
"""Required by aiosqlite for cursors that are iterated over; ours are not."""


class _Cursor:
    """What SQLAlchemy's adapter needs of an aiosqlite cursor."""

    def __init__(self, connection: "_Connection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> "_Cursor":
        return self

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        await self._connection.run(self._run, statement, parameters)

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        await self._connection.run(self._run_many, statement, parameters)

    async def fetchall(self) -> list[Any]:
        return self._rows

    async def close(self) -> None:
        """Nothing is left to close: see `_run`."""

    def _run(self, statement: str, parameters: Sequence[Any]) -> None:
        self._connection._begin_if_due()
        self._take(self._connection._conn.execute(statement, parameters))

    def _run_many(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        self._connection._begin_if_due()
        self._take(self._connection._conn.executemany(statement, parameters))

    def _take(self, cursor: sqlite3.Cursor) -> None:
        self.description = cursor.description
        self._rows = cursor.fetchall() if cursor.description else []
        self.rowcount = cursor.rowcount
        self.lastrowid = cursor.lastrowid
        cursor.close()


class _Connection(aiosqlite.Connection):
    _begin_is_due = False
    _has_ended = True
    """Nothing has been asked of the connection since its last transaction was ended."""

    def begin_with_next_statement(self) -> None:
        """Begin a reading transaction. To be called while no statement of this connection is under way."""
        self._begin_is_due = True
        self._has_ended = False

    async def run(self, function: Callable[..., None], *arguments: Any) -> None:
        self._has_ended = False
        await self._execute(function, *arguments)  # type: ignore[no-untyped-call]

    def _begin_if_due(self) -> None:
        if self._begin_is_due:
            self._begin_is_due = False
            self._conn.execute("BEGIN").close()

    async def commit(self) -> None:
        await self._end_by(self._conn.commit)

    async def rollback(self) -> None:
        await self._end_by(self._conn.rollback)

    async def _end_by(self, end: Callable[[], None]) -> None:
        if self._has_ended:
            return
        await self._execute(self._end, end)  # type: ignore[no-untyped-call]
        self._has_ended = True  # not where the wait for it was cancelled: then it is ended again

    def _end(self, end: Callable[[], None]) -> None:
        # In the connection's thread, where it comes after a statement whose waiter was cancelled.
        self._begin_is_due = False
        end()

    def cursor(self) -> _Cursor:  # type: ignore[override]  # SQLAlchemy's adapter enters it, as it would aiosqlite's
        return _Cursor(self)


async def connect(file: str, **options: Any) -> aiosqlite.Connection:
    """The `async_creator_fn` of SQLAlchemy's aiosqlite dialect; `options` are those of `sqlite3.connect`."""
    connection = _Connection(lambda: sqlite3.connect(file, **options), ITERATION_SIZE)
    connection._thread.daemon = True  # as the dialect does: a pool that is forgotten must not keep the process alive
    return await connection
