"""New rows written as they are, past the session: for transactions in which every statement counts.

A session keeps track of what it adds, and writes it in an order of its own. Who knows the order, and reads nothing
back, need not pay for that.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession


async def insert(session: AsyncSession, *rows: SQLModel) -> None:
    """Insert the rows in this order, those of one table that follow each other by one statement."""
    connection = await session.connection()
    for model, several in groupby(rows, type):
        await connection.execute(_insert(model), _values(model, list(several)))


async def insert_numbered(session: AsyncSession, row: SQLModel) -> int:
    """Insert a row that gets its number from the database. Returns the number."""
    connection = await session.connection()
    inserted = await connection.execute(_insert_numbered(type(row)), _values(type(row), [row]))
    number: int = inserted.scalar_one()
    return number


def table_of(model: type[SQLModel]) -> sa.Table:
    table: sa.Table = model.__table__  # type: ignore[attr-defined]  # every model with a table has it
    return table


async def change(session: AsyncSession, statement: sa.Update, **values: Any) -> tuple[Any, ...] | None:
    """Carry out an update of one row that was put together before. Returns what it gives back, or None: no row was as
    the statement expects. Of a statement that gives nothing back, use `changed`."""
    connection = await session.connection()
    row = (await connection.execute(statement, values)).one_or_none()
    return None if row is None else tuple(row)


async def changed(session: AsyncSession, statement: sa.Update, **values: Any) -> bool:
    """The same, saying whether a row was as the statement expects."""
    connection = await session.connection()
    return (await connection.execute(statement, values)).rowcount > 0


def setting(model: type[SQLModel], *names: str) -> dict[str, sa.BindParameter[Any]]:
    """Columns of a table that an update sets to parameters `new_…`, with the types that they have."""
    columns = table_of(model).c
    return {name: sa.bindparam(f"new_{name}", type_=columns[name].type) for name in names}


def new(**values: Any) -> dict[str, Any]:
    """The parameters of `setting`."""
    return {f"new_{name}": value for name, value in values.items()}


@cache
def _insert(model: type[SQLModel]) -> sa.Insert:
    return sa.insert(table_of(model))


@cache
def _insert_numbered(model: type[SQLModel]) -> sa.Insert:
    table = table_of(model)
    return sa.insert(table).returning(table.c.id)


def _values(model: type[SQLModel], rows: Sequence[SQLModel]) -> list[dict[str, Any]]:
    return [dict(_named(model, row)) for row in rows]


def _named(model: type[SQLModel], row: SQLModel) -> Iterator[tuple[str, Any]]:
    for name in (column.key for column in table_of(model).c):
        value = getattr(row, name)
        if value is not None or name != "id":
            yield name, value
