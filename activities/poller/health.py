"""Derives the health of the account from reads that succeed and reads that fail."""

import logging
import time
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import col, select
from temporalio import activity

from activities.poller import schedule
from activities.poller.schedule import LEFT_ALONE_SECONDS, POLL_NOTE_SECONDS, PeriodicJob
from activities.poller.watch import ReadResults, Watch
from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.database import Database
from orders import events
from orders.events import FailingList
from upstreams.errors import ConnectionUnhealthy, LeftAlone, NotSent, OutcomeUnknown, UpstreamError

_UNHEALTHY_REASON = select(UpstreamAccount.unhealthy_reason).where(col(UpstreamAccount.id) == sa.bindparam("account"))


async def note_success(database: Database, watch: Watch, tally: ReadResults) -> None:
    tally.failures = 0
    if tally.succeeded:
        return
    tally.succeeded = True
    watch.worked_at = time.monotonic()
    async with database.read() as session:
        unhealthy_reason = (await session.exec(_UNHEALTHY_REASON, params={"account": watch.account_id})).one()
    # An order may have found it unhealthy between two polls that worked.
    if unhealthy_reason and await events.record_health(database, watch.account_id, None):
        activity.logger.warning("upstream %s is well again", watch.name)
    silent_since, watch.silent_since = watch.silent_since, None
    if watch.silence_recorded and silent_since is not None:
        await events.record_reach(database, watch.account_id, None, silent_since)
        watch.silence_recorded = False
        activity.logger.warning("upstream %s answers again, for the first time since %s", watch.name, silent_since)


def note_failure(watch: Watch, tally: ReadResults, error: UpstreamError) -> None:
    """A failed read: it is tried again at the pace of the schedule."""
    level = logging.DEBUG if isinstance(error, LeftAlone) else logging.INFO  # why was said when that began
    activity.logger.log(level, "poller %s: %s", watch.name, error.message)
    if isinstance(error, NotSent | OutcomeUnknown) and not isinstance(error, LeftAlone):
        watch.silent_since = watch.silent_since or utc_now()
        tally.silence = error
    silent = isinstance(error, NotSent | OutcomeUnknown | ConnectionUnhealthy)
    tally.failures = tally.failures + 1 if silent else 0
    if isinstance(error, ConnectionUnhealthy):
        tally.unhealthy = tally.unhealthy or error
    if error.next_try is None:
        return
    left = (error.next_try - utc_now()).total_seconds()
    watch.schedule.postpone(PeriodicJob.CONNECT, max(0.0, min(left, LEFT_ALONE_SECONDS)))
    if not isinstance(error, LeftAlone):
        tally.rest = error


def note_failing_list(watch: Watch, product_type: str, error: UpstreamError) -> None:
    """That the whole account is left alone says nothing of one list."""
    if not isinstance(error, LeftAlone):
        known = watch.failing.get(product_type)
        watch.failing[product_type] = FailingList(known.since if known is not None else utc_now(), error.message)


async def judge_health(database: Database, watch: Watch, tally: ReadResults) -> None:
    """Afterwards: the account is in trouble if it says so and nothing else can be read either, or if nothing has been
    answered for a while; and which of its lists could not be read for a while."""
    await _judge_silence(database, watch, tally)
    await _judge_lists(database, watch)
    if tally.rest is not None and tally.rest.next_try is not None:
        await events.record_rest(database, watch.account_id, tally.rest.next_try, tally.rest.message)
    if tally.unhealthy is None or tally.succeeded:
        return
    if time.monotonic() - watch.worked_at < 1.5 * watch.schedule.longest_rest():
        return
    if await events.record_health(database, watch.account_id, tally.unhealthy.message):
        activity.logger.error("upstream %s is unhealthy: %s", watch.name, tally.unhealthy.message)


async def _judge_silence(database: Database, watch: Watch, tally: ReadResults) -> None:
    since, silence = watch.silent_since, tally.silence
    if tally.succeeded or silence is None or since is None or watch.silence_recorded or not _lasts(watch, since):
        return
    if await events.record_reach(database, watch.account_id, silence.message, since):
        activity.logger.error("upstream %s has given no usable answer since %s: %s", watch.name, since, silence.message)
    watch.silence_recorded = True


async def _judge_lists(database: Database, watch: Watch) -> None:
    if watch.product_types:  # the others are not read any more
        watch.failing = {
            product_type: one for product_type, one in watch.failing.items() if product_type in watch.product_types
        }
    lasting = {
        product_type: one
        for product_type, one in watch.failing.items()
        if product_type in watch.failing_recorded or _lasts(watch, one.since)  # reported: until it can be read
    }
    if lasting == watch.failing_recorded:
        return
    await events.record_failing_lists(database, watch.account_id, lasting)
    for product_type in lasting.keys() - watch.failing_recorded.keys():
        since, why = lasting[product_type].since, lasting[product_type].why
        activity.logger.error(
            "upstream %s: the list of %s has not been readable since %s: %s", watch.name, product_type, since, why
        )
    for product_type in watch.failing_recorded.keys() - lasting.keys():
        activity.logger.warning("upstream %s: the list of %s can be read again", watch.name, product_type)
    watch.failing_recorded = lasting


def _lasts(watch: Watch, since: datetime) -> bool:
    """Since then every list was tried more than once."""
    return (utc_now() - since).total_seconds() >= max(schedule.SILENT_SECONDS, 1.5 * watch.schedule.longest_rest())


async def note_poll(database: Database, watch: Watch) -> None:
    """Only once all that was due was read: who reads that the account was looked at just now takes it for that, and not
    for the first list of several."""
    if watch.schedule.claim(PeriodicJob.POLL_NOTE, POLL_NOTE_SECONDS):
        await events.record_poll(database, watch.account_id, watch.lists.read_at)
