"""Filters of lists. Each is a set of values: shown is what has one of them. None, or none: it does not matter."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from orders.reading.paging import PageRequest

R = TypeVar("R")
Wanted = tuple[Any, Sequence[object] | None]
"""A column, and what it may be."""


async def newest(
    session: AsyncSession,
    query: Any,
    number: Any,
    number_of: Callable[[R], int | None],
    ask: PageRequest,
    noun: str,
    *filters: Wanted,
) -> list[R]:
    """The rows of a page, newest first, and one more if more follow. Raises InvalidField for the cursor.
    `number`: the column of the row's number, which `number_of` takes from a row.
    """
    query = query.where(number < ask.before(noun)).order_by(number.desc()).limit(ask.limit + 1)
    found: list[R] = await each_value(session, query, *filters)
    return sorted(found, key=lambda row: -(number_of(row) or 0))[: ask.limit + 1]


async def each_value(session: AsyncSession, query: Any, *filters: Wanted) -> list[Any]:
    """The rows of a query with an order and a limit. Of several values of one filter each is read separately, from its
    index, and so are more rows than the limit, not in order. If all were asked for at once, a database would sort every
    row that has one of them, however many these are."""
    split: tuple[Any, list[object]] | None = None
    for column, values in filters:
        if not values:
            continue
        distinct = list(dict.fromkeys(values))
        if len(distinct) == 1:
            query = query.where(column == distinct[0])
        elif split is None:
            split = column, distinct
        else:
            query = query.where(column.in_(distinct))
    if split is None:
        return await _read(session, query)
    column, distinct = split
    return [row for value in distinct for row in await _read(session, query.where(column == value))]


async def _read(session: AsyncSession, query: Any) -> list[Any]:
    return list((await session.exec(query)).all())


def either(values: Sequence[bool] | None) -> bool | None:
    """What a flag must be; None where it may be either."""
    return None if values is None or len(set(values)) > 1 else values[0]
