"""The next number of a table, as part of a statement, for a row that needs it for more than its key."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

HIGHEST_NUMBER = 2**31 - 1
"""The highest that a column for whole numbers holds."""
_SQLITE_SEQUENCE = sa.table("sqlite_sequence", sa.column("name", sa.String), sa.column("seq", sa.Integer))


def next_number(dialect: str, model: type[SQLModel]) -> sa.ColumnElement[Any]:
    """The number for a new row. Use it in a write transaction, and insert the row in the same one.

    On PostgreSQL it is taken from the sequence, so nobody else gets it; one that is not used leaves a gap. On SQLite a
    write transaction has the database to itself, so the one after the highest that was ever given is free.
    """
    table = str(model.__tablename__)
    if dialect == "sqlite":
        last = sa.select(_SQLITE_SEQUENCE.c.seq).where(_SQLITE_SEQUENCE.c.name == table).scalar_subquery()
        return sa.func.coalesce(last, 0) + 1
    return sa.func.nextval(sa.func.pg_get_serial_sequence(table, "id"))
