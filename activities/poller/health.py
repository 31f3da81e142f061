"""What reads that work, and reads that fail, say of the account."""

import time

from sqlmodel import select
from temporalio import activity

from activities.poller.schedule import LEFT_ALONE_SECONDS, POLL_NOTE_SECONDS, Turn
from activities.poller.watch import Tally, Watch
from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.database import Database
from orders import events
from upstreams.errors import ConnectionUnhealthy, LeftAlone, NotSent, OutcomeUnknown, UpstreamError


async def note_success(database: Database, watch: Watch, tally: Tally) -> None:
    tally.failures = 0
    if tally.well:
        return
    tally.well = True
    watch.worked_at = time.monotonic()
    async with database.read() as session:
        found = await session.exec(
            select(UpstreamAccount.unhealthy_reason).where(UpstreamAccount.id == watch.account_id)
        )
        unhealthy_reason = found.one()
    # An order may have found it unhealthy between two polls that worked.
    if unhealthy_reason and await events.record_health(database, watch.account_id, None):
        activity.logger.warning("upstream %s is well again", watch.name)


def note_failure(watch: Watch, tally: Tally, error: UpstreamError) -> None:
    """A failed read: it is tried again at the pace of the schedule."""
    activity.logger.info("poller %s: %s", watch.name, error.message)
    silent = isinstance(error, NotSent | OutcomeUnknown | ConnectionUnhealthy)
    tally.failures = tally.failures + 1 if silent else 0
    if isinstance(error, ConnectionUnhealthy):
        tally.unhealthy = tally.unhealthy or error
    if error.next_try is None:
        return
    left = (error.next_try - utc_now()).total_seconds()
    watch.due.rest(Turn.CONNECT, max(0.0, min(left, LEFT_ALONE_SECONDS)))
    if not isinstance(error, LeftAlone):
        tally.rest = error


async def judge_health(database: Database, watch: Watch, tally: Tally) -> None:
    """Afterwards: the account is in trouble if it says so and nothing else can be read either."""
    if tally.rest is not None and tally.rest.next_try is not None:
        await events.record_rest(database, watch.account_id, tally.rest.next_try, tally.rest.message)
    if tally.unhealthy is None or tally.well:
        return
    if time.monotonic() - watch.worked_at < 1.5 * watch.due.longest_rest():
        return
    if await events.record_health(database, watch.account_id, tally.unhealthy.message):
        activity.logger.error("upstream %s is unhealthy: %s", watch.name, tally.unhealthy.message)


async def note_poll(database: Database, watch: Watch) -> None:
    """Only once all that was due was read: who reads that the account was looked at just now takes it for that, and not
    for the first list of several."""
    async with database.read() as session:
        found = await session.exec(select(UpstreamAccount.polled_at).where(UpstreamAccount.id == watch.account_id))
        polled_at = found.one()
    if polled_at is None or (utc_now() - polled_at).total_seconds() > POLL_NOTE_SECONDS:
        await events.record_poll(database, watch.account_id, watch.lists.read_at)
