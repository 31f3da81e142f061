"""Pages of a list, newest first. A cursor names the last row seen, so rows that come later shift nothing."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import Field

from models.numbers import HIGHEST_NUMBER
from orders.errors import InvalidField
from orders.reading.documents import Document

DEFAULT_LIMIT = 50
HIGHEST_LIMIT = 200

D = TypeVar("D")
R = TypeVar("R")


@dataclass(frozen=True)
class PageRequest:
    """`limit`: 1 to 200. `cursor`: `next_cursor` of the page before, or None for the first page."""

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None

    def before(self, noun: str) -> int:
        """The row number below which this page begins. Raises InvalidField for a cursor that is not of such a list."""
        if not 1 <= self.limit <= HIGHEST_LIMIT:
            raise InvalidField("limit", f"is a number from 1 to {HIGHEST_LIMIT}")
        if self.cursor is None:
            return HIGHEST_NUMBER
        number = text_of_cursor(noun, self.cursor)
        if number.isdigit() and 0 < int(number) <= HIGHEST_NUMBER:
            return int(number)
        raise no_cursor()


class Page(Document, Generic[D]):
    """One page of a list, newest first."""

    items: list[D]
    next_cursor: str | None = Field(description="ask again with it for the next page; null at the end of the list")


def cursor_text(noun: str, text: object) -> str:
    """A cursor of the list `noun`; what it holds is nobody's business but the list's."""
    return base64.urlsafe_b64encode(f"{noun} {text}".encode()).decode().rstrip("=")


def text_of_cursor(noun: str, cursor: str) -> str:
    """What such a cursor holds. Raises InvalidField for one that is not of such a list."""
    try:
        padding = "=" * (-len(cursor) % 4)
        text = base64.b64decode(cursor.encode("ascii") + padding.encode(), altchars=b"-_", validate=True)
        what, _, rest = text.decode().partition(" ")
    except (ValueError, binascii.Error):
        raise no_cursor() from None
    if what != noun:
        raise no_cursor()
    return rest


def no_cursor() -> InvalidField:
    return InvalidField("cursor", "is not one that this list gave; leave it out to begin at the first page")


def page_of(
    noun: str, ask: PageRequest, rows: Sequence[R], number_of: Callable[[R], int | None], show: Callable[[R], D]
) -> Page[D]:
    """The page from `rows`, of which one more than the limit has been read: it shows whether more follow."""
    return page_with(ask, rows, lambda row: cursor_text(noun, number_of(row)), show)


def page_with(ask: PageRequest, rows: Sequence[R], cursor_of: Callable[[R], str], show: Callable[[R], D]) -> Page[D]:
    shown = rows[: ask.limit]
    more = len(rows) > ask.limit
    return Page(items=[show(row) for row in shown], next_cursor=cursor_of(shown[-1]) if more else None)
