"""Starting what runs in Temporal: orders, pollers, the sweep. Each start may be repeated."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import Priority, WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from models.columns import utc_now
from models.database import Database
from models.enums import Stage
from models.messages import OrderInput, OrderPolicy, PollInput, SendInput, SweepInput
from models.order import Operation
from models.parameters import Parameters
from orders.lifecycle.acceptance import AcceptedOrder
from orders.lifecycle.stages import locked_operation, note_started
from orders.services import naming
from telemetry import tracing
from telemetry.fields import with_fields
from workflows.event_poller import EventPoller
from workflows.order_sweep import OrderSweep
from workflows.search_attributes import of_order
from workflows.service_order import ServiceOrder
from workflows.webhook_sender import WebhookSender

log = logging.getLogger(__name__)

RPC_TIMEOUT = timedelta(seconds=5)


async def start_accepted(client: Client, task_queue: str, policy: OrderPolicy, order: AcceptedOrder) -> None:
    """Start the workflow of an operation that was accepted just now, with what its acceptance knows.

    Its first activity notes in the database that it runs. Raises RPCError or RuntimeError when Temporal can't be
    reached.
    """
    given = OrderInput(
        service=order.service,
        operation=order.operation,
        kind=order.kind,
        upstream=order.upstream,
        policy=policy,
        in_one_step=True,
    )
    with _working_for(order.operation, order.service, order.request_id, order.traceparent):
        await _start(client, task_queue, given, WorkflowIDConflictPolicy.USE_EXISTING)


async def start_order(client: Client, database: Database, task_queue: str, policy: OrderPolicy, number: int) -> bool:
    """Start the workflow of an operation, unless it runs. False if the operation has ended or waits in the queue.

    The database says whether an operation is over, not Temporal: a workflow that somebody terminated is started anew
    and goes on from what is written down. Raises RPCError or RuntimeError when Temporal can't be reached.
    """
    async with database.read() as session:
        operation = await session.get_one(Operation, number)
    if operation.stage.is_final or operation.stage is Stage.QUEUED:
        return False
    order = OrderInput(
        service=operation.service_id,
        operation=number,
        kind=operation.kind,
        upstream=operation.upstream_name,
        policy=policy,
        in_one_step=True,
    )
    # An operation that stepped aside has already ended its workflow if the signal reached it.
    stepped_aside = Parameters.of(operation.parameters).stepped_aside is not None
    returns = stepped_aside and operation.workflow_started_at is None
    conflict = WorkflowIDConflictPolicy.TERMINATE_EXISTING if returns else WorkflowIDConflictPolicy.USE_EXISTING
    with _working_for(number, order.service, operation.request_id, operation.traceparent):
        await _start(client, task_queue, order, conflict)
    if operation.workflow_started_at is None:
        async with database.write() as session:
            await note_started(session, await locked_operation(session, number))
    return True


@contextmanager
def _working_for(operation: int, service: int, request: str | None, traceparent: str | None) -> Iterator[None]:
    """What is logged and traced in the block is of the operation, and so is the run that it starts."""
    with with_fields(operation=operation, service=service, request=request), tracing.continuing(traceparent):
        yield


async def _start(client: Client, task_queue: str, order: OrderInput, conflict: WorkflowIDConflictPolicy) -> None:
    await client.start_workflow(
        ServiceOrder.run,
        order,
        id=naming.workflow_id(order.service, order.kind, order.operation),
        task_queue=task_queue,
        id_conflict_policy=conflict,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        search_attributes=of_order(order, utc_now()),
        static_summary=_summary(order),
        priority=Priority(fairness_key=order.upstream or None),  # of its activities, too: see activities.slots
        rpc_timeout=RPC_TIMEOUT,
    )
    log.info("workflow of operation %s is started", order.operation)


def _summary(order: OrderInput) -> str:
    at = order.upstream or "nobody (by hand)"
    return f"{order.kind.verb} service {order.service} at {at} (operation {order.operation})"


async def start_poller(client: Client, task_queue: str, upstream: str) -> None:
    """There is one poller per account, whoever starts it and however often."""
    await _start_one(
        client,
        EventPoller.run,
        PollInput(upstream=upstream),
        naming.poller_id(upstream),
        task_queue,
        f"events of upstream {upstream}",
    )


async def start_sweep(client: Client, task_queue: str) -> None:
    summary = "starts what was accepted and is not started"
    await _start_one(client, OrderSweep.run, SweepInput(), naming.SWEEP_ID, task_queue, summary)


async def start_webhook_sender(client: Client, task_queue: str) -> None:
    sender_id = naming.WEBHOOK_SENDER_ID
    await _start_one(client, WebhookSender.run, SendInput(), sender_id, task_queue, "sends webhooks")


async def _start_one(
    client: Client,
    run: Callable[..., Awaitable[None]],
    given: PollInput | SweepInput | SendInput,
    workflow_id: str,
    task_queue: str,
    summary: str,
) -> None:
    with tracing.continuing(None):  # it outlives whatever starts it
        await client.start_workflow(
            run,
            given,
            id=workflow_id,
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=summary,
            rpc_timeout=RPC_TIMEOUT,
        )
