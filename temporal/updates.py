"""Decisions on their way to an order's workflow: an update, with an answer that a person waits for."""

import asyncio
import time
from typing import Any

from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from models.database import Database
from models.messages import OTHER_STAGE, Decision, DecisionKind, DecisionResult, OrderResult, Written
from models.order import Operation
from orders.access.roles import OPERATOR
from orders.audit import OURSELVES
from orders.decisions import pending
from orders.errors import InvalidField, Refused
from orders.services import naming
from temporal.outage import outage
from temporal.signals import end_exhausted, is_exhausted
from workflows.service_order import ServiceOrder

UPDATE_TIMEOUT_SECONDS = 20.0
"""A decision waits this long for the answer of its order's workflow."""

UPDATE_TIMEOUT_WHILE_AWAY_SECONDS = 2.0
"""The same while Temporal is known to be away."""
UPDATE_PAUSE_SECONDS = 0.3
STAGE_PATIENCE_SECONDS = 3.0
"""A workflow may lag this long behind the stage in the database: its activity's answer is on the way."""
_TRY_AGAIN = frozenset({RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.ABORTED})
"""A workflow task failed while the decision was on its way, because something else reached the order in that moment."""

_BEGINS_ANEW = "the order's workflow accepts no more messages. It starts again within a minute: decide again then"


class TemporalUnavailable(Exception):
    """Temporal can't be reached just now. Accepted orders start automatically when it is back."""


async def execute(
    client: Client, handle: WorkflowHandle[ServiceOrder, OrderResult], update: Any, written: Written, about: str
) -> DecisionResult:
    """Execute an update, which the database allows. Raises Refused, InvalidField or TemporalUnavailable."""
    lags_until = time.monotonic() + STAGE_PATIENCE_SECONDS
    try:
        async with asyncio.timeout(UPDATE_TIMEOUT_WHILE_AWAY_SECONDS if outage.away else UPDATE_TIMEOUT_SECONDS):
            while True:
                try:
                    # The same id at each try: it is carried out once.
                    result: DecisionResult = await handle.execute_update(update, written, id=written.word)
                    return result
                except RPCError as error:
                    if is_exhausted(error):
                        await end_exhausted(client, handle.id, error)
                        raise TemporalUnavailable(_BEGINS_ANEW) from error
                    if error.status not in _TRY_AGAIN:
                        raise
                except WorkflowUpdateFailedError as failure:
                    if not _is_of_another_stage(failure) or time.monotonic() >= lags_until:
                        raise
                await asyncio.sleep(UPDATE_PAUSE_SECONDS)
    except WorkflowUpdateFailedError as failure:
        cause = failure.cause
        if isinstance(cause, ApplicationError):
            if cause.type == InvalidField.__name__:
                raise InvalidField(str(cause.details[0]) if cause.details else "", cause.message) from failure
            raise Refused(cause.message) from failure
        raise
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise Refused(f"{about}; nothing runs that could do it") from error
        raise TemporalUnavailable(str(error)) from error
    except (TimeoutError, RuntimeError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        # The SDK turns every cancellation of the call into its own error: our time-out's, and the caller's too.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError from error
        raise TemporalUnavailable("no answer from Temporal or from a worker") from error


def handle_of(client: Client, operation: Operation) -> WorkflowHandle[ServiceOrder, OrderResult]:
    workflow_id = naming.workflow_id(operation.service_id, operation.kind, operation.id)
    return client.get_workflow_handle_for(ServiceOrder.run, workflow_id)


async def try_again(client: Client, database: Database, number: int, why: str) -> None:
    """Have an operation that waits for a person tried again, without one. Raises Refused or TemporalUnavailable."""
    async with database.write() as session:
        operation = await session.get_one(Operation, number)
        decision = Decision(actor=OURSELVES, reason=why)
        written = await pending.write_down(session, number, DecisionKind.RETRY.value, decision, OPERATOR)
    await execute(client, handle_of(client, operation), ServiceOrder.retry, written, f"operation {number}")


def _is_of_another_stage(failure: WorkflowUpdateFailedError) -> bool:
    return isinstance(failure.cause, ApplicationError) and failure.cause.type == OTHER_STAGE
