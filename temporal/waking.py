"""Orders that wait for their next try are tried at once, when what they waited for is there.

An order of an upstream that does not answer, or that has no slot, waits as an activity that Temporal repeats after up
to a minute. Temporal can be asked to repeat it now. A server that can't do that loses nothing: the order comes at its
time.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, timedelta
from enum import Enum, auto

from sqlmodel import col, select
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import ResetActivityRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from models.columns import utc_now
from models.database import Database
from models.enums import Stage
from models.order import Operation
from orders.services import naming

log = logging.getLogger(__name__)

WOKEN_PER_SECOND = 10.0
"""The oldest first. They are the account's own requests a moment later."""
SOON = timedelta(seconds=3)
"""What is tried within so long comes on its own."""
LOOKS = 3
"""An order may have noted its next try just after the first look."""
WOKEN = (Stage.RETRYING, Stage.OUTCOME_UNKNOWN)


class Waking(Enum):
    WOKEN = auto()
    RUNS = auto()
    """An activity of it runs, or has ended and Temporal has still to hear of it."""
    NEEDLESS = auto()
    """Nothing of it waits for long."""


async def wake(client: Client, database: Database, account: str) -> int:
    """Have the orders of the account tried that are to be tried later. Returns how many. Never raises RPCError."""
    woken = 0
    for _ in range(LOOKS):
        waiting = await _waiting(database, account)
        for operation in waiting:
            try:
                woken += await _try_now(client, operation) is Waking.WOKEN
            except RPCError as error:
                log.info("operation %s is not woken, it comes at its time: %s", operation.id, error.message)
                if error.status is RPCStatusCode.UNIMPLEMENTED:
                    return woken
            await asyncio.sleep(1 / WOKEN_PER_SECOND)
        await asyncio.sleep(SOON.total_seconds())
    if woken:
        log.warning("upstream %s: %d orders that waited for it are tried now", account, woken)
    return woken


async def wake_one(client: Client, database: Database, number: int) -> Waking:
    """The same for one operation. Raises RPCError where Temporal can't do that."""
    async with database.read() as session:
        operation = await session.get(Operation, number)
    return Waking.NEEDLESS if operation is None else await _try_now(client, operation)


async def _waiting(database: Database, account: str) -> Sequence[Operation]:
    async with database.read() as session:
        found = await session.exec(
            select(Operation)
            .where(Operation.upstream_name == account, col(Operation.stage).in_(WOKEN))
            .where(col(Operation.next_try_at) > utc_now() + SOON)
            .order_by(col(Operation.id))
        )
        return found.all()


async def _try_now(client: Client, operation: Operation) -> Waking:
    """An activity that runs is left alone: Temporal would cancel it first."""
    workflow_id = naming.workflow_id(operation.service_id, operation.kind, operation.id)
    request = ResetActivityRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=workflow_id),
        identity=client.identity,
        match_all=True,
    )
    try:
        described = await client.get_workflow_handle(workflow_id).describe()
        pending = described.raw_description.pending_activities
        if not any(map(_comes_late, pending)):
            running = any(one.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED for one in pending)
            return Waking.RUNS if running else Waking.NEEDLESS
        await client.workflow_service.reset_activity(request)
    except RPCError as error:
        if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION):
            return Waking.NEEDLESS
        raise
    return Waking.WOKEN


def _comes_late(waiting: PendingActivityInfo) -> bool:
    scheduled = waiting.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    return scheduled and waiting.scheduled_time.ToDatetime(UTC) > utc_now() + SOON
