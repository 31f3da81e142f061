"""Rows that many tests begin with are made once in a process; other SQLite files get copies of them.

To make the rows of a small catalogue costs ten milliseconds of a processor, to copy them one. A thousand tests begin
with them. On PostgreSQL, and in a database that holds such rows already, they are made each time.
"""

import functools
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import closing
from typing import Concatenate, ParamSpec

from sqlalchemy.engine import make_url

from models.database import Database

P = ParamSpec("P")
Rows = dict[str, list[tuple[object, ...]]]
"""Of each table, what is in it."""


def filled_once(
    fill: Callable[Concatenate[Database, P], Awaitable[None]],
) -> Callable[Concatenate[Database, P], Coroutine[object, object, None]]:
    """For what fills an empty database always with the same rows, if its other arguments are the same."""
    known: dict[object, Rows] = {}

    async def filled(database: Database, /, *args: P.args, **kwargs: P.kwargs) -> None:
        if not database.is_sqlite:
            await fill(database, *args, **kwargs)
            return
        key = (args, *sorted(kwargs.items()))
        with closing(sqlite3.connect(str(make_url(database.url).database))) as connection:
            if key in known and not any(map(functools.partial(_has_rows, connection), known[key])):
                _insert(connection, known[key])
                return
            before = _counts(connection)
            await fill(database, *args, **kwargs)
            after = _counts(connection)
            if all(after[name] == count for name, count in before.items() if count):  # nothing was there beside it
                new = [name for name, count in after.items() if count and not before[name]]
                known[key] = {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in new}

    functools.update_wrapper(filled, fill)
    return filled


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    count = 'SELECT count(*) FROM "{}"'
    return {name: connection.execute(count.format(name)).fetchone()[0] for (name,) in names.fetchall()}


def _has_rows(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone() is not None


def _insert(connection: sqlite3.Connection, filled: Rows) -> None:
    connection.execute("PRAGMA synchronous=OFF")
    with connection:
        for table, rows in filled.items():
            values = ", ".join("?" * len(rows[0]))
            connection.executemany(f'INSERT INTO "{table}" VALUES ({values})', rows)
