"""All rows of a list, page by page, and whether they are proven to be all.

Paging by `p_num`, `p_cnt`, `p_col` is documented (GUIDE6), the total in `p_elems` seen in code; how large `p_cnt` may
be, and whether an upstream honours it, is not known, so nothing is taken for granted. The stored filter
(`{type}.filter`) is never used: it would change what later calls see.
"""

from collections.abc import Awaitable, Callable

from upstreams.billmanager.wire import Document, Fields

PAGE_SIZE = 500
_MOST_PAGES = 2_000


class Pages:
    """Collects rows by number. `complete` is true only if they are proven to be all rows there are."""

    def __init__(self) -> None:
        self.rows: dict[str, Fields] = {}
        self.pages = 0
        self.complete = False
        self._total: int | None = None
        self._steady = True
        """Nothing speaks against it: the total stayed the same, every row had a number, no filter was named."""

    def add(self, page: Document) -> bool:
        """Take in one page. True if another one has to be read."""
        self.pages += 1
        received = page.rows
        numbered = {row["id"].raw: row for row in received if "id" in row and row["id"].raw}
        total = page.counter("p_elems")
        if len(numbered) != len(received) or page.is_filtered or (self.pages > 1 and total != self._total):
            self._steady = False
        self._total = total
        new = numbered.keys() - self.rows.keys()
        self.rows.update(numbered)
        if total is not None:
            return self._counted(total, bool(new))
        return self._uncounted(page, len(received), bool(new))

    def _counted(self, total: int, new: bool) -> bool:
        """The upstream names a total: go on until it is reached, or until a page brings nothing new."""
        self.complete = self._steady and len(self.rows) == total
        return new and len(self.rows) < total and self.pages < _MOST_PAGES

    def _uncounted(self, page: Document, received: int, new: bool) -> bool:
        """No total: all is read when a page is empty, or repeats what was there without being full.

        A short page alone proves nothing: the upstream may cap the size without saying so.
        """
        size = page.counter("p_cnt")
        full = received >= (size or PAGE_SIZE)
        if received == 0:
            self.complete = self._steady and page.is_list
            # An answer with no sign of a list proves an end only after pages that were lists.
            self.complete = self.complete or (self._steady and self.pages > 1)
            return False
        if not new:
            self.complete = self._steady and not full
            return False
        return self.pages < _MOST_PAGES


async def read_pages(fetch: Callable[[dict[str, str]], Awaitable[Document]]) -> Pages:
    """Read pages in order of number until no more is to be had. One request per page; raises what `fetch` raises."""
    pages = Pages()
    more = True
    while more:
        more = pages.add(await fetch(page_fields(pages.pages + 1)))
    return pages


def page_fields(number: int) -> dict[str, str]:
    return {"p_cnt": str(PAGE_SIZE), "p_num": str(number), "p_col": "+id"}
