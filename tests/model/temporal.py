"""What Temporal does for an order, in memory: the product's workflows run on it, and its time passes when told.

The workflows are the real ones; only the module `temporalio.workflow` is another where they look for it. Activities are
the real ones, too. One runs at a time, so that the same steps always lead to the same end. A run outlives the death of
a worker, as it does on a server; its activity is tried again later.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from temporalio import workflow
from temporalio.client import WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

import workflows.calls
import workflows.order_messages
import workflows.service_order
import workflows.signal_guard
from models.messages import FundsGranted, OrderInput, UpstreamEventMessage
from tests.model.upstream import WorkerKilled
from workflows.service_order import ServiceOrder

SIGNALS: dict[str, type[Any] | None] = {
    "upstream_event": UpstreamEventMessage,
    "funds_granted": FundsGranted,
    "called_off": None,
    "look": None,
    "step_aside": None,
}
TURNS = 12
"""Turns of the event loop after which everything that can go on without an activity has gone on."""


@dataclass(eq=False)
class Waiter:
    reached: Callable[[], bool]
    until: float | None
    woken: asyncio.Future[bool]
    why: str = ""


@dataclass(eq=False)
class Run:
    """One run of a workflow."""

    id: str
    order: OrderInput
    story: ServiceOrder
    requests: set[str] = field(default_factory=set)
    """Ids of the signals that it has had: the server drops what comes again."""
    task: asyncio.Task[Any] | None = None

    @property
    def running(self) -> bool:
        return self.task is not None and not self.task.done()


class ModelTemporal:
    """Stands for the client of a Temporal server, and for the server."""

    namespace = identity = "model"
    data_converter = pydantic_data_converter

    def __init__(self) -> None:
        self.activities: dict[str, Callable[..., Awaitable[Any]]] = {}
        self.runs: dict[str, Run] = {}
        self.waiters: list[Waiter] = []
        self.asked: list[asyncio.Task[Any]] = []
        """What somebody has asked for and not been answered to."""
        self.losing_signals = False
        self.now = 0.0
        self.failures: list[BaseException] = []
        self._active = 0
        self._one_at_a_time = asyncio.Lock()
        self._ended = asyncio.Event()
        self.workflow_service = self

    # Time.

    async def quiesce(self) -> None:
        """Until nothing goes on without an event, a person or time."""
        while True:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if self._active:
                self._ended.clear()
                await self._ended.wait()
                continue
            if not self._wake():
                return

    async def until(self, work: Awaitable[Any]) -> Any:
        """What `work` comes to, while everything goes on. Raises what it raises."""
        task = asyncio.ensure_future(self.counted(work))
        await self.quiesce()
        if not task.done():
            self.asked.append(task)
            return None
        return await task

    async def counted(self, work: Awaitable[Any]) -> Any:
        self._active += 1
        try:
            return await work
        finally:
            self._active -= 1
            self._ended.set()

    def pass_time(self, by: timedelta) -> None:
        self.now += by.total_seconds()

    def _wake(self) -> bool:
        woken = False
        for waiter in list(self.waiters):
            due = waiter.until is not None and waiter.until <= self.now
            if waiter.woken.done() or not (due or waiter.reached()):
                continue
            waiter.woken.set_result(waiter.reached())
            woken = True
        return woken

    async def wait(self, reached: Callable[[], bool], seconds: float | None, why: str = "") -> bool:
        """False: the time is over before."""
        if reached():
            return True
        until = None if seconds is None else self.now + seconds
        waiter = Waiter(reached, until, asyncio.get_running_loop().create_future(), why)
        self.waiters.append(waiter)
        try:
            return await waiter.woken
        finally:
            self.waiters.remove(waiter)

    def waits_for_time(self) -> bool:
        return any(one.until is not None for one in self.waiters)

    # The client's side.

    async def start_workflow(
        self, _run: object, order: OrderInput, *, id: str, id_conflict_policy: Any, **_: Any
    ) -> None:
        if not isinstance(order, OrderInput):
            return  # a poller, or the sender of webhooks: the test does their work
        known = self.runs.get(id)
        if known is not None and known.running:
            if id_conflict_policy.name != "TERMINATE_EXISTING":
                return
            await self.terminate(known)
        run = self.runs[id] = Run(id, order, ServiceOrder(order))
        run.task = asyncio.create_task(self._follow(run))

    async def _follow(self, run: Run) -> None:
        try:
            await run.story.run(run.order)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # a workflow must not fail, whatever happens
            self.failures.append(error)
            raise

    async def terminate(self, run: Run) -> None:
        assert run.task is not None
        run.task.cancel()
        with contextlib.suppress(BaseException):
            await run.task

    async def signal_workflow_execution(self, request: Any, *, retry: bool = True) -> None:
        if self.losing_signals:
            raise RPCError("Temporal is away", RPCStatusCode.UNAVAILABLE, b"")
        run = self.running(request.workflow_execution.workflow_id)
        if request.request_id in run.requests:
            return
        run.requests.add(request.request_id)
        wanted = SIGNALS[request.signal_name]
        hints = [wanted] if wanted else None
        given = await self.data_converter.decode(list(request.input.payloads), hints)
        getattr(run.story, request.signal_name)(*(given if wanted else []))

    def running(self, workflow_id: str) -> Run:
        run = self.runs.get(workflow_id)
        if run is None or not run.running:
            raise RPCError("no such workflow runs", RPCStatusCode.NOT_FOUND, b"")
        return run

    def get_workflow_handle_for(self, _run: object, workflow_id: str) -> "Handle":
        return Handle(self, workflow_id)

    def get_workflow_handle(self, workflow_id: str, *, run_id: str | None = None) -> "Handle":
        return Handle(self, workflow_id)

    async def list_workflows(self, _query: str) -> AsyncIterator[Any]:
        for run in list(self.runs.values()):
            if run.running:
                yield mock.Mock(id=run.id, task_queue="model")

    # The workflow's side.

    async def execute(self, name: str, argument: Any, patient: bool = True) -> Any:
        """An activity, tried again until it ends well."""
        attempt = 0
        while True:
            attempt += 1
            environment = ActivityEnvironment()
            environment.info = replace(environment.info, attempt=attempt)
            delay = 10.0  # until the heartbeat of a dead worker has been missing for long enough
            try:
                async with self._one_at_a_time:
                    return await self.counted(environment.run(self.activities[name], argument))
            except WorkerKilled:
                pass
            except ApplicationError as again:
                delay = again.next_retry_delay.total_seconds() if again.next_retry_delay else 1.0
                if again.type == "Unexpected" and not self.losing_signals:
                    self.failures.append(again)
            await self.wait(lambda: False, delay, f"{name} is tried again")


@dataclass
class Handle:
    server: ModelTemporal
    id: str

    async def signal(self, handler: Any) -> None:
        if self.server.losing_signals:
            raise RPCError("Temporal is away", RPCStatusCode.UNAVAILABLE, b"")
        getattr(self.server.running(self.id).story, handler.__name__)()

    async def terminate(self, *, reason: str) -> None:
        await self.server.terminate(self.server.running(self.id))

    async def describe(self) -> Any:
        raise RPCError("no such workflow", RPCStatusCode.NOT_FOUND, b"")

    async def execute_update(self, update: Any, argument: Any, *, id: str) -> Any:
        run = self.server.running(self.id)
        try:
            update._defn.validator(run.story, argument)
            return await update(run.story, argument)
        except ApplicationError as refusal:
            raise WorkflowUpdateFailedError(refusal) from refusal


class WorkflowModule:
    """What the workflows find in place of `temporalio.workflow`."""

    ActivityCancellationType = workflow.ActivityCancellationType
    logger = logging.getLogger("model")

    def __init__(self, server: ModelTemporal) -> None:
        self._server = server

    def __getattr__(self, name: str) -> Any:
        return getattr(workflow, name)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def patched(self, _: str) -> bool:
        return True

    def info(self) -> Any:
        return mock.Mock(task_queue="model")

    def current_update_info(self) -> None:
        return None

    def uuid4(self) -> str:
        return "model"

    def payload_converter(self) -> Any:
        return pydantic_data_converter.payload_converter

    def upsert_search_attributes(self, _: object) -> None:
        return

    def set_current_details(self, _: str) -> None:
        return

    def all_handlers_finished(self) -> bool:
        return True

    async def wait_condition(
        self, reached: Callable[[], bool], *, timeout: timedelta | None = None, timeout_summary: str = ""
    ) -> None:
        seconds = timeout.total_seconds() if timeout is not None else None
        if not await self._server.wait(reached, seconds, timeout_summary) and not reached():
            raise TimeoutError

    async def execute_activity(self, name: str, argument: Any, **_: Any) -> Any:
        return await self._server.execute(name, argument)

    execute_local_activity = execute_activity


@contextmanager
def in_place_of_temporal(server: ModelTemporal) -> Iterator[None]:
    module_ = WorkflowModule(server)
    with contextlib.ExitStack() as stack:
        for module in (workflows.calls, workflows.order_messages, workflows.service_order, workflows.signal_guard):
            stack.enter_context(mock.patch.object(module, "workflow", module_))
        yield
