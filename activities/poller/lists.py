"""One look at a list of the account: read page by page, taken in batch by batch."""

import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from temporalio import activity

from activities.poller.freshness import Freshness
from metrics import counters
from models.columns import utc_now
from models.database import Database
from orders.events import Known, ListScan, PollResult
from upstreams.port import ListedRow, Upstream

SUSPECTS_AT_ONCE = 50
"""Items missing from a list whose forms are read after it; the others after the next one, which does not show them
either."""
PROGRESS_SECONDS = 5.0
"""How often it is said how far a first look has come."""


@dataclass
class KnownLists:
    """What a lap of the poller remembers of the account's lists, by product type."""

    known: dict[str, Known] = field(default_factory=dict)
    read_at: dict[str, datetime] = field(default_factory=dict)
    """When each was last read to its end."""


class ListPoll:
    """One look at a list. What has been taken in is in `result`, also if it is broken off."""

    def __init__(self, database: Database, known: Known, *, every_row: bool = False) -> None:
        self._look = ListScan(database, known, _Progress(known).say, every_row=every_row)
        self.every_row = every_row
        self.complete = False
        self._known = known
        self.pages = 0
        """0: it has not been read to its end."""

    @property
    def result(self) -> PollResult:
        return self._look.result

    @property
    def shown(self) -> AbstractSet[str]:
        """Numbers of all its items."""
        return self._look.seen

    @property
    def known_numbers(self) -> AbstractSet[str]:
        """Numbers of all items of the list that are known and not gone."""
        return self._known.digests.keys()

    async def read(self, upstream: Upstream, lists: KnownLists, freshness: Freshness) -> None:
        """Raises the errors of `upstreams.errors`."""
        began = time.monotonic()
        async with freshness.reading() as asked:
            await self._look.begin()

            async def take(rows: Sequence[ListedRow], total: int | None) -> None:
                async with freshness.recording():
                    await self._take(rows, total, freshness, asked)

            end = await upstream.walk_items(self._known.product_type, take)
            async with freshness.recording():
                await self._look.end(end)
        self.pages, self.complete = end.pages, end.complete
        lists.read_at[self._known.product_type] = utc_now()
        took = time.monotonic() - began
        counters.LIST_SECONDS.labels(self._known.upstream, self._known.product_type).observe(took)

    async def _take(self, rows: Sequence[ListedRow], total: int | None, freshness: Freshness, asked: int) -> None:
        """A page, without the rows of items that were looked at since the list was asked for: they may be older."""
        product_type, before = self._known.product_type, self.result.events
        counters.LIST_ROWS.labels(self._known.upstream, product_type).inc(len(rows))
        newest = rows
        if not freshness.nothing_since(asked):
            newest = [row for row in rows if not freshness.is_stale(asked, product_type, row.number)]
            self._look.seen.update(row.number for row in rows)
        await self._look.rows(newest, total)
        await self._look.judge()
        if self.result.events != before:
            freshness.recorded(product_type, [row.number for row in newest])


async def take_head(
    database: Database, lists: KnownLists, account_id: int, product_type: str, rows: Sequence[ListedRow]
) -> PollResult:
    """Rows of the head of a list, compared with what is known as rows of the whole list are."""
    known = lists.known.get(product_type)
    if known is None:
        known = lists.known[product_type] = await Known.load(database, account_id, product_type)
    look = ListScan(database, known)
    await look.begin()
    await look.rows(rows)
    return await look.end_of_part()


async def begin(
    database: Database, lists: KnownLists, account_id: int, product_type: str, *, every_row: bool = False
) -> ListPoll:
    known = lists.known.get(product_type)
    if known is None:
        known = lists.known[product_type] = await Known.load(database, account_id, product_type)
    return ListPoll(database, known, every_row=every_row)


class _Progress:
    """Progress of a first look, which takes a while if there are many items."""

    def __init__(self, known: Known) -> None:
        self._name = f"upstream {known.upstream}, {known.product_type}"
        self._said_at = time.monotonic()

    def say(self, seen: int, total: int | None) -> None:
        if time.monotonic() - self._said_at >= PROGRESS_SECONDS:
            self._said_at = time.monotonic()
            activity.logger.info("%s: first look, %d of %s items", self._name, seen, total or "?")
