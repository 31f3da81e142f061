"""Writes many copies of a sampled operation, with one statement for each table.

A copy differs from the sample in numbers, in texts that have to be unique, and in its day; all else, the size of each
value too, is that of the operation that was really carried out. Rows are written in the order of their numbers, and
unique texts are as random as the sampled ones, so the indexes become as full as in real life.
"""

import hashlib
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from benchmarks.growth.sample import Row, Sample, moved, tables
from models.audit import Installation
from models.enums import OperationKind, ServiceStatus, UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Service

Expression = sa.ColumnElement[Any]
CHOSEN = sa.Table(
    "growth_chosen",
    sa.MetaData(),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("service", sa.Integer, nullable=False),
    prefixes=["TEMPORARY"],
)
"""The services of the copies that are written next, numbered from 0. Those of openings are made by the copies."""
TERM = 30
"""Days from one prolongation to the next."""
_COPIES = {
    ("webhook_message", "operation_id"): "operation",
    ("webhook_delivery", "service_id"): "service",
}
"""Columns that are no foreign keys, and hold numbers of this table."""
_RANDOM = {("intake_key", "key"), ("operation", "asked_with")}
_FIRST_ITEM = 10_000_000
_TABLES = {table.name: table for table in tables()}


def prepare(connection: Connection) -> None:
    """On a new connection."""
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.dbapi_connection
        driver.create_function("md5", 1, lambda text: hashlib.md5(text.encode()).hexdigest(), deterministic=True)  # noqa: S324
    CHOSEN.create(connection)


def choose_new(connection: Connection, count: int) -> None:
    """For openings."""
    connection.execute(sa.delete(CHOSEN))
    if count:
        connection.execute(sa.insert(CHOSEN), [{"n": number, "service": 0} for number in range(count)])


def choose(connection: Connection, condition: Expression, at_most: int | None = None) -> int:
    """Services of ours that are active and fulfil the condition. Returns how many there are."""
    number = _TABLES["service"].c.id
    active = _TABLES["service"].c.status == ServiceStatus.ACTIVE
    found = sa.select(number).where(active, condition).order_by(number).limit(at_most).subquery()
    rank = sa.func.row_number().over(order_by=found.c.id) - 1
    connection.execute(sa.delete(CHOSEN))
    connection.execute(sa.insert(CHOSEN).from_select(["n", "service"], sa.select(rank, found.c.id)))
    return int(connection.execute(sa.select(sa.func.count()).select_from(CHOSEN)).scalar_one())


def ends_on(day: date) -> Expression:
    """The term of the service ends on this day."""
    return _TABLES["service"].c.id % TERM == day.toordinal() % TERM


class Copier:
    """Copies one sampled operation."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self._places = {
            name: {row["id"]: place for place, row in enumerate(rows)}
            for name, rows in sample.rows.items()
            if "id" in rows[0]
        }

    def write(self, connection: Connection, day: date) -> None:
        """One copy for each of CHOSEN, carried out on this day."""
        first = {table: _next(connection, _TABLES[table].c.id) for table in self._places}
        position = _next(connection, _TABLES["installation"].c.last_position)
        copy = _Copy(self.sample, self._places, first, position, day, connection.dialect.name)
        for table in (one for one in tables() if one.name in self.sample.rows):
            names = [column.name for column in table.columns]
            connection.execute(sa.insert(table).from_select(names, copy.rows(table)))
        if connection.dialect.name == "postgresql":
            for table_name in self._places:
                sequence = sa.func.pg_get_serial_sequence(table_name, "id")
                connection.execute(sa.select(sa.func.setval(sequence, sa.func.max(_TABLES[table_name].c.id))))
        highest = sa.select(sa.func.max(_TABLES["webhook_message"].c.position)).scalar_subquery()
        connection.execute(sa.update(Installation).values(last_position=sa.func.coalesce(highest, 0)))
        self._change_services(connection, day)

    def _change_services(self, connection: Connection, day: date) -> None:
        ours = sa.select(CHOSEN.c.service)
        services = sa.update(Service).where(sa.column("id").in_(ours))
        seen = sa.update(UpstreamSnapshot).where(sa.column("service_id").in_(ours))
        when = moved(self.sample.rows["operation"][0]["ended_at"], day - self.sample.day)
        version = _TABLES["upstream_snapshot"].c.version + 1
        match self.sample.kind:
            case OperationKind.PROLONG:
                until = date.fromordinal(day.toordinal() + TERM)
                connection.execute(services.values(expires_on=until))
                connection.execute(seen.values(expires_on=until, changed_at=when, version=version))
            case OperationKind.CLOSE:
                connection.execute(services.values(status=ServiceStatus.CLOSED, status_since=when))
                gone = {"gone": True, "status": int(UpstreamStatus.DELETED), "row_digest": None}
                connection.execute(seen.values(changed_at=when, version=version, **gone))


class _Copy:
    """Expressions for the values of one copy, in terms of CHOSEN."""

    def __init__(
        self,
        sample: Sample,
        places: dict[str, dict[int, int]],
        first: dict[str, int],
        position: int,
        day: date,
        dialect: str,
    ) -> None:
        self._sample, self._places, self._first, self._position = sample, places, first, position
        self._days = day - sample.day
        self._casts = dialect == "postgresql"
        self._service: Expression = CHOSEN.c.service
        if "service" in places:
            self._service = self._number("service", sample.service)
        mark = sa.literal(sample.mark.removesuffix(str(sample.service))) + sa.cast(self._service, sa.String)
        before, _, after = sample.name.partition(sample.mark)
        self._texts = {
            sample.mark: mark,
            sample.name: sa.literal(before) + mark + sa.literal(after),
            sample.item: sa.cast(self._service + _FIRST_ITEM, sa.String),
        }

    def rows(self, table: sa.Table) -> sa.Select[Any] | sa.CompoundSelect[Any]:
        selects = [
            sa.select(*(self._value(column, row, place).label(column.name) for column in table.columns))
            for place, row in enumerate(self._sample.rows[table.name])
        ]
        every = sa.union_all(*(one.select_from(CHOSEN) for one in selects))
        return every.order_by("id") if "id" in table.columns else every

    def _value(self, column: sa.Column[Any], row: Row, place: int) -> Expression:
        value = row[column.name]
        if value is None:
            return sa.cast(sa.null(), column.type) if self._casts else sa.null()
        found: Expression | None = None
        if isinstance(value, int):
            found = self._whole_number(column, row, place)
        elif isinstance(value, str):
            found = self._texts.get(value)
            if found is None and (_is_unique(column) or (column.table.name, column.name) in _RANDOM):
                found = self._texts[value] = self._random(column, value, place)
        if found is not None:
            return found
        literal = sa.literal(moved(value, self._days), column.type)
        return sa.cast(literal, column.type) if self._casts else literal

    def _whole_number(self, column: sa.Column[Any], row: Row, place: int) -> Expression | None:
        """None: it is no number of a row that is copied."""
        table, value = column.table.name, row[column.name]
        if (table, column.name) == ("webhook_message", "position"):
            return CHOSEN.c.n * len(self._sample.rows[table]) + (self._position + place)
        target = _COPIES.get((table, column.name), "")
        if column.name == "id":
            target = table
        elif (table, column.name) == ("audit_entry", "subject_number"):
            target = row["subject"]
        elif column.foreign_keys:
            target = next(iter(column.foreign_keys)).column.table.name
        if target == "service" and value == self._sample.service:
            return self._service
        return self._number(target, value) if value in self._places.get(target, {}) else None

    def _number(self, table: str, value: int) -> Expression:
        each = len(self._sample.rows[table])
        return CHOSEN.c.n * each + (self._first[table] + self._places[table][value])

    def _random(self, column: sa.Column[Any], value: str, place: int) -> Expression:
        """As long as the sampled one."""
        seed = sa.cast(CHOSEN.c.n, sa.String) + sa.literal(f":{self._first['operation']}:{column}:{place}:")
        parts = [sa.func.md5(seed + sa.literal(str(part))) for part in range(-(-len(value) // 32))]
        whole: Expression = parts[0]
        for part in parts[1:]:
            whole = whole.concat(part)
        return sa.cast(sa.func.substr(whole, 1, len(value)), sa.String)


def _is_unique(column: sa.Column[Any]) -> bool:
    """Alone, not together with other columns."""
    return bool(column.unique) or any(
        index.unique and [one.name for one in index.columns] == [column.name] for index in column.table.indexes
    )


def _next(connection: Connection, column: Expression) -> int:
    return int(connection.execute(sa.select(sa.func.max(column))).scalar_one() or 0) + 1
