"""Delivering events to the orders that wait for them."""

import asyncio

from sqlalchemy import and_
from sqlmodel import col, select, update
from temporalio.client import Client

from metrics import counters
from models.columns import utc_now
from models.database import Database
from models.enums import UpstreamStatus
from models.events import UpstreamEvent
from models.messages import UpstreamEventMessage
from models.order import RUNNING, Operation
from orders.services import naming
from temporal.signals import signal

BATCH = 200
SIGNALS_AT_ONCE = 20
_IS_TO_BE_STARTED = and_(RUNNING, col(Operation.workflow_started_at).is_(None))


async def deliver(database: Database, client: Client, account_id: int) -> int:
    """Signal what has not been signalled yet. Returns how many are left. Raises RPCError when Temporal is away.

    After a crash between signal and note it is sent again: the server drops the repeat by its request id, and the order
    keeps the ids it has had. A workflow that is gone is no failure: its event is in the database and applied. The
    events of an operation whose workflow is still to be started wait until it runs.
    """
    async with database.read() as session:
        found = await session.exec(
            select(UpstreamEvent, Operation)
            .join(Operation, col(UpstreamEvent.operation_id) == col(Operation.id))
            .where(
                UpstreamEvent.account_id == account_id,
                col(UpstreamEvent.delivered_at).is_(None),
                col(UpstreamEvent.operation_id).is_not(None),
                ~_IS_TO_BE_STARTED,
            )
            .order_by(col(UpstreamEvent.id))
            .limit(BATCH + 1)
        )
        waiting = list(found.all())
    of_each: dict[int, list[tuple[UpstreamEvent, Operation]]] = {}
    for event, operation in waiting[:BATCH]:
        of_each.setdefault(operation.id, []).append((event, operation))
    notes: dict[int, str] = {}
    orders = iter(of_each.values())

    async def signal_next() -> None:
        for events_of_one in orders:  # those of one order in the order of time
            for event, operation in events_of_one:
                notes[event.id] = await _signal(client, event, operation)

    signalling = [asyncio.create_task(signal_next()) for _ in range(min(SIGNALS_AT_ONCE, len(of_each)))]
    try:
        await asyncio.gather(*signalling)
    finally:
        for one in signalling:
            one.cancel()
        await asyncio.gather(*signalling, return_exceptions=True)
        if notes:
            await _write_notes(database, notes)
    return max(0, len(waiting) - BATCH)


async def accounts_to_deliver(database: Database) -> set[int]:
    """Accounts with events that were not signalled yet."""
    async with database.read() as session:
        found = await session.exec(
            select(UpstreamEvent.account_id)
            .where(col(UpstreamEvent.delivered_at).is_(None), col(UpstreamEvent.operation_id).is_not(None))
            .distinct()
        )
        return set(found.all())


async def deliver_again(database: Database, operation: int) -> set[int]:
    """The operation runs anew and has heard of nothing: its events are to be delivered once more.

    Returns the accounts that they came from.
    """
    async with database.write() as session:
        found = await session.exec(
            select(UpstreamEvent).where(
                UpstreamEvent.operation_id == operation, col(UpstreamEvent.delivered_at).is_not(None)
            )
        )
        accounts = set()
        for event in found.all():
            event.delivered_at = None
            event.delivery_note = ""
            session.add(event)
            accounts.add(event.account_id)
        return accounts


async def _signal(client: Client, event: UpstreamEvent, operation: Operation) -> str:
    if operation.stage.is_final:
        return "the operation had ended"
    message = UpstreamEventMessage(
        event_id=event.event_id,
        kind=event.kind,
        upstream_number=event.upstream_number,
        status=UpstreamStatus(event.status),
        seen_at=event.seen_at,
        met=event.met,
    )
    workflow_id = naming.workflow_id(operation.service_id, operation.kind, operation.id)
    running = await signal(client, workflow_id, "upstream_event", message, event.event_id)
    if not running:
        return "no such workflow runs"
    lag = (utc_now() - event.seen_at).total_seconds()
    counters.SIGNAL_SECONDS.labels(operation.upstream_name).observe(lag)
    return "signalled"


async def _write_notes(database: Database, notes: dict[int, str]) -> None:
    """One statement for each thing to be noted, however many events there are."""
    events_of: dict[str, list[int]] = {}
    for number, note in notes.items():
        events_of.setdefault(note, []).append(number)
    async with database.write() as session:
        for note, numbers in events_of.items():
            await session.exec(
                update(UpstreamEvent)
                .where(col(UpstreamEvent.id).in_(numbers))
                .values(delivered_at=utc_now(), delivery_note=note)
                .execution_options(synchronize_session=False)
            )
