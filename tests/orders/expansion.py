"""What a migration does to processes of the version before it, which go on reading and writing the same database.

A migration may only expand the schema. What it takes away, renames, tightens or rewrites is named in its `contracts`:
`{"table.column": "0.2.0"}` says that nothing has read or written it since release 0.2.0.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.script import Script, ScriptDirectory
from packaging.version import Version
from sqlalchemy.engine import Connection

from models.columns import Amount
from models.migrate import alembic_config
from models.tables import metadata as models

Rows = Mapping[str, list[tuple[Any, ...]]]
Mistakes = dict[str, str]
"""`table` or `table.column` → what happened to it, in words."""

_LISTS = {"listed", "problems", "kinds"}
"""Columns whose documents are lists; all others are objects."""
_BEFORE_THE_MODELS = {"lists_show_remoteid": "unknown", "forms_show_remoteid": "unknown"}
"""Values of columns that today's tables do not have, where not every text is one."""


@dataclass(frozen=True)
class Schema:
    tables: sa.MetaData
    unique: frozenset[tuple[str, tuple[str, ...]]]
    """Table and columns of everything that has to be unique."""
    foreign: frozenset[tuple[str, tuple[str, ...]]]


def scripts() -> list[Script]:
    """All migrations, the first one first."""
    return list(reversed(list(ScriptDirectory.from_config(alembic_config()).walk_revisions())))


def to(engine: sa.Engine, revision: str) -> None:
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), revision)


def back_to(engine: sa.Engine, revision: str) -> None:
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), revision)


def schema_of(connection: Connection) -> Schema:
    tables = sa.MetaData()
    tables.reflect(connection)
    tables.remove(tables.tables["alembic_version"])
    unique, foreign = set(), set()
    for name, table in tables.tables.items():
        for rule in (*table.constraints, *(index for index in table.indexes if index.unique)):
            if isinstance(rule, sa.UniqueConstraint | sa.Index):
                unique.add((name, tuple(column.name for column in rule.columns)))
            elif isinstance(rule, sa.ForeignKeyConstraint):
                foreign.add((name, tuple(rule.column_keys)))
    return Schema(tables, frozenset(unique), frozenset(foreign))


def write_row(connection: Connection, table: sa.Table, number: int) -> None:
    """A row with a value in every column. All keys in it are `number`, so it belongs to the rows of that number."""
    connection.execute(sa.insert(table).values({column.name: _value(column, number) for column in table.columns}))


def rows_of(connection: Connection, schema: Schema, among: Schema) -> Rows:
    """The rows of each table, in the columns that both schemas have."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for name, table in schema.tables.tables.items():
        other = among.tables.tables.get(name)
        if other is None:
            continue
        columns = [column for column in table.columns if column.name in other.columns]
        chosen = sa.select(*columns).order_by(*table.primary_key.columns)
        found[name] = [tuple(row) for row in connection.execute(chosen)]
    return found


def mistakes(before: Schema, after: Schema) -> Mistakes:
    """What processes of before miss in the schema of after, or what refuses their rows there."""
    found: Mistakes = {}
    for name, table in before.tables.tables.items():
        new = after.tables.tables.get(name)
        if new is None:
            found[name] = "is dropped or renamed"
            continue
        for column in table.columns:
            if column.name not in new.columns:
                found[f"{name}.{column.name}"] = "is dropped or renamed"
            elif words := _changed(column, new.columns[column.name]):
                found[f"{name}.{column.name}"] = words
        for column in new.columns:
            if column.name not in table.columns and not column.nullable and column.server_default is None:
                found[f"{name}.{column.name}"] = "is new, not nullable and has no default"
    for words, old_rules, new_rules in (
        ("unique", before.unique, after.unique),
        ("a foreign key", before.foreign, after.foreign),
    ):
        for name, columns in new_rules - old_rules:
            if name in before.tables.tables and set(columns) <= set(before.tables.tables[name].columns.keys()):
                found[f"{name}.{','.join(columns)}"] = f"has become {words}"
    for name, columns in before.unique - after.unique:
        found.setdefault(f"{name}.{','.join(columns)}", "is no longer unique")
    return found


def rewritten(before: Rows, after: Rows) -> Mistakes:
    """Tables whose old columns have other values, or other rows, than before."""
    return {name: "has other values in old columns" for name in before if name in after and before[name] != after[name]}


def not_allowed(found: Mistakes, script: Script, version: str) -> Iterator[str]:
    """In words, without what the migration rightly says that it contracts."""
    contracts: Mapping[str, str] = getattr(script.module, "contracts", {})
    for name, release in contracts.items():
        if Version(release) >= Version(version):
            yield f"{script.revision}: {name} is contracted in the release that stopped using it ({release})"
    for name, words in found.items():
        if name not in contracts:
            yield f"{script.revision}: {name} {words}"


def _changed(old: sa.Column[Any], new: sa.Column[Any]) -> str:
    if old.nullable != new.nullable:
        return "may be empty now" if new.nullable else "may no longer be empty"
    if isinstance(old.type, sa.String) and isinstance(new.type, sa.String):
        longest, allowed = old.type.length, new.type.length
        return "is shorter" if allowed is not None and (longest is None or allowed < longest) else ""
    return "" if str(old.type) == str(new.type) else f"is {new.type} and was {old.type}"


def _value(column: sa.Column[Any], number: int) -> Any:
    """A value that today's code can read, wherever today's tables still have the column."""
    if column.name in _BEFORE_THE_MODELS:
        return _BEFORE_THE_MODELS[column.name]
    table = models.tables.get(column.table.name)
    today = table.columns.get(column.name) if table is not None else None
    kind = column.type if today is None else today.type
    if isinstance(kind, sa.Enum):
        return kind.enums[0]
    if isinstance(kind, Amount):
        return "1.0000" if isinstance(column.type, sa.String) else Decimal(1)
    if isinstance(kind, sa.JSON):
        return [] if column.name in _LISTS else {}
    if isinstance(kind, sa.Boolean):
        return False
    return _of_type(column, number)


def _of_type(column: sa.Column[Any], number: int) -> Any:
    match column.type:
        case sa.String():
            return f"{column.name}-{number}"[-(column.type.length or 99) :]
        case sa.DateTime():
            return datetime(2026, 1, 1, tzinfo=UTC if column.type.timezone else None)
        case sa.Date():
            return date(2026, 1, 1)
        case sa.JSON():
            return [] if column.name in _LISTS else {}
        case sa.Boolean():
            return False
        case sa.Float():
            return 1.0
        case sa.Numeric():
            return Decimal(1)
        case _:
            return number
