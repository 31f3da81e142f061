"""Pages of lists, and what is remembered of them.

A list is read again and again, and most of its pages come as they were, byte by byte. Such a page is not parsed: its
rows are known by number and digest, and are read only if somebody wants their fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from xml.etree.ElementTree import Element

from upstreams.billmanager.wire import Document, Row


@dataclass(frozen=True)
class Page:
    """One page of a list, and what it says of the list."""

    rows: tuple[Row, ...]
    total: int | None
    """Rows of the whole list, in the upstream's words (`p_elems`)."""
    size: int | None
    """Rows of a page, in the upstream's words (`p_cnt`)."""
    filters: tuple[str, ...]
    is_list: bool
    """It has what only lists have."""

    @classmethod
    def of(cls, document: Document) -> "Page":
        return cls(
            rows=document.raw_rows,
            total=document.counter("p_elems"),
            size=document.counter("p_cnt"),
            filters=document.filters,
            is_list=document.is_list,
        )


@dataclass(frozen=True)
class _Remembered:
    body: bytes
    """Its digest."""
    outline: Document
    page: Page
    """Without the rows' fields."""


_Key = tuple[str, str, str]


class Pages:
    """What an account's pages were when they were read last, by function, order and page number."""

    def __init__(self) -> None:
        self._remembered: dict[_Key, _Remembered] = {}

    def reading(self, function: str, fields: Mapping[str, str]) -> "PageReading":
        return PageReading(self._remembered, (function, fields["p_col"], fields["p_num"]))


class PageReading:
    """One page being asked for."""

    def __init__(self, remembered: dict[_Key, _Remembered], key: _Key) -> None:
        self._all = remembered
        self._key = key
        self._body = b""
        self._digest = b""
        self._new: Page | None = None

    def parse(self, body: bytes) -> Document:
        """The document, without its rows where the page came as it was. Raises NotADocument.

        Of a long one in a thread of its own, so what takes long is done here."""
        self._body, self._digest = body, blake2b(body, digest_size=16).digest()
        before = self._all.get(self._key)
        if before is not None and before.body == self._digest:
            return before.outline
        document = Document.parse(body)
        self._new = Page.of(document)
        return document

    def page(self, document: Document) -> Page:
        """The page that `parse` gave the document of, once that has proven to be an answer proper."""
        before = self._all.get(self._key)
        if before is not None and document is before.outline:
            again = _Again(self._body)
            known = before.page.rows
            rows = tuple(row.read_by(partial(again.elem, place)) for place, row in enumerate(known))
            return Page(rows, before.page.total, before.page.size, before.page.filters, before.page.is_list)
        page = self._new or Page.of(document)
        forgotten = tuple(row.read_by(_nothing) for row in page.rows)
        outlined = Page(forgotten, page.total, page.size, page.filters, page.is_list)
        self._all[self._key] = _Remembered(self._digest, document.outline, outlined)
        return page


class _Again:
    """A page that came as it was; parsed once, when the first of its rows is read."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._rows: list[Element] | None = None

    def elem(self, place: int) -> Element:
        if self._rows is None:
            self._rows = Document.parse(self._body).row_elements
        return self._rows[place]


def _nothing() -> Element:
    raise LookupError("only number and digest of a remembered row are known")
