"""The activities that workflows ask for: their names, time limits and retry policies, in one place.

Activities are called by name, so that workflow modules need not import what activities need. A test compares these
names and types with the activities that the worker registers.
"""

from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

from models.messages import (
    DecisionOutcome,
    DecisionRecord,
    FundsResult,
    Look,
    ManualTask,
    ManualWork,
    OrderCompletion,
    OrderEnding,
    OrderInput,
    OrderRef,
    PollInput,
    PollLap,
    RenewalBatch,
    RenewalPosition,
    SendInput,
    SendLap,
    ServiceSweepInput,
    StageReport,
    StepResult,
    SubmitResult,
    SweepInput,
    SweepLap,
    TaskCompletion,
    UpstreamEventMessage,
    Written,
)
from models.queues import poller_queue, sweep_queue, upstream_queue, webhook_queue

R = TypeVar("R")

AFTER_ITS_UPDATE = "writes-a-decision-after-its-update"

# An activity that fails names its own next delay (activities.failures); this is for what nobody foresaw. There is no
# last attempt: an order never gives up automatically.
PATIENT = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(seconds=30)
)
LOCAL_PATIENT = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), backoff_coefficient=2, maximum_interval=timedelta(seconds=30)
)


async def _upstream(name: str, order: OrderInput, patient: bool, result: type[R], limit: timedelta, summary: str) -> R:
    answer: R = await workflow.execute_activity(
        name,
        OrderRef(service=order.service, operation=order.operation, patient=patient),
        result_type=result,
        task_queue=upstream_queue(workflow.info().task_queue),
        start_to_close_timeout=limit,
        heartbeat_timeout=order.policy.heartbeat_timeout,
        retry_policy=PATIENT,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary,
    )
    return answer


async def reserve_funds(order: OrderInput, *, patient: bool) -> FundsResult:
    return await _upstream(
        "reserve_funds", order, patient, FundsResult, order.policy.read_timeout, "check the balance, set money aside"
    )


async def submit(order: OrderInput, *, patient: bool) -> SubmitResult:
    return await _upstream(
        "submit", order, patient, SubmitResult, order.policy.submit_timeout, "send the request, once"
    )


async def carry_out(order: OrderInput, *, patient: bool) -> StepResult:
    limit = order.policy.read_timeout + order.policy.submit_timeout
    summary = "set money aside, then send the request, once"
    return await _upstream("carry_out", order, patient, StepResult, limit, summary)


async def settle(order: OrderInput) -> SubmitResult:
    return await _upstream(
        "settle", order, True, SubmitResult, timedelta(minutes=10), "find out what became of the request"
    )


async def call_off(order: OrderInput) -> SubmitResult:
    return await _upstream(
        "call_off", order, True, SubmitResult, timedelta(minutes=10), "remove what its requests left, then end it"
    )


async def look(order: OrderInput) -> Look:
    return await _upstream("look", order, True, Look, order.policy.read_timeout, "ask the upstream: no event came")


async def report_stage(report: StageReport) -> None:
    await workflow.execute_local_activity(
        "report_stage",
        report,
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=LOCAL_PATIENT,
        summary=report.stage.value,
    )


async def record_decision(record: DecisionRecord) -> DecisionOutcome:
    """No local activity: the update that brings a decision is in the history before anything of it is written. A local
    one wrote it first, and a server that died then had forgotten the update."""
    if workflow.patched(AFTER_ITS_UPDATE):
        written: DecisionOutcome = await workflow.execute_activity(
            "record_decision",
            record,
            result_type=DecisionOutcome,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=LOCAL_PATIENT,
            summary=record.kind.value,
        )
        return written
    answer: DecisionOutcome = await workflow.execute_local_activity(
        "record_decision",
        record,
        result_type=DecisionOutcome,
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=LOCAL_PATIENT,
        summary=record.kind.value,
    )
    return answer


async def open_manual_task(work: ManualWork) -> ManualTask:
    answer: ManualTask = await workflow.execute_local_activity(
        "open_manual_task",
        work,
        result_type=ManualTask,
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=LOCAL_PATIENT,
        summary="hand it to a person",
    )
    return answer


async def report_overdue(order: OrderInput) -> None:
    await workflow.execute_local_activity(
        "report_overdue",
        OrderRef(service=order.service, operation=order.operation),
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=LOCAL_PATIENT,
        summary="the task is past its due time",
    )


async def complete_operation(
    order: OrderInput, by: Written | TaskCompletion | None = None, event: UpstreamEventMessage | None = None
) -> OrderEnding | None:
    """None: the answer of before there was one; it is completed."""
    ended: OrderEnding | None = await workflow.execute_local_activity(
        "complete_operation",
        OrderCompletion(
            service=order.service,
            operation=order.operation,
            by=by,
            event=event.event_id if event else "",
            status=event.status if event else None,
        ),
        result_type=OrderEnding,
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=LOCAL_PATIENT,
        summary="apply the result, close operation and task",
    )
    return ended


async def poll_upstream(poller: PollInput) -> PollLap:
    queue = poller_queue(workflow.info().task_queue)
    return await _for_a_lap("poll_upstream", poller, PollLap, queue, f"watch {poller.upstream}")


async def sweep_orders(sweep: SweepInput) -> SweepLap:
    queue = sweep_queue(workflow.info().task_queue)
    return await _for_a_lap("sweep_orders", sweep, SweepLap, queue, "start what is not started")


async def ask_for_sweep(sweep: ServiceSweepInput) -> int:
    """Returns the number of lists."""
    answer: int = await workflow.execute_activity(
        "ask_for_sweep",
        sweep,
        result_type=int,
        task_queue=sweep_queue(workflow.info().task_queue),
        start_to_close_timeout=timedelta(seconds=30),
        retry_policy=PATIENT,
        summary="ask the pollers for a sweep",
    )
    return answer


async def renew_batch(batch: RenewalBatch) -> RenewalPosition:
    answer: RenewalPosition = await workflow.execute_activity(
        "renew_batch",
        batch,
        result_type=RenewalPosition,
        task_queue=sweep_queue(workflow.info().task_queue),
        start_to_close_timeout=timedelta(minutes=10),
        heartbeat_timeout=timedelta(seconds=10),
        retry_policy=PATIENT,
        summary="terms that end",
    )
    return answer


async def send_webhooks(sender: SendInput) -> SendLap:
    queue = webhook_queue(workflow.info().task_queue)
    return await _for_a_lap("send_webhooks", sender, SendLap, queue, "send webhooks")


async def _for_a_lap(
    name: str, given: PollInput | SweepInput | SendInput, result: type[R], queue: str, summary: str
) -> R:
    answer: R = await workflow.execute_activity(
        name,
        given,
        result_type=result,
        task_queue=queue,
        start_to_close_timeout=given.lap + timedelta(minutes=5),
        heartbeat_timeout=given.heartbeat_timeout,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(milliseconds=500),
            backoff_coefficient=2,
            maximum_interval=timedelta(seconds=5),
        ),
        summary=summary,
    )
    return answer
