"""What takes longer than usual is marked, reported once, and looked at by its order."""

import time

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.poller import schedule
from activities.poller.schedule import PeriodicJob
from activities.poller.watch import Watch
from models.database import Database
from models.messages import OrderRef
from models.patience import Patience
from orders.events import WaitingOperation
from orders.lifecycle import slowness
from orders.services import naming
from temporal.signals import signal


async def look_for_slow(database: Database, client: Client, watch: Watch, patience: Patience) -> None:
    """Nothing is asked of the database while nothing waits for longer than the least of the usual times."""
    if not watch.schedule.claim(PeriodicJob.SLOW, schedule.SLOW_SECONDS):
        return
    late = [operation for operation in watch.awaited if operation.since_seconds >= patience.least.total_seconds()]
    for operation in late:
        if (operation.number, operation.waits_since) not in watch.asked_to_look:
            watch.to_look_at[f"look-{operation.number}-{operation.waits_since}"] = operation
    watch.asked_to_look = {(operation.number, operation.waits_since) for operation in late}
    slow = [
        operation
        for operation in late
        if not operation.is_slow and operation.since_seconds >= await _usual(database, watch, patience, operation)
    ]
    for operation in slow[: schedule.SLOW_AT_ONCE]:
        await _mark(database, watch, operation, await _usual(database, watch, patience, operation))
    await _have_them_looked_at(client, watch)


async def _usual(database: Database, watch: Watch, patience: Patience, operation: WaitingOperation) -> float:
    """Seconds; learned anew now and then."""
    about = (operation.kind, operation.product_type)
    until, known = watch.usual.get(about, (0.0, 0.0))
    if time.monotonic() < until:
        return known
    async with database.read() as session:
        past = await slowness.past_confirmations(session, watch.name, *about)
    usual = patience.usual_time(*about, past).total_seconds()
    watch.usual[about] = (time.monotonic() + schedule.USUAL_AGAIN_SECONDS, usual)
    return usual


async def _mark(database: Database, watch: Watch, operation: WaitingOperation, usual: float) -> None:
    async with database.write() as session:
        marked = await slowness.mark(session, operation.number, round(usual))
    if marked is not None:
        activity.logger.warning("operation %s is %s", operation.number, slowness.in_words(marked))
        watch.to_look_at[f"slow-{operation.number}-{operation.waits_since}"] = operation


async def _have_them_looked_at(client: Client, watch: Watch) -> None:
    """Their orders read the items' forms, and show what these say: once when it is late, and once more when it is slow.
    An order whose signal is lost looks later on its own."""
    for request, operation in list(watch.to_look_at.items())[: schedule.SLOW_AT_ONCE]:
        workflow_id = naming.workflow_id(operation.service, operation.kind, operation.number)
        message = OrderRef(service=operation.service, operation=operation.number)
        try:
            await signal(client, workflow_id, "look", message, request)
        except RPCError as error:
            activity.logger.warning("poller %s: Temporal does not take signals just now: %s", watch.name, error)
            return
        del watch.to_look_at[request]
