"""All rows of a list, page by page, and whether they are proven to be all.

Paging by `p_num`, `p_cnt`, `p_col` is documented (GUIDE6), the total in `p_elems` seen in code; how large `p_cnt` may
be, and whether an upstream honours any of them, is not known, so nothing is taken for granted. The stored filter
(`{type}.filter`) is never used: it would change what later calls see. A filter that somebody stored in the interface is
named at the list's root (`p_filter`, seen in code) and makes the list incomplete, whatever the totals say.
"""

import re
from collections.abc import Awaitable, Callable

from upstreams.billmanager.pages import NumberedRows, Page
from upstreams.billmanager.wire import Row
from upstreams.lazy import LazySequence

PAGE_SIZE = 500
_MOST_PAGES = 2_000
_WORDS = 120
"""Characters of the upstream's own words in a reason."""


class PageRows(LazySequence[Row]):
    """The rows of a page that have a number."""

    def __init__(self, page: Page) -> None:
        self.numbered = page.numbered
        places, rows = self.numbered.places, page.rows
        super().__init__(len(places), lambda place: rows[places[place]])


TakePage = Callable[[PageRows, int | None], Awaitable[None]]
"""Takes the rows of a page that have a number, and the total that the upstream names."""


class Reader:
    """Counts rows by number; the rows themselves are handed on. `complete` is true only if they are proven to be all
    rows there are."""

    def __init__(self) -> None:
        self.numbers: set[str] = set()
        self.pages = 0
        self.because = ""
        """Why the rows may not be all, in words for a person; empty where they are proven to be all."""
        self._doubt = ""
        """The first thing that speaks against it, whatever the totals say."""
        self._total: int | None = None
        self._first: tuple[str, ...] = ()
        self._last_number = -1
        self._ascending = True

    @property
    def complete(self) -> bool:
        return self.pages > 0 and not self.because

    def add(self, page: Page) -> bool:
        """Take in one page. True if another one has to be read."""
        self.pages += 1
        received, numbered = len(page.rows), page.numbered
        total = page.total
        if total is None and not received:
            total = self._total  # behind the last page nothing need be counted any more
        self._look_for_doubts(page, received - len(numbered.numbers), total)
        self._watch_the_order(numbered)
        self._total = total
        before = len(self.numbers)
        self.numbers.update(numbered.numbers)
        new = len(self.numbers) > before
        more = self._counted(page, received, new) if total is not None else self._uncounted(page, received, new)
        if self.pages >= _MOST_PAGES and more:
            self.because = f"it has more than {_MOST_PAGES} pages, and no more are read"
            more = False
        self.because = self._doubt or self.because
        return more

    @property
    def wants_a_second_look(self) -> bool:
        """Rows may have moved between the pages without a trace: a new one came on top, or there is no total."""
        is_paged = self.pages > 1 and len(self.numbers) > len(self._first)
        return self.complete and is_paged and not (self._ascending and self._total is not None)

    def look_again(self, first_page: Page) -> None:
        """The first page once more: if it is as it was, no row came on top of it and none on it went away."""
        if first_page.numbered.numbers != self._first or first_page.total != self._total:
            self.because = "the list changed while it was read page by page"

    def _look_for_doubts(self, page: Page, unnumbered: int, total: int | None) -> None:
        found = ""
        if page.filters:
            words = re.sub(r"\s+", " ", "; ".join(page.filters)).strip()
            words = words if len(words) <= _WORDS else f"{words[: _WORDS - 1]}…"
            found = f"a filter stored in the panel for this user narrows the list: {words}; remove it there"
        elif unnumbered:
            found = f"{unnumbered} of its rows have no number, or one that another row has"
        elif self.pages > 1 and total != self._total:
            before, now = ("no number of" if count is None else str(count) for count in (self._total, total))
            found = f"the upstream named {before} rows in all, then {now}: the list changed while it was read"
        self._doubt = self._doubt or found

    def _watch_the_order(self, rows: NumberedRows) -> None:
        if self.pages == 1:
            self._first = rows.numbers
        if rows.numbers:
            self._ascending = self._ascending and rows.ascending and rows.first > self._last_number
            self._last_number = rows.last

    def _counted(self, page: Page, received: int, new: bool) -> bool:
        """The upstream names a total: go on until it is reached, or until a page brings nothing new.

        A total that is reached with a full page of the upstream's own size may be the page's and not the list's: one
        more page shows it.
        """
        known, total = len(self.numbers), self._total or 0
        self.because = "" if known == total else f"the upstream names {total} rows in all and shows {known}"
        if known < total:
            return new
        size = page.size
        return new and known == total and size is not None and received == size < PAGE_SIZE

    def _uncounted(self, page: Page, received: int, new: bool) -> bool:
        """No total: all is read when a page is empty, or repeats what was there without being full.

        A short page alone proves nothing: the upstream may cap the size without saying so.
        """
        size = page.size
        full = received >= (size or PAGE_SIZE)
        if received == 0:
            # An answer with no sign of a list proves an end only after pages that were lists.
            is_end = page.is_list or self.pages > 1
            self.because = "" if is_end else "the answer has no row and nothing else of a list"
            return False
        if not new:
            self.because = "the upstream shows the same full page for every page number" if full else ""
            return False
        self.because = "its end was not reached"
        return True


async def read_pages(fetch: Callable[[dict[str, str]], Awaitable[Page]], take: TakePage) -> Reader:
    """Read pages in order of number until no more is to be had, and hand on each before the next is asked for; raises
    what `fetch` and `take` raise.

    One request per page, and the first page once more where rows may have moved between them unseen.
    """
    pages = Reader()
    more = True
    while more:
        page = await fetch(page_fields(pages.pages + 1))
        more = pages.add(page)
        await take(PageRows(page), page.total)
    if pages.wants_a_second_look:
        pages.look_again(await fetch(page_fields(1)))
    return pages


def page_fields(number: int) -> dict[str, str]:
    return {"p_cnt": str(PAGE_SIZE), "p_num": str(number), "p_col": "+id"}
