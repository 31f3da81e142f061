"""Orders of lists other than newest first, each with cursors of its own: rows that come later shift nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, ScalarSelect, literal, or_, tuple_
from sqlmodel import SQLModel, col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from orders.reading.filters import Wanted, each_value, newest
from orders.reading.paging import PageRequest, cursor_text, no_cursor, text_of_cursor

R = TypeVar("R")

NEWEST, OLDEST = "-created_at", "created_at"
_OUT_OF_ORDER = timedelta(minutes=5)
"""Rows are numbered as they are created, nearly so: clocks differ, and a transaction lasts."""
_NONE = "none"
"""In a cursor: the rows without a value have begun."""


@dataclass(frozen=True)
class Listing(Generic[R]):
    """A list: what it is called in cursors, its rows, and a column of days by which it can be sorted, too."""

    noun: str
    query: Any
    number: Any
    """Column of the row's number."""
    number_of: Callable[[R], int]
    filters: Sequence[Wanted] = ()
    day: Any = None
    day_of: Callable[[R], date | None] | None = None

    async def rows(self, session: AsyncSession, ask: PageRequest, sort: str) -> list[R]:
        """The rows of a page, and one more if more follow. Raises InvalidField for a cursor of another list or order.

        `sort`: `created_at`, or the day's column; with `-` before it the other way. What has no day comes last.
        """
        if sort == NEWEST:
            return await newest(session, self.query, self.number, self.number_of, ask, self.noun, *self.filters)
        back, count = sort.startswith("-"), ask.limit + 1
        passed = "" if ask.cursor is None else text_of_cursor(f"{self.noun}.{sort}", ask.cursor)
        day, number = _passed(passed)
        if sort == OLDEST:
            return await self._some(session, self.query.where(self.number > number), [self.number], False, count)
        found: list[R] = []
        if day != _NONE:
            query = self.query.where(self.day.is_not(None))
            if passed:
                here, last = tuple_(self.day, self.number), tuple_(literal(_day(day), self.day.type), literal(number))
                query = query.where(here < last if back else here > last)
            found = await self._some(session, query, [self.day, self.number], back, count)
            number = 0
        if len(found) < count:
            query = self.query.where(self.day.is_(None), self.number > number)
            found += await self._some(session, query, [self.number], False, count - len(found))
        return found

    async def _some(self, session: AsyncSession, query: Any, columns: Sequence[Any], back: bool, count: int) -> list[R]:
        query = query.order_by(*(one.desc() if back else one.asc() for one in columns)).limit(count)
        rows: list[R] = await each_value(session, query, *self.filters)
        by_day = len(columns) > 1
        rows.sort(key=lambda row: (self._day(row) if by_day else date.min, self.number_of(row)), reverse=back)
        return rows[:count]

    def _day(self, row: R) -> date:
        return (self.day_of(row) if self.day_of is not None else None) or date.min

    def cursor(self, row: R, sort: str) -> str:
        """The cursor of the page that ends with this row."""
        number = self.number_of(row)
        if sort == NEWEST:
            return cursor_text(self.noun, number)
        day = self.day_of(row) if self.day_of is not None and sort != OLDEST else None
        return cursor_text(f"{self.noun}.{sort}", f"{day or _NONE} {number}")


def _passed(text: str) -> tuple[str, int]:
    if not text:
        return "", 0
    day, _, number = text.partition(" ")
    if not (number.isascii() and number.isdigit() and len(number) <= 10):
        raise no_cursor()
    return day, int(number)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise no_cursor() from None


def created_between(table: Any, after: datetime | None, before: datetime | None) -> list[ColumnElement[bool]]:
    """Conditions. `after` itself belongs to it, `before` does not. The list need not pass what is too young."""
    at, number = col(table.created_at), col(table.id)
    found: list[ColumnElement[bool]] = []
    if after is not None:
        found += [at >= after, number >= _edge(table, at >= after - _OUT_OF_ORDER, at.asc())]
    if before is not None:
        found += [at < before, number <= last_created_before(table, before)]
    return found


def last_created_before(table: Any, moment: datetime) -> ScalarSelect[Any]:
    """The number of the newest row that is older than the moment, or a little younger."""
    at = col(table.created_at)
    return _edge(table, at < moment + _OUT_OF_ORDER, at.desc())


def _edge(table: type[SQLModel], condition: ColumnElement[bool], order: ColumnElement[Any]) -> ScalarSelect[Any]:
    number = table.id  # type: ignore[attr-defined]  # every table of a list has one
    return select(number).where(condition).order_by(order).limit(1).scalar_subquery()


def contains(text: str, *columns: Any) -> ColumnElement[bool]:
    """One of the columns has the text in it, in capitals or not (SQLite knows only those of ASCII)."""
    pattern = "%" + "".join(f"\\{one}" if one in "\\%_" else one for one in text.lower()) + "%"
    return or_(*(func.lower(column).like(pattern, escape="\\") for column in columns))
