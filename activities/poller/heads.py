"""The head of a list sorted by number, newest first: one request tells of any number of openings.

It is used for openings of types that were listed in this run (a form alone would tell of an item what its list writes
differently, which is a change once the list is read), and only as far as it is seen to be what was asked for: where an
upstream does not sort, or its head lacks what is waited for, forms are read.
"""

from collections.abc import Collection

from temporalio import activity

from activities.poller import schedule
from activities.poller.lists import take_head
from activities.poller.watch import Form, Watch
from models.database import Database
from models.enums import OperationKind
from orders.events import Hot
from upstreams.port import Upstream

SHOWN_AT_LEAST = 2
"""A head that shows fewer of those that are waited for saves no request."""


def by_head(watch: Watch, due: Collection[Hot]) -> dict[str, list[Hot]]:
    """Product type -> openings to be looked for at the head of its list."""
    openings: dict[str, list[Hot]] = {}
    for hot in due:
        if hot.kind is OperationKind.OPEN and not watch.by_form(hot):
            openings.setdefault(hot.product_type, []).append(hot)
    return {kind: found for kind, found in openings.items() if kind in watch.pages and watch.due.may_read_head(kind)}


async def read_head(
    database: Database, watch: Watch, upstream: Upstream, product_type: str, openings: Collection[Hot]
) -> set[str]:
    """Returns the numbers of those that it shows. Its rows are taken in as rows of a list, which is not complete."""
    wanted = {hot.upstream_number for hot in openings}
    count = min(max(2 * len(wanted), schedule.HEAD_AT_LEAST), schedule.HEAD_AT_MOST)
    async with watch.looks.asking() as asked:
        head = await upstream.newest_items(product_type, count)
        shown = wanted & {row.number for row in head.rows} if head.in_order else set()
        if len(shown) < min(len(wanted), SHOWN_AT_LEAST):
            why = head.because or "it lacks items that there are"
            activity.logger.info("poller %s: the head of %s is no use: %s", watch.name, product_type, why)
            watch.due.no_head(product_type)
        if not shown:
            return shown
        async with watch.looks.writing():
            rows = [row for row in head.rows if not watch.looks.overtaken(asked, product_type, row.number)]
            digest = await take_head(database, watch.lists, watch.account_id, product_type, rows)
            if digest.events:
                watch.looks.wrote(product_type, [row.number for row in rows])
    watch.count(digest)
    for number in digest.to_read:
        watch.to_read[product_type, number] = Form()
    for hot in openings:
        if hot.upstream_number in shown:
            watch.due.looked_at(hot)
    return shown
