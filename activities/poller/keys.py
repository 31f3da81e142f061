"""Licences whose keys have not come: their forms are read, the longer they wait the less often."""

import time

from activities.poller import schedule
from activities.poller.schedule import PeriodicJob
from activities.poller.watch import Watch
from models.columns import utc_now
from models.database import Database
from orders.services import keys


async def look_for_keys(database: Database, watch: Watch, at_first: float) -> None:
    """`at_first`: seconds after which the form of one that has just begun to wait is read again."""
    if keys.KEYED.isdisjoint(watch.product_types) or not watch.schedule.is_due(PeriodicJob.KEYS):
        return
    async with database.read() as session:
        awaited = {
            (one.product_type, one.upstream_number): one for one in await keys.awaited(session, watch.account_id)
        }
    watch.schedule.postpone(PeriodicJob.KEYS, schedule.KEYS_SECONDS if awaited else schedule.NOTHING_NEW_SECONDS)
    now = time.monotonic()
    watch.keys = {item: watch.keys.get(item, 0.0) for item in awaited}
    due = sorted((at, item) for item, at in watch.keys.items() if at <= now)
    for _, item in due[: schedule.KEYS_AT_ONCE]:
        waited = (utc_now() - awaited[item].since).total_seconds()
        rest = min(max(waited * schedule.KEY_SHARE, at_first), schedule.KEY_AT_MOST_SECONDS)
        watch.keys[item] = now + rest
        watch.to_read_soon(*item)
