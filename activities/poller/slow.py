"""What takes longer than usual is marked, told once, and looked at by its order."""

import time

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.poller import schedule
from activities.poller.schedule import Turn
from activities.poller.watch import Watch
from models.database import Database
from models.messages import OrderRef
from models.patience import Patience
from orders.events import Hot
from orders.lifecycle import slowness
from orders.services import naming
from temporal.signals import signal


async def look_for_slow(database: Database, client: Client, watch: Watch, patience: Patience) -> None:
    """Nothing is asked of the database while nothing waits for longer than the least of the usual times."""
    if not watch.due.take(Turn.SLOW, schedule.SLOW_SECONDS):
        return
    late = [hot for hot in watch.hot if hot.since_seconds >= patience.least.total_seconds()]
    for hot in late:
        if (hot.operation, hot.waits_since) not in watch.voiced:
            watch.to_look_at[f"look-{hot.operation}-{hot.waits_since}"] = hot
    watch.voiced = {(hot.operation, hot.waits_since) for hot in late}
    slow = [
        hot for hot in late if not hot.is_slow and hot.since_seconds >= await _usual(database, watch, patience, hot)
    ]
    for hot in slow[: schedule.SLOW_AT_ONCE]:
        await _mark(database, watch, hot, await _usual(database, watch, patience, hot))
    await _have_them_looked_at(client, watch)


async def _usual(database: Database, watch: Watch, patience: Patience, hot: Hot) -> float:
    """Seconds; learned anew now and then."""
    about = (hot.kind, hot.product_type)
    until, known = watch.usual.get(about, (0.0, 0.0))
    if time.monotonic() < until:
        return known
    async with database.read() as session:
        past = await slowness.past_confirmations(session, watch.name, *about)
    usual = patience.usual_time(*about, past).total_seconds()
    watch.usual[about] = (time.monotonic() + schedule.USUAL_AGAIN_SECONDS, usual)
    return usual


async def _mark(database: Database, watch: Watch, hot: Hot, usual: float) -> None:
    async with database.write() as session:
        operation = await slowness.mark(session, hot.operation, round(usual))
    if operation is not None:
        activity.logger.warning("operation %s is %s", hot.operation, slowness.in_words(operation))
        watch.to_look_at[f"slow-{hot.operation}-{hot.waits_since}"] = hot


async def _have_them_looked_at(client: Client, watch: Watch) -> None:
    """Their orders read the items' forms, and show what these say: once when it is late, and once more when it is slow.
    One whose signal is lost looks later by itself."""
    for request, hot in list(watch.to_look_at.items())[: schedule.SLOW_AT_ONCE]:
        workflow_id = naming.workflow_id(hot.service, hot.kind, hot.operation)
        message = OrderRef(service=hot.service, operation=hot.operation)
        try:
            await signal(client, workflow_id, "look", message, request)
        except RPCError as error:
            activity.logger.warning("poller %s: Temporal does not take signals just now: %s", watch.name, error)
            return
        del watch.to_look_at[request]
