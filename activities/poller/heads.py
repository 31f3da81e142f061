"""The head of a list sorted by number, newest first: one request reports any number of openings.

It is used for openings of types that were listed in this run (a form alone would report of an item what its list writes
differently, which is a change once the list is read), and only as far as it is seen to be what was asked for: where an
upstream does not sort, or its head lacks what is waited for, forms are read.
"""

from collections.abc import Collection, Sequence

from temporalio import activity

from activities.poller import schedule
from activities.poller.lists import take_head
from activities.poller.watch import PendingForm, Watch
from models.database import Database
from models.enums import OperationKind
from orders.events import WaitingOperation
from upstreams.port import ListedRow, Upstream

SHOWN_AT_LEAST = 2
"""A head that shows fewer of those that are waited for saves no request."""


def by_head(watch: Watch, due: Collection[WaitingOperation]) -> dict[str, list[WaitingOperation]]:
    """Product type -> openings to be looked for at the head of its list."""
    openings: dict[str, list[WaitingOperation]] = {}
    for operation in due:
        if operation.kind is OperationKind.OPEN and not watch.by_form(operation):
            openings.setdefault(operation.product_type, []).append(operation)
    return {
        product_type: found
        for product_type, found in openings.items()
        if product_type in watch.pages and watch.schedule.may_read_head(product_type)
    }


async def read_head(
    database: Database, watch: Watch, upstream: Upstream, product_type: str, openings: Collection[WaitingOperation]
) -> set[str]:
    """Returns the numbers of those that it shows. Its rows are taken in as rows of a list, which is not complete."""
    wanted = {operation.upstream_number for operation in openings}
    count = min(max(2 * len(wanted), schedule.HEAD_AT_LEAST), schedule.HEAD_AT_MOST)
    async with watch.freshness.reading() as asked:
        head = await upstream.newest_items(product_type, count)
        shown = wanted & {row.number for row in head.rows} if head.in_order else set()
        if len(shown) < min(len(wanted), SHOWN_AT_LEAST):
            why = head.because or "it lacks items that there are"
            activity.logger.info("poller %s: the head of %s is no use: %s", watch.name, product_type, why)
            watch.schedule.skip_head(product_type)
        if not shown:
            return shown
        await _record_rows(database, watch, product_type, head.rows, asked)
    for operation in openings:
        if operation.upstream_number in shown:
            watch.schedule.looked_at(operation)
    return shown


async def _record_rows(
    database: Database, watch: Watch, product_type: str, rows: Sequence[ListedRow], asked: int
) -> None:
    """In slices: the first orders hear of their items while the next are compared."""
    for start in range(0, len(rows), schedule.HEAD_SLICE):
        async with watch.freshness.recording():
            part = [
                row
                for row in rows[start : start + schedule.HEAD_SLICE]
                if not watch.freshness.is_stale(asked, product_type, row.number)
            ]
            result = await take_head(database, watch.lists, watch.account_id, product_type, part)
            if result.events:
                watch.freshness.recorded(product_type, [row.number for row in part])
        watch.count(result)
        for number in result.to_read:
            watch.to_read[product_type, number] = PendingForm()
