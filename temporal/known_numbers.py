"""What Temporal knows of the numbers that the database has given. A database that has still to give them is older."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from models.database import Database
from models.outages import Held, Outage, outage_of
from orders.installation import check_not_held
from orders.restoration import numbers
from orders.services import naming

log = logging.getLogger(__name__)

_RPC_TIMEOUT = timedelta(seconds=5)
_AGAIN_SECONDS = 2.0


async def known_numbers(client: Client) -> dict[str, int]:
    """The highest numbers that a sweep has reported, by table; none if there was no sweep. Raises RPCError.

    They are in the heartbeat of the lap that runs, in the result of one that was stopped, and in what a run began with.
    """
    try:
        found = [one async for one in _reports(client)]
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return {}
        raise
    return numbers.highest(*({str(name): int(number) for name, number in one.items()} for one in found))


async def _reports(client: Client) -> AsyncIterator[dict[str, int]]:
    handle = client.get_workflow_handle(naming.SWEEP_ID)
    description = await handle.describe(rpc_timeout=_RPC_TIMEOUT)
    for pending in description.raw_description.pending_activities:
        for one in await _decoded(client, pending.heartbeat_details.payloads):
            yield one
    async for event in handle.fetch_history_events(rpc_timeout=_RPC_TIMEOUT):
        given = event.workflow_execution_started_event_attributes.input.payloads
        result = event.activity_task_completed_event_attributes.result.payloads
        for one in await _decoded(client, [*given, *result]):
            yield one


async def _decoded(client: Client, payloads: Sequence[Payload]) -> list[dict[str, int]]:
    values: list[Any] = await client.data_converter.decode(payloads) if payloads else []
    return [value["numbers"] for value in values if isinstance(value, dict) and value.get("numbers")]


async def hold_if_older(client: Client, database: Database) -> None:
    """Hold the database if it is older than what Temporal knows. Raises Held while it is held, for whatever reason."""
    known = await known_numbers(client)  # before the database is asked: what it gives meanwhile makes no difference
    await numbers.hold_if_lost(database, known, "Temporal knows")
    async with database.read() as session:
        await check_not_held(session)


async def compare_once(client: Client, database: Database) -> None:
    """The same for a process that starts while Temporal or the database is away: as soon as both answer."""
    while True:
        try:
            return await hold_if_older(client, database)
        except Held as because:
            return log.error("%s (%s)", Outage.HELD.words, because)
        except (RPCError, RuntimeError, OSError):
            pass
        except Exception as error:  # of whatever kind; what a person has to mend is said by whoever needs the database
            if outage_of(error) is None:
                raise
        await asyncio.sleep(_AGAIN_SECONDS)
