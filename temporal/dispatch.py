"""Handing on to Temporal what the database has accepted: starts of workflows, and signals to those that it concerns.

Nothing depends on it. The database decides what an operation may do, and the sweep starts and signals what was not
dispatched.
"""

import asyncio
from dataclasses import replace

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from models.columns import utc_now
from models.database import Database
from models.enums import Stage
from models.messages import OrderPolicy
from models.order import Operation
from orders.lifecycle.acceptance import AcceptedOrder
from temporal.calling_off import notify_called_off
from temporal.outage import note, outage
from temporal.starting import start_accepted
from workflows.service_order import ServiceOrder

ANSWER_SECONDS = 0.3
"""A caller's answer waits so long for Temporal. An order is accepted whether its workflow starts at once or later."""
FINISH_SECONDS = 1.0
DISPATCH_SECONDS = 3.0
"""Temporal is given so long for everything that one order dispatches."""


class Dispatcher:
    """One a process. It goes on in the background where Temporal takes longer than the caller waits."""

    def __init__(self, database: Database, client: Client, task_queue: str, policy: OrderPolicy) -> None:
        self._database = database
        self._client = client
        self._task_queue = task_queue
        self._policy = policy
        self.under_way: set[asyncio.Task[bool]] = set()

    async def accepted(self, order: AcceptedOrder) -> AcceptedOrder:
        """Start the workflow of an order that was accepted just now, and signal those that its acceptance stopped.

        Returns the order, with `started_at` if its workflow has started by then.
        """
        starts = order.created and not order.queued
        if not starts and order.stepped_aside is None and order.called_off is None:
            return order
        if outage.away and self.under_way:
            return order  # one at a time finds out whether it is back
        dispatching = asyncio.create_task(self._dispatch(order, starts))
        self.under_way.add(dispatching)
        dispatching.add_done_callback(self.under_way.discard)
        done, _ = await asyncio.wait({dispatching}, timeout=ANSWER_SECONDS)
        return replace(order, started_at=utc_now()) if done and dispatching.result() else order

    async def called_off(self, operation: int) -> None:
        """Signal the workflow of an operation that was called off, so that it waits no longer."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._signal_called_off(operation)
        except (RPCError, RuntimeError, TimeoutError) as error:
            note(error, f"telling operation {operation} that it is called off, which the sweep will do")

    async def finish(self) -> None:
        """Before the process ends: complete what is being dispatched, within a second."""
        if self.under_way and not outage.away:
            await asyncio.wait(self.under_way, timeout=FINISH_SECONDS)

    async def _dispatch(self, order: AcceptedOrder, starts: bool) -> bool:
        """True: the order's workflow is started."""
        try:
            async with asyncio.timeout(DISPATCH_SECONDS):
                if order.stepped_aside is not None:
                    await self._signal_to_step_aside(order.stepped_aside)
                if order.called_off is not None:
                    await self._signal_called_off(order.called_off.operation)
                if starts:
                    await start_accepted(self._client, self._task_queue, self._policy, order)
        except (RPCError, RuntimeError, TimeoutError) as error:
            note(error, f"operation {order.operation}, which is accepted and started by the sweep")
            return False
        outage.over()
        return starts

    async def _signal_to_step_aside(self, order: AcceptedOrder) -> None:
        """The order's run ends. If the signal is lost, the database stops the run all the same, and its next run
        replaces it.

        A process that was frozen may come here so late that the order's turn has come and its next run works: that run
        is not signalled. A run that was there before the order was seen in the queue is no such run.
        """
        try:
            run = (await self._client.get_workflow_handle(order.workflow_id).describe()).run_id
            if (await self._now(order.operation)).stage is not Stage.QUEUED:
                return
            handle = self._client.get_workflow_handle_for(ServiceOrder.run, order.workflow_id, run_id=run)
            await handle.signal(ServiceOrder.step_aside)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def _signal_called_off(self, number: int) -> None:
        await notify_called_off(self._client, await self._now(number))

    async def _now(self, number: int) -> Operation:
        async with self._database.read() as session:
            return await session.get_one(Operation, number)
