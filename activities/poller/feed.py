"""The upstream's own list of changes: the items that it names are noted as hints, and read at once.

The cursor is kept with what it led to, so nothing is left out when a worker stops in between. Lists are read all the
same, less often.
"""

from activities.poller import schedule
from activities.poller.schedule import PeriodicJob
from activities.poller.watch import Watch
from models.catalogue import UpstreamAccount
from models.database import Database
from orders.events import hints
from upstreams.errors import NoSuchItem
from upstreams.port import Upstream


async def read_feed(database: Database, watch: Watch, upstream: Upstream) -> None:
    """Raises the errors of `upstreams.errors`."""
    watch.schedule.postpone(PeriodicJob.FEED, schedule.FEED_SECONDS)
    async with database.read() as session:
        cursor = (await session.get_one(UpstreamAccount, watch.account_id)).feed_cursor
    try:
        news = await upstream.news(cursor)
    except NoSuchItem:  # an older version of theirs: lists show everything
        watch.schedule.postpone(PeriodicJob.FEED, schedule.NO_FEED_SECONDS)
        return
    watch.schedule.feed_works()
    if news.begins_anew:
        for product_type in watch.product_types:
            watch.schedule.list_now(product_type)
    if news.numbers or news.begins_anew:
        if not await hints.write_news(database, watch.account_id, news):
            for product_type in watch.product_types:
                watch.schedule.list_now(product_type)
        watch.schedule.postpone(PeriodicJob.HINTS, 0.0)
    if news.more:
        watch.schedule.postpone(PeriodicJob.FEED, 0.0)
