"""New items that belong to no service. Their forms may show our mark where lists do not. Each form is read once."""

from activities.poller import schedule
from activities.poller.schedule import PeriodicJob
from activities.poller.watch import Watch
from models.database import Database
from orders.events.orphans import unexplained_items


async def look_for_unexplained(database: Database, watch: Watch) -> None:
    if not watch.schedule.is_due(PeriodicJob.UNEXPLAINED):
        return
    async with database.read() as session:
        new = await unexplained_items(session, watch.account_id, watch.name)
    unread = [item for item in new if item not in watch.refused and item not in watch.to_read]
    watch.schedule.postpone(
        PeriodicJob.UNEXPLAINED, schedule.UNEXPLAINED_FORMS_SECONDS if unread else schedule.NOTHING_NEW_SECONDS
    )
    for item in unread[: schedule.UNEXPLAINED_BATCH]:
        watch.refused.add(item)  # until it was read: then it is none of these any more
        watch.to_read_soon(*item)
