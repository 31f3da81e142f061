"""SQLite's connections: a statement is one trip to the connection's thread.

aiosqlite runs each connection in a thread of its own, and SQLAlchemy's adapter goes there four times a statement: for
the cursor, to execute, to fetch, to close. The trips cost more than SQLite's own work on our short statements. Here
they are one, with the same result: the adapter reads all rows at once anyway.
"""

import sqlite3
from collections.abc import Sequence
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
        await self._connection._execute(self._run, statement, parameters)  # type: ignore[no-untyped-call]

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        await self._connection._execute(self._run_many, statement, parameters)  # type: ignore[no-untyped-call]

    async def fetchall(self) -> list[Any]:
        return self._rows

    async def close(self) -> None:
        """Nothing is left to close: see `_run`."""

    def _run(self, statement: str, parameters: Sequence[Any]) -> None:
        self._take(self._connection._conn.execute(statement, parameters))

    def _run_many(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        self._take(self._connection._conn.executemany(statement, parameters))

    def _take(self, cursor: sqlite3.Cursor) -> None:
        self.description = cursor.description
        self._rows = cursor.fetchall() if cursor.description else []
        self.rowcount = cursor.rowcount
        self.lastrowid = cursor.lastrowid
        cursor.close()


class _Connection(aiosqlite.Connection):
    def cursor(self) -> _Cursor:  # type: ignore[override]  # SQLAlchemy's adapter enters it, as it would aiosqlite's
        return _Cursor(self)

    async def rollback(self) -> None:
        """The pool asks for it whenever a connection comes back; after a commit there is nothing to be undone."""
        if self._conn.in_transaction:
            await super().rollback()


async def connect(file: str, **options: Any) -> aiosqlite.Connection:
    """The `async_creator_fn` of SQLAlchemy's aiosqlite dialect; `options` are those of `sqlite3.connect`."""
    connection = _Connection(lambda: sqlite3.connect(file, **options), ITERATION_SIZE)
    connection._thread.daemon = True  # as the dialect does: a pool that is forgotten must not keep the process alive
    return await connection
