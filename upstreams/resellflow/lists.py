"""Their list of services, page by page, and whether what was read is all there is.

A page begins below the number that its cursor names, so no row moves from one page to another while the list is read.
Services of all product types are in one list.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from pydantic import ValidationError

from models.enums import Knowledge
from upstreams.port import ListedRow, ListEnd, TakeRows, UnusableRow, UpstreamItem
from upstreams.resellflow.documents import TheirPage, TheirService, item

PAGE_SIZE = 200
_MOST_PAGES = 2_000
_READS_ROWS = 1
"""Counts the ways in which rows have been read: another one makes every row another one."""

FetchPage = Callable[[str | None], Awaitable[TheirPage]]
"""Reads the page with this cursor; None: the first one."""


def rows_of(page: TheirPage, product_type: str) -> list[ListedRow]:
    """The rows of this type. A row that does not say its type may be one."""
    return [
        ListedRow(str(row.get("number", "")), _digest(row), partial(_item, row))
        for row in page.items
        if row.get("product_type", product_type) == product_type
    ]


async def walk(fetch: FetchPage, product_type: str, take: TakeRows) -> ListEnd:
    """Hands on each page before the next is asked for. Raises what `fetch` and `take` raise."""
    pages, because, shows_marks = 0, "", Knowledge.UNKNOWN
    cursor: str | None = None
    last: int | None = None
    while True:
        page = await fetch(cursor)
        pages += 1
        if page.items:
            shows_marks = Knowledge.YES
        because = because or _out_of_order(page, last)
        await take(rows_of(page, product_type), None)
        last = _lowest(page, last)
        if page.next_cursor is None:
            break
        if page.next_cursor == cursor or not page.items:
            because = because or "a page leads to no other"
            break
        if pages >= _MOST_PAGES:
            because = because or f"it has more than {_MOST_PAGES} pages, and no more are read"
            break
        cursor = page.next_cursor
    return ListEnd(complete=not because, incomplete_because=because, pages=pages, shows_marks=shows_marks)


def out_of_order(page: TheirPage) -> str:
    """Why the page is not the newest services, in words; empty: it is."""
    return _out_of_order(page, None)


def _numbers(page: TheirPage) -> list[int | None]:
    return [number if isinstance(number := row.get("number"), int) else None for row in page.items]


def _out_of_order(page: TheirPage, last: int | None) -> str:
    for number in _numbers(page):
        if number is None:
            return "one of its rows has no number"
        if last is not None and number >= last:
            return "its numbers do not descend"
        last = number
    return ""


def _lowest(page: TheirPage, last: int | None) -> int | None:
    return min((number for number in (*_numbers(page), last) if number is not None), default=None)


def _digest(row: dict[str, object]) -> str:
    text = json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"{_READS_ROWS}{hashlib.sha256(text.encode('utf-8', 'backslashreplace')).hexdigest()[:32]}"


def _item(row: dict[str, object]) -> UpstreamItem:
    try:
        return item(TheirService.model_validate(row))
    except ValidationError as error:
        where = ".".join(str(step) for step in error.errors()[0]["loc"]) or "row"
        raise UnusableRow(f"its {where[:60]} can't be read") from None


def read_all(rows: Sequence[ListedRow]) -> tuple[list[UpstreamItem], str]:
    """The items of the rows, and why one of them can't be read; empty: all can."""
    items: list[UpstreamItem] = []
    because = ""
    for row in rows:
        try:
            items.append(row.item())
        except UnusableRow as reason:
            because = because or f"row {row.number[:64] or '?'}: {reason}"
    return items, because
