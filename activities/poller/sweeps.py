"""The sweep of a list: every row is compared, also one that an ordinary look passes over, and what an incomplete list
does not show is looked at by its form. The poller does this itself, so one process alone writes down what is seen."""

from activities.poller import schedule
from activities.poller.lists import ListPoll
from activities.poller.schedule import PeriodicJob
from activities.poller.watch import PendingForm, Watch
from models.database import Database
from orders.drift import comparing as drift
from orders.events import PollResult, sweeps


async def look_for_sweeps(database: Database, watch: Watch) -> None:
    """A list whose sweep is due is read as soon as its share of the time allows."""
    if not watch.schedule.claim(PeriodicJob.SWEEPS, schedule.SWEEPS_SECONDS):
        return
    async with database.read() as session:
        due = await sweeps.due(session, watch.account_id)
    for product_type in due.keys() - watch.sweeps.keys():
        watch.schedule.list_now(product_type)
    watch.sweeps = due


async def end_sweep(database: Database, watch: Watch, product_type: str, look: ListPoll) -> None:
    """The list was read to its end. Forms of our services that it did not show are read next, a few at a time."""
    asked_at = watch.sweeps[product_type]
    unlisted = await sweeps.not_shown(
        database, watch.account_id, product_type, look.shown, look.known_numbers, complete=look.complete
    )
    for number in unlisted:
        watch.to_read.setdefault((product_type, number), PendingForm()).for_sweep = True
    # Before its end is noted: a worker that is killed here compares again.
    await drift.compare(database, watch.account_id, product_type, complete=look.complete)
    async with database.write() as session:
        await sweeps.record_end(
            session,
            watch.account_id,
            product_type,
            asked_at,
            compared=len(look.shown),
            unlisted=len(unlisted),
            seconds=watch.schedule.listing_since(product_type),
        )
    watch.sweeps.pop(product_type, None)


async def note_swept(
    database: Database, watch: Watch, product_type: str, number: str, form: PendingForm, result: PollResult
) -> None:
    """A form that a sweep asked for shows something that is new."""
    if not form.for_sweep or not result.events:
        return
    async with database.write() as session:
        await sweeps.note_missed(session, watch.account_id, product_type, [number])
