"""What the upstream paid back, read in its lists of expenses and payments at a calm rate, beside everything else."""

from collections.abc import Sequence
from datetime import timedelta

from activities.poller import schedule
from activities.poller.schedule import PeriodicJob
from activities.poller.watch import Watch
from models.catalogue import UpstreamAccount
from models.database import Database
from orders.money.refunds import finding, record, watched
from orders.money.refunds.finding import Reading
from settings import Settings
from upstreams.ledger import LedgerRow
from upstreams.port import Upstream


async def look_for_ended(database: Database, watch: Watch, settings: Settings) -> None:
    """Whether the lists are to be read: something has ended lately, and the last reading is long ago."""
    rest = min(settings.refund_interval, schedule.REFUNDS_SECONDS)
    if not watch.shows_refunds or not watch.schedule.claim(PeriodicJob.REFUNDS, rest):
        return
    interval, window = timedelta(seconds=settings.refund_interval), timedelta(days=settings.refund_days)
    async with database.read() as session:
        watch.ledger = await watched.due(session, watch.account_id, interval, window)


async def read_ledger(database: Database, watch: Watch, upstream: Upstream) -> None:
    """The days since the first that ended, and earlier days on which they were charged, each alone."""
    if watch.ledger is None:
        return
    asked, watch.ledger = watch.ledger, None
    async with database.read() as session:
        account = await session.get_one(UpstreamAccount, watch.account_id)
    reading = Reading(asked, account.currency, account.charges_below_zero)

    async def take(rows: Sequence[LedgerRow]) -> None:
        reading.take(rows)

    problems: dict[str, None] = {}
    for day in (*asked.days, None):
        end = await upstream.walk_ledger(day or asked.since, day, take)
        reading.complete[day] = end.complete
        problems |= dict.fromkeys(end.problems)
    await record.record(database, watch.account_id, reading, finding.problems_in_words(reading, list(problems)))
