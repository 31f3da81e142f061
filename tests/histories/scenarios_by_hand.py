"""Work that a person does, orders that make room for an urgent one, and the laps of the long-lived workflows."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from models.enums import FailureClass, OperationKind, Stage, UpstreamStatus
from models.messages import (
    DecisionKind,
    Funds,
    FundsResult,
    Look,
    ManualTask,
    PollLap,
    RenewalPosition,
    SendLap,
    Submission,
    SubmitResult,
    SweepLap,
    TaskCompletion,
)
from tests.histories.scenario_tools import DOWN, DRY, Scenario, later, registering, soon
from tests.workflows.bench import (
    GRANTED,
    WHY,
    Bench,
    Held,
    ScriptedOrder,
    Step,
    accepted,
    seen,
)
from workflows.service_order import ServiceOrder

SCENARIOS: dict[str, Scenario] = {}
scenario = registering(SCENARIOS)


def _task(due: timedelta = timedelta(days=1)) -> ManualTask:
    words = "1. Change its plan."
    return ManualTask(task=3, department="support", due=datetime.now(UTC) + due, instructions=words)


MANUAL = SubmitResult(outcome=Submission.MANUAL, reason="the upstream can't change this by itself: disk_gb 30 → 60")
STILL_OLD = Look(status=UpstreamStatus.ACTIVE, goal_met=False, reason="tariff 58 (59 wanted)")
IS_NEW = Look(status=UpstreamStatus.ACTIVE, goal_met=True, reason="item 17 is active")
DONE = TaskCompletion(actor="anna", note="done")


async def _by_hand(bench: Bench, due: timedelta = timedelta(days=1), look: Sequence[Step] = ()) -> ScriptedOrder:
    order = await bench.order(
        kind=OperationKind.CHANGE_PLAN,
        reserve_funds=[GRANTED],
        submit=[MANUAL],
        open_manual_task=[lambda: _task(due)],
        look=look,
    )
    await order.until(Stage.AWAITING_MANUAL_TASK, "task 3 of support")
    return order


NOT_YET = Look(status=UpstreamStatus.PROCESSING, goal_met=False, reason="item 17 is processing")
STUCK = Look(status=UpstreamStatus.ACTIVE, goal_met=False, failed=True, reason="the upstream is not at work on it")


@scenario
async def looked_at_now_then_given_up(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await bench.order(reserve_funds=[GRANTED], submit=[accepted()], look=[NOT_YET, STUCK, NOT_YET])
    await order.until(Stage.AWAITING_CONFIRMATION)
    await order.handle.signal("look")
    await order.until(Stage.AWAITING_CONFIRMATION, NOT_YET.reason)
    await order.decide(DecisionKind.LOOK_NOW)
    await order.until(Stage.NEEDS_ATTENTION, STUCK.reason)
    await order.decide(DecisionKind.LOOK_NOW)
    await order.until(Stage.AWAITING_CONFIRMATION, NOT_YET.reason)
    await order.decide(DecisionKind.CANCEL, WHY.model_copy(update={"what_is_paid_stays": True}))
    assert (await order.ended()).stage is Stage.CANCELLED
    return order.handle


@scenario
async def by_hand_completed_by_update(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await _by_hand(bench, look=[STILL_OLD, IS_NEW])
    with suppress(WorkflowUpdateFailedError):
        await order.handle.execute_update(ServiceOrder.complete_task, DONE)
    await order.handle.execute_update(ServiceOrder.complete_task, DONE)
    assert (await order.ended()).stage is Stage.COMPLETED
    [completed] = order.asked("complete_operation")
    assert completed.by == DONE
    return order.handle


@scenario
async def by_hand_completed_by_signal(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await _by_hand(bench, look=[STILL_OLD, IS_NEW])
    await order.handle.signal(ServiceOrder.manual_change_completed, DONE)
    await order.until(Stage.AWAITING_MANUAL_TASK, "tariff 58 (59 wanted)")
    await order.handle.signal(ServiceOrder.manual_change_completed, DONE)
    assert (await order.ended()).stage is Stage.COMPLETED
    return order.handle


@scenario
async def by_hand_overdue_then_seen_at_the_upstream(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await _by_hand(bench, due=timedelta(milliseconds=300))
    await order.until(Stage.AWAITING_MANUAL_TASK, "OVERDUE")
    await order.event(seen().model_copy(update={"met": True}))
    assert (await order.ended()).stage is Stage.COMPLETED
    return order.handle


@scenario
async def by_hand_rejected(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await _by_hand(bench)
    await order.decide(DecisionKind.REJECT_TASK)
    assert (await order.ended()).stage is Stage.CANCELLED
    return order.handle


@scenario
async def by_hand_with_the_manual_module(bench: Bench) -> WorkflowHandle[Any, Any]:
    by_hand = FundsResult(outcome=Funds.BY_HAND, reason="processing module our-rack is manual")
    order = await bench.order(reserve_funds=[by_hand], open_manual_task=[_task()], look=[IS_NEW])
    await order.until(Stage.AWAITING_MANUAL_TASK)
    await order.handle.signal(ServiceOrder.manual_change_completed)
    assert (await order.ended()).stage is Stage.COMPLETED
    return order.handle


@scenario
async def stepped_aside_while_a_person_works(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await _by_hand(bench)
    await order.handle.signal(ServiceOrder.step_aside)
    assert (await order.ended()).stage is Stage.QUEUED
    return order.handle


@scenario
async def stepped_aside_while_waiting_for_funds(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await bench.order(kind=OperationKind.PROLONG, reserve_funds=[DRY])
    await order.until(Stage.WAITING_FOR_FUNDS)
    await order.handle.signal(ServiceOrder.step_aside)
    assert (await order.ended()).stage is Stage.QUEUED
    return order.handle


@scenario
async def stepped_aside_while_retrying(bench: Bench) -> WorkflowHandle[Any, Any]:
    trouble = FundsResult(outcome=Funds.TROUBLE, failure=FailureClass.NOT_SENT, reason=DOWN)
    order = await bench.order(kind=OperationKind.PROLONG, reserve_funds=[trouble, later()])
    await order.until(Stage.RETRYING)
    await order.handle.signal(ServiceOrder.step_aside)
    assert (await order.ended()).stage is Stage.QUEUED
    return order.handle


async def _first_run(bench: Bench, handle: WorkflowHandle[Any, Any], second: Held) -> WorkflowHandle[Any, Any]:
    await second.begun()
    await handle.terminate("the scenario ends here")
    return bench.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)


@scenario
async def event_poller_lap(bench: Bench) -> WorkflowHandle[Any, Any]:
    second = Held()
    lap = PollLap(polls=40, events=3, last_poll_at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    return await _first_run(bench, await bench.poller("lap", soon(), lap, second), second)


@scenario
async def order_sweep_lap(bench: Bench) -> WorkflowHandle[Any, Any]:
    second = Held()
    return await _first_run(bench, await bench.sweep(SweepLap(started=2, pollers=1), second), second)


@scenario
async def renewals_of_two_batches(bench: Bench) -> WorkflowHandle[Any, Any]:
    first = RenewalPosition(done=100, day=date(2026, 3, 4), service=17)
    handle = await bench.renewals("renewals-recorded", first, RenewalPosition(done=3))
    assert await handle.result() == 103
    return handle


@scenario
async def webhook_sender_lap(bench: Bench) -> WorkflowHandle[Any, Any]:
    second = Held()
    return await _first_run(bench, await bench.webhook_sender(SendLap(delivered=12, failed=1), second), second)
