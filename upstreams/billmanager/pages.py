"""Pages of lists, and what is remembered of them.

A list is read again and again, and most of its pages come as they were, byte by byte. Such a page is not parsed: its
rows are known by number and digest, and are read only if somebody wants their fields. What is found out of all of its
rows together is remembered, too, so that nobody goes through them again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import blake2b
from itertools import pairwise
from xml.etree.ElementTree import Element

from upstreams.billmanager.wire import Document, Row
from upstreams.lazy import LazySequence


class NumberedRows:
    """What is known of those rows of a page that have a number, without any being read."""

    def __init__(self, rows: Sequence[Row]) -> None:
        places = {(row.number, row.digest): place for place, row in enumerate(rows) if row.number}
        self.places = tuple(places.values())
        """Places of the rows to be taken in. If rows of one number differ, all of them are here; whoever takes them in
        believes none."""
        self.numbers = tuple(dict.fromkeys(number for number, _ in places))
        counted = [int(text) if text.isascii() and text.isdigit() else -1 for text in self.numbers]  # 64 digits at most
        self.ascending = all(earlier < later for earlier, later in pairwise(counted))
        self.first, self.last = (counted[0], counted[-1]) if counted else (-1, -1)
        self.shows_remoteid = any(rows[place].shows_remoteid for place in self.places)
        self._known = tuple(places) if len(places) == len(self.numbers) else ()
        self._digests: dict[str, Mapping[str, str]] = {}

    def digests(self, prefix: str) -> Mapping[str, str]:
        """Number -> digest, each beginning with `prefix`. Empty if rows of one number differ."""
        if prefix not in self._digests:
            self._digests[prefix] = {number: f"{prefix}{digest}" for number, digest in self._known}
        return self._digests[prefix]


@dataclass(frozen=True)
class Page:
    """One page of a list, and what it says of the list."""

    rows: Sequence[Row]
    total: int | None
    """Rows of the whole list, in the upstream's words (`p_elems`)."""
    size: int | None
    """Rows of a page, in the upstream's words (`p_cnt`)."""
    filters: tuple[str, ...]
    is_list: bool
    """It has what only lists have."""

    @cached_property
    def numbered(self) -> NumberedRows:
        return NumberedRows(self.rows)

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

    def page_again(self, body: bytes) -> Page:
        page = self.page
        rows = LazySequence(len(page.rows), _Again(page.rows, body).row)
        again = Page(rows, page.total, page.size, page.filters, page.is_list)
        again.__dict__["numbered"] = page.numbered
        return again


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
            return before.page_again(self._body)
        page = self._new or Page.of(document)
        forgotten = tuple(row.read_by(_nothing) for row in page.rows)
        outlined = Page(forgotten, page.total, page.size, page.filters, page.is_list)
        self._all[self._key] = _Remembered(self._digest, document.outline, outlined)
        return page


class _Again:
    """A page that came as it was; parsed once, when the fields of the first of its rows are read."""

    def __init__(self, known: Sequence[Row], body: bytes) -> None:
        self._known = known
        self._body = body
        self._elements: list[Element] | None = None

    def row(self, place: int) -> Row:
        return self._known[place].read_by(partial(self._elem, place))

    def _elem(self, place: int) -> Element:
        if self._elements is None:
            self._elements = Document.parse(self._body).row_elements
        return self._elements[place]


def _nothing() -> Element:
    raise LookupError("only number and digest of a remembered row are known")
