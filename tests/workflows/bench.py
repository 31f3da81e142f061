"""Real workflows on a real server, in the production workers, with activities that do what a test says.

One bench serves many tests: what an activity answers is kept by operation number (upstream name, for a poller), and
each order on the bench has a number of its own. An activity that was told nothing fails the workflow by name, except
those that write to the database: they succeed.

    order = await bench.order(reserve_funds=[GRANTED], submit=[accepted("17")])
    await order.until(Stage.AWAITING_CONFIRMATION)
"""

import asyncio
import itertools
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest_asyncio
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from models.enums import EventKind, OperationKind, Stage, UpstreamStatus
from models.messages import (
    CalledOff,
    Decision,
    DecisionKind,
    DecisionOutcome,
    DecisionRecord,
    DecisionResult,
    Funds,
    FundsGranted,
    FundsResult,
    Look,
    ManualTask,
    ManualWork,
    Message,
    OrderCompletion,
    OrderEnding,
    OrderInput,
    OrderPolicy,
    OrderRef,
    OrderResult,
    PollInput,
    PollLap,
    RenewalBatch,
    RenewalPosition,
    SendInput,
    SendLap,
    StageReport,
    StepResult,
    Submission,
    SubmitResult,
    SweepInput,
    SweepLap,
    UpstreamEventMessage,
)
from orders.services import naming
from settings import Settings
from temporal.signals import signal
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from worker import Activities, build_workers
from workflows.event_poller import EventPoller
from workflows.order_sweep import OrderSweep
from workflows.renewals import Renewals
from workflows.search_attributes import of_order
from workflows.service_order import ServiceOrder
from workflows.webhook_sender import WebhookSender

GRANTED = FundsResult(outcome=Funds.GRANTED, required="5.00 EUR", free="95.00 EUR")
ITEM = "17"
WHY = Decision(actor="anna", reason="looked into it")
PATIENCE = 30.0
"""Seconds for what takes a tenth of one on a machine with nothing else to do."""
UPDATES = {
    DecisionKind.RETRY: ServiceOrder.retry,
    DecisionKind.CORRECT_AND_RETRY: ServiceOrder.correct_and_retry,
    DecisionKind.MARK_DONE: ServiceOrder.mark_done,
    DecisionKind.CANCEL: ServiceOrder.cancel,
    DecisionKind.REJECT_TASK: ServiceOrder.reject_task,
    DecisionKind.ACCEPT_PRICE: ServiceOrder.accept_price,
    DecisionKind.LOOK_NOW: ServiceOrder.look_now,
}


def accepted(number: str = ITEM) -> SubmitResult:
    return SubmitResult(outcome=Submission.ACCEPTED, upstream_number=number)


def attention(reason: str = "ostempl: there is no such template") -> SubmitResult:
    return SubmitResult(outcome=Submission.ATTENTION, reason=reason)


def seen(
    status: UpstreamStatus = UpstreamStatus.ACTIVE, number: str = ITEM, event_id: str = ""
) -> UpstreamEventMessage:
    return UpstreamEventMessage(
        event_id=event_id or f"{number}-{status.name}",
        kind=EventKind.OPENED,
        upstream_number=number,
        status=status,
        seen_at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    )


class Held:
    """An activity's run that lasts until the test gives its answer."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()
        self._answer: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()
        self.stopped = False
        """The run was told to stop."""

    async def begun(self) -> None:
        await asyncio.wait_for(self._begun.wait(), PATIENCE)

    def answer(self, answer: Message | None) -> None:
        self._answer.set_result(answer)

    async def run(self) -> Message | None:
        self._begun.set()
        stopping = asyncio.ensure_future(activity.wait_for_worker_shutdown())
        ends: list[asyncio.Future[Any]] = [self._answer, stopping]
        try:
            while not any(end.done() for end in ends):
                if not activity.info().is_local:
                    activity.heartbeat()
                await asyncio.wait(ends, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self.stopped = True
            raise
        finally:
            stopping.cancel()
        if not self._answer.done():
            raise ApplicationError("the bench is cleared", category=ApplicationErrorCategory.BENIGN)
        return self._answer.result()


Step = Message | Exception | Held | Callable[[], Message]
"""One run of an activity: what it returns (or makes when it runs), what it raises, or one that the test holds. A retry
is the next step."""


class Script:
    """What the activities are to do, and what they were asked."""

    def __init__(self) -> None:
        self._steps: dict[tuple[str, object], deque[Step]] = defaultdict(deque)
        self.asked: dict[tuple[str, object], list[Any]] = defaultdict(list)

    def tell(self, name: str, key: object, steps: Sequence[Step]) -> None:
        self._steps[name, key].extend(steps)

    async def run(self, name: str, key: object, request: Message, otherwise: Step | None = None) -> Any:
        self.asked[name, key].append(request)
        steps = self._steps[name, key]
        step = steps.popleft() if steps else otherwise
        match step:
            case None:
                raise ApplicationError(f"the test says nothing about {name} of {key}", non_retryable=True)
            case Exception():
                raise step
            case Held():
                return await step.run()
            case Message():
                return step
            case _:
                return step()


class _Nothing(Message):
    """The answer of an activity that returns nothing."""


class ScriptedActivities(Activities):
    """Activities of the same names and types as the product's; see Script."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._granted: dict[int, FundsResult] = {}
        """What is granted stays granted: so answers whoever asks for it again and is told nothing else."""

    @activity.defn
    async def carry_out(self, ref: OrderRef) -> StepResult:
        """Told as `reserve_funds` and `submit`, which are its two parts."""
        key = ref.operation
        funds: FundsResult = await self._script.run("reserve_funds", key, ref, self._granted.get(key))
        if funds.outcome not in (Funds.GRANTED, Funds.NOT_NEEDED):
            return StepResult(funds=funds)
        self._granted[key] = funds
        return StepResult(funds=funds, request=await self._script.run("submit", key, ref))

    @activity.defn
    async def reserve_funds(self, ref: OrderRef) -> FundsResult:
        answer: FundsResult = await self._script.run("reserve_funds", ref.operation, ref)
        return answer

    @activity.defn
    async def submit(self, ref: OrderRef) -> SubmitResult:
        answer: SubmitResult = await self._script.run("submit", ref.operation, ref)
        return answer

    @activity.defn
    async def settle(self, ref: OrderRef) -> SubmitResult:
        answer: SubmitResult = await self._script.run("settle", ref.operation, ref)
        return answer

    @activity.defn
    async def call_off(self, ref: OrderRef) -> SubmitResult:
        answer: SubmitResult = await self._script.run("call_off", ref.operation, ref)
        return answer

    @activity.defn
    async def look(self, ref: OrderRef) -> Look:
        answer: Look = await self._script.run("look", ref.operation, ref)
        return answer

    @activity.defn
    async def report_stage(self, report: StageReport) -> None:
        await self._script.run("report_stage", report.operation, report, _Nothing())

    @activity.defn
    async def record_decision(self, record: DecisionRecord) -> DecisionOutcome:
        answer: DecisionOutcome = await self._script.run("record_decision", record.operation, record, DecisionOutcome())
        return answer

    @activity.defn
    async def complete_operation(self, order: OrderCompletion) -> OrderEnding:
        answer: OrderEnding = await self._script.run("complete_operation", order.operation, order, OrderEnding())
        return answer

    @activity.defn
    async def open_manual_task(self, work: ManualWork) -> ManualTask:
        answer: ManualTask = await self._script.run("open_manual_task", work.operation, work)
        return answer

    @activity.defn
    async def report_overdue(self, ref: OrderRef) -> None:
        await self._script.run("report_overdue", ref.operation, ref, _Nothing())

    @activity.defn
    async def poll_upstream(self, poller: PollInput) -> PollLap:
        answer: PollLap = await self._script.run("poll_upstream", poller.upstream, poller)
        return answer

    @activity.defn
    async def sweep_orders(self, sweep: SweepInput) -> SweepLap:
        answer: SweepLap = await self._script.run("sweep_orders", "sweep", sweep)
        return answer

    @activity.defn
    async def renew_batch(self, batch: RenewalBatch) -> RenewalPosition:
        answer: RenewalPosition = await self._script.run("renew_batch", "renewals", batch)
        return answer

    @activity.defn
    async def send_webhooks(self, sender: SendInput) -> SendLap:
        answer: SendLap = await self._script.run("send_webhooks", "sender", sender)
        return answer

    @property
    def local(self) -> list[Callable[..., Awaitable[Any]]]:
        return [
            self.report_stage,
            self.record_decision,
            self.complete_operation,
            self.open_manual_task,
            self.report_overdue,
        ]

    @property
    def upstream(self) -> list[Callable[..., Awaitable[Any]]]:
        return [self.carry_out, self.reserve_funds, self.submit, self.settle, self.look, self.call_off]

    @property
    def sweep(self) -> list[Callable[..., Awaitable[Any]]]:
        return [self.sweep_orders, self.renew_batch]

    @property
    def pollers(self) -> list[Callable[..., Awaitable[Any]]]:
        return [self.poll_upstream]

    @property
    def senders(self) -> list[Callable[..., Awaitable[Any]]]:
        return [self.send_webhooks]


@dataclass
class ScriptedOrder:
    """One order on the bench."""

    input: OrderInput
    handle: WorkflowHandle[Any, OrderResult]
    script: Script
    client: Client

    @property
    def number(self) -> int:
        return self.input.operation

    def tell(self, **steps: Sequence[Step]) -> None:
        """What its activities are to do next, by name."""
        for name, several in steps.items():
            self.script.tell(name, self.number, several)

    def asked(self, name: str) -> list[Any]:
        """What an activity was asked, one entry for each run."""
        return self.script.asked[name, self.number]

    async def stage(self) -> Stage:
        return await self.handle.query(ServiceOrder.stage)

    async def until(self, stage: Stage, *words: str) -> str:
        """Its details, once it is in this stage and they hold these words."""

        async def there() -> str:
            now = await self.stage()
            details = await self.details()
            assert now is stage, f"in {now.value}: {details}"
            for word in words:
                assert word in details, details
            return details

        return await assert_eventually(there, timeout=PATIENCE, message=f"order {self.number} in {stage.value} {words}")

    async def details(self) -> str:
        """What Temporal UI shows a person."""
        metadata = await self.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        details: str = metadata.current_details
        return details

    async def event(self, event: UpstreamEventMessage) -> bool:
        """As the poller sends it."""
        return await signal(self.client, self.handle.id, "upstream_event", event, event.event_id)

    async def grant(self, stamp: str = "") -> bool:
        granted = FundsGranted(operation=self.number)
        return await signal(self.client, self.handle.id, "funds_granted", granted, f"funds-{self.number}-{stamp}")

    async def call_off(self) -> bool:
        """As the storefront's request, or the sweep, tells it."""
        return await signal(
            self.client, self.handle.id, "called_off", CalledOff(operation=self.number), f"called-off-{self.number}"
        )

    async def decide(self, kind: DecisionKind, decision: Decision = WHY, *, id: str | None = None) -> DecisionResult:
        return await self.handle.execute_update(UPDATES[kind], decision, id=id)

    async def ended(self) -> OrderResult:
        return await asyncio.wait_for(self.handle.result(), PATIENCE)

    async def events(self) -> list[str]:
        """The names of the history's events, without their prefix."""
        return event_names(await self.handle.fetch_history())


def event_names(history: WorkflowHistory) -> list[str]:
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]


@dataclass
class Bench:
    client: Client
    settings: Settings
    script: Script = field(default_factory=Script)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Run the production workers on the script."""
        async with AsyncExitStack() as stack:
            for one in build_workers(self.client, ScriptedActivities(self.script), self.settings):
                await stack.enter_async_context(one)
            yield

    async def order(
        self,
        steps: Mapping[str, Sequence[Step]] | None = None,
        *,
        policy: OrderPolicy | None = None,
        kind: OperationKind = OperationKind.OPEN,
        in_one_step: bool = True,
        start_signal: UpstreamEventMessage | None = None,
        **more_steps: Sequence[Step],
    ) -> ScriptedOrder:
        """Start an order whose activities take these steps."""
        number = next(self._numbers)
        given = OrderInput(
            service=1000 + number,
            operation=number,
            kind=kind,
            upstream="main",
            policy=policy or OrderPolicy(),
            in_one_step=in_one_step,
        )
        for name, several in {**(steps or {}), **more_steps}.items():
            self.script.tell(name, number, several)
        handle = await self.client.start_workflow(
            ServiceOrder.run,
            given,
            id=naming.workflow_id(given.service, kind, number),
            task_queue=self.settings.task_queue,
            search_attributes=of_order(given, datetime.now(UTC)),
            start_signal="upstream_event" if start_signal else None,
            start_signal_args=[start_signal] if start_signal else [],
        )
        return ScriptedOrder(given, handle, self.script, self.client)

    async def poller(
        self, upstream: str, *laps: Step, polls: int = 0, last_poll_at: datetime | None = None
    ) -> WorkflowHandle[Any, Any]:
        """Start a poller that has made so many polls already."""
        self.script.tell("poll_upstream", upstream, laps)
        return await self.client.start_workflow(
            EventPoller.run,
            PollInput(upstream=upstream, polls=polls, last_poll_at=last_poll_at),
            id=naming.poller_id(upstream),
            task_queue=self.settings.task_queue,
        )

    async def sweep(self, *laps: Step) -> WorkflowHandle[Any, Any]:
        self.script.tell("sweep_orders", "sweep", laps)
        return await self.client.start_workflow(
            OrderSweep.run, SweepInput(), id=naming.SWEEP_ID, task_queue=self.settings.task_queue
        )

    async def renewals(self, workflow_id: str, *positions: Step) -> WorkflowHandle[Any, Any]:
        self.script.tell("renew_batch", "renewals", positions)
        return await self.client.start_workflow(
            Renewals.run, RenewalBatch(), id=workflow_id, task_queue=self.settings.task_queue
        )

    async def webhook_sender(self, *laps: Step) -> WorkflowHandle[Any, Any]:
        self.script.tell("send_webhooks", "sender", laps)
        return await self.client.start_workflow(
            WebhookSender.run, SendInput(), id=naming.WEBHOOK_SENDER_ID, task_queue=self.settings.task_queue
        )


@pytest_asyncio.fixture(scope="session")
async def bench(lasting_temporal_server: TemporalServer) -> AsyncIterator[Bench]:
    async with open_bench(await lasting_temporal_server.connect(lasting_temporal_server.next_namespace())) as bench:
        yield bench


@asynccontextmanager
async def open_bench(client: Client) -> AsyncIterator[Bench]:
    bench = Bench(client, Settings(order_timeout=1.0))
    async with bench.working():
        yield bench
