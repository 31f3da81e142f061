"""Numbers that the database has given, and those that it gives next.

The rows of the counted tables are never removed, so their highest numbers only grow. What was read of them once and is
beyond the highest now was lost: the database is an older one. Sequences prove nothing: PostgreSQL's are no part of a
transaction, and in a dump they may be ahead of the rows.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models import rows
from models.audit import AuditEntry, Restoration
from models.database import Database
from models.order import Intent, Operation, Service
from models.tables import metadata
from orders.installation import hold

COUNTED: tuple[type[SQLModel], ...] = (Service, Operation, Intent, AuditEntry)
"""What happens to an order adds a row to one of these, and nothing is ever sent without a new intent."""
_READ_BY_PEOPLE = ("service", "operation", "task")
_ROUND, _FAR = 1000, 1_000_000
"""Numbers that are left out at least: for those that people read, and for the others."""
_CATALOGUE = frozenset(
    ("upstream_account", "processing_module", "tariff_plan", "tariff_plan_price", "plan_mapping", "mapped_period")
)
"""Nobody outside the database knows the numbers of these."""

Numbers = Mapping[str, int]
"""Name of a table -> a number in it."""


async def given(session: AsyncSession) -> dict[str, int]:
    """The highest number of each counted table. Read from rows, which a crash of the database can't take back."""
    return read((await session.exec(_given())).one())


@cache
def _given() -> Any:
    return sa.select(*columns())


def columns() -> list[sa.ScalarSelect[Any]]:
    """The same as part of a statement that asks for more. `read` reads what comes back."""
    return [sa.select(sa.func.max(rows.table_of(model).c.id)).scalar_subquery() for model in COUNTED]


def read(row: Iterable[int | None]) -> dict[str, int]:
    return {_name(model): number or 0 for model, number in zip(COUNTED, row, strict=True)}


async def lost(session: AsyncSession, known: Numbers) -> dict[str, int]:
    """Those of the `known` numbers that the database lacks: it is older than whoever knows them."""
    if not known:
        return {}
    missing = beyond(known, await given(session))
    if not missing:
        return {}
    settled = await _settled(session)
    return {name: number for name, number in missing.items() if number >= settled.get(name, 0)}


def beyond(known: Numbers, there: Numbers) -> dict[str, int]:
    """Those of the `known` numbers that are higher than the highest in the rows."""
    return {name: number for name, number in known.items() if name in there and number > there[name]}


async def _settled(session: AsyncSession) -> dict[str, int]:
    """What was lost before these numbers is settled: somebody has run `resell restored`. No entry: nothing was."""
    restorations = (await session.exec(select(Restoration.next_numbers))).all()
    if None in restorations:  # of a release that did not write them down: the sequences were moved then
        last = await _last_given(session, [_name(model) for model in COUNTED])
        return {name: number + 1 for name, number in last.items()}
    return highest(*(one for one in restorations if one is not None))


async def hold_if_lost(database: Database, known: Numbers, who: str) -> dict[str, int]:
    """Hold the database if it has still to give one of the `known` numbers. Returns these. `who` knows them.

    Compared once more in the transaction that holds it: `resell restored` may have moved the numbers on meanwhile.
    """
    async with database.read() as session:
        if not await lost(session, known):
            return {}
    async with database.write() as session:
        found = await lost(session, known)
        if found:
            await hold(session, f"{who} {in_words(found)}, which this database has not given")
        return found


def in_words(numbers: Numbers) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in sorted(numbers.items()))


def highest(*several: Numbers) -> dict[str, int]:
    """For each table the highest of all."""
    names = {name for one in several for name in one}
    return {name: max(one.get(name, 0) for one in several) for name in sorted(names)}


async def move_beyond(session: AsyncSession, seen: Numbers) -> dict[str, int]:
    """Go on behind everything that was seen, with room for what nobody sees. Returns the first new numbers."""
    names = sorted(name for name, table in metadata.tables.items() if _counts(table) and name not in _CATALOGUE)
    last = await _last_given(session, names)
    moved = {name: _moved(name, max(last[name], seen.get(name, 0))) for name in names}
    connection = await session.connection()
    for name, number in moved.items():
        if connection.dialect.name == "sqlite":
            await connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": name})
            insert = "INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)"
            await connection.execute(sa.text(insert), {"name": name, "number": number})
        else:
            moving = sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(name, "id"), number))
            await connection.execute(moving)
    return {name: number + 1 for name, number in moved.items()}


def _moved(name: str, last: int) -> int:
    """After the next full thousand, so that people see that numbers are missing."""
    return (last // _ROUND + 2) * _ROUND if name in _READ_BY_PEOPLE else last + _FAR


def _counts(table: sa.Table) -> bool:
    column = table.primary_key.columns.get("id")
    return column is not None and bool(table.dialect_options["sqlite"]["autoincrement"])


async def _last_given(session: AsyncSession, names: list[str]) -> dict[str, int]:
    """The last number that each table's sequence has given. On PostgreSQL it may be ahead of the rows."""
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        found = await connection.execute(sa.text("SELECT name, seq FROM sqlite_sequence"))
        known = {name: int(number) for name, number in found.all()}
        return {name: known.get(name, 0) for name in names}
    asked = (
        sa.func.pg_sequence_last_value(sa.cast(sa.func.pg_get_serial_sequence(name, "id"), _REGCLASS)).label(name)
        for name in names
    )
    row = (await connection.execute(sa.select(*asked))).one()
    return {name: int(number or 0) for name, number in zip(names, row, strict=True)}


class _RegClass(sa.types.UserDefinedType[str]):
    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "regclass"


_REGCLASS = _RegClass()


def _name(model: type[SQLModel]) -> str:
    return str(model.__tablename__)
