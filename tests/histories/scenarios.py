"""The ways of a workflow that are recorded and replayed: each runs a real workflow, with what its activities answer.

A scenario returns when its workflow has ended, or its run has been continued as new.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from models.enums import FailureClass, OperationKind, Stage, UpstreamStatus
from models.messages import (
    DecisionKind,
    DecisionOutcome,
    Funds,
    FundsResult,
    Look,
    ManualTask,
    OrderPolicy,
    PollLap,
    SendLap,
    Submission,
    SubmitResult,
    SweepLap,
    TaskCompletion,
)
from tests.infrastructure.eventually import assert_eventually
from tests.workflows.bench import (
    GRANTED,
    ITEM,
    PATIENCE,
    WHY,
    Bench,
    Held,
    ScriptedOrder,
    Step,
    accepted,
    attention,
    seen,
)
from workflows.service_order import ServiceOrder

Scenario = Callable[[Bench], Awaitable[WorkflowHandle[Any, Any]]]
SCENARIOS: dict[str, Scenario] = {}

DRY = FundsResult(
    outcome=Funds.WAITING, required="5.00 EUR", free="1.00 EUR", reason="5.00 EUR needed, 1.00 EUR free on account main"
)
DOWN = "the upstream can't be reached: connection refused"
QUICK_LOOK = OrderPolicy(confirmation_check_after=timedelta(milliseconds=300))


def soon(reason: str = DOWN) -> ApplicationError:
    """An attempt that fails and is repeated at once."""
    return ApplicationError(reason, type=FailureClass.NOT_SENT.value, next_retry_delay=timedelta(milliseconds=20))


def later(reason: str = DOWN) -> ApplicationError:
    """An attempt that fails and is repeated after the end of every test."""
    return ApplicationError(reason, type=FailureClass.NOT_SENT.value, next_retry_delay=timedelta(minutes=5))


def scenario(run: Scenario) -> Scenario:
    SCENARIOS[run.__name__] = run
    return run


async def _confirmed(order: ScriptedOrder) -> WorkflowHandle[Any, Any]:
    """Its item comes to life at the upstream, and the order ends."""
    await order.until(Stage.AWAITING_CONFIRMATION)
    await order.event(seen())
    result = await order.ended()
    assert result.stage is Stage.COMPLETED
    return order.handle


@scenario
async def happy(bench: Bench) -> WorkflowHandle[Any, Any]:
    return await _confirmed(await bench.order(reserve_funds=[GRANTED], submit=[accepted()]))


@scenario
async def waiting_for_funds_then_granted(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await bench.order(reserve_funds=[DRY], submit=[accepted()])
    await order.until(Stage.WAITING_FOR_FUNDS)
    await order.grant()
    return await _confirmed(order)


@scenario
async def refused_for_funds_by_the_upstream(bench: Bench) -> WorkflowHandle[Any, Any]:
    refused = SubmitResult(outcome=Submission.FUNDS, failure=FailureClass.FUNDS, reason="not enough money")
    order = await bench.order(reserve_funds=[GRANTED, DRY], submit=[refused, accepted()])
    await order.until(Stage.WAITING_FOR_FUNDS)
    await order.grant()
    return await _confirmed(order)


@scenario
async def upstream_down_then_back(bench: Bench) -> WorkflowHandle[Any, Any]:
    down_for_funds = FundsResult(outcome=Funds.TROUBLE, failure=FailureClass.NOT_SENT, reason=DOWN)
    down_for_orders = SubmitResult(outcome=Submission.TROUBLE, failure=FailureClass.NOT_SENT, reason=DOWN)
    order = await bench.order(
        reserve_funds=[down_for_funds, soon(), GRANTED], submit=[down_for_orders, soon(), accepted()]
    )
    return await _confirmed(order)


@scenario
async def lost_answer_settled(bench: Bench) -> WorkflowHandle[Any, Any]:
    lost = SubmitResult(outcome=Submission.UNKNOWN, reason="the connection was cut after the request had gone")
    nothing_yet = ApplicationError("nothing with our mark", type="StillUnknown", next_retry_delay=timedelta(0))
    return await _confirmed(await bench.order(reserve_funds=[GRANTED], submit=[lost], settle=[nothing_yet, accepted()]))


@scenario
async def accepted_without_number(bench: Bench) -> WorkflowHandle[Any, Any]:
    unnumbered = SubmitResult(outcome=Submission.ACCEPTED_UNNUMBERED, reason="accepted without a number")
    return await _confirmed(await bench.order(reserve_funds=[GRANTED], submit=[unnumbered], settle=[accepted()]))


@scenario
async def lost_before_it_arrived_then_sent_again(bench: Bench) -> WorkflowHandle[Any, Any]:
    lost = SubmitResult(outcome=Submission.UNKNOWN, reason="the connection was cut")
    not_done = SubmitResult(outcome=Submission.NOT_DONE, reason="the complete list shows no item of this order")
    return await _confirmed(
        await bench.order(reserve_funds=[GRANTED, GRANTED], submit=[lost, accepted()], settle=[not_done])
    )


@scenario
async def not_before_a_date(bench: Bench) -> WorkflowHandle[Any, Any]:
    """Cancelled while it waits: the shortest pause is longer than a test should take."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    not_yet = SubmitResult(
        outcome=Submission.NOT_YET, failure=FailureClass.NOT_YET, reason="too early", not_before=tomorrow
    )
    order = await bench.order(reserve_funds=[GRANTED], submit=[not_yet])
    await order.until(Stage.RETRYING)
    await order.decide(DecisionKind.CANCEL)
    assert (await order.ended()).stage is Stage.CANCELLED
    return order.handle


async def _needing_attention(bench: Bench) -> ScriptedOrder:
    order = await bench.order(reserve_funds=[GRANTED], submit=[attention()])
    await order.until(Stage.NEEDS_ATTENTION)
    return order


@scenario
async def attention_then_retry(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await _needing_attention(bench)
    order.tell(reserve_funds=[GRANTED], submit=[accepted()])
    await order.decide(DecisionKind.RETRY)
    return await _confirmed(order)


@scenario
async def attention_then_correct_and_retry(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await _needing_attention(bench)
    order.tell(reserve_funds=[GRANTED], submit=[accepted()])
    await order.decide(DecisionKind.CORRECT_AND_RETRY, WHY.model_copy(update={"parameters": {"template": "debian-12"}}))
    return await _confirmed(order)


CANNOT_TELL = SubmitResult(
    outcome=Submission.ATTENTION, failure=FailureClass.OUTCOME_UNKNOWN, reason="cannot tell whether it was carried out"
)


@scenario
async def found_while_a_person_is_asked(bench: Bench) -> WorkflowHandle[Any, Any]:
    """A first item that comes to light proves nothing; the second does. Nobody decides anything."""
    lost = SubmitResult(outcome=Submission.UNKNOWN, reason="the connection was cut")
    order = await bench.order(reserve_funds=[GRANTED], submit=[lost], settle=[CANNOT_TELL])
    await order.until(Stage.NEEDS_ATTENTION)
    order.tell(settle=[CANNOT_TELL])
    await order.event(seen(number="900002"))

    async def asked_again() -> bool:
        return len(order.asked("report_stage")) == 2

    await assert_eventually(asked_again, timeout=PATIENCE)
    order.tell(settle=[accepted()])
    await order.event(seen())
    assert (await order.ended()).stage is Stage.COMPLETED
    return order.handle


@scenario
async def too_dear_then_accept_price(bench: Bench) -> WorkflowHandle[Any, Any]:
    asked = "nothing is sent: the upstream asks 40.00 EUR, but 5.00 EUR is expected, 10 % more is tolerated"
    too_dear = FundsResult(outcome=Funds.ATTENTION, reason=asked, failure=FailureClass.PRICE_CHANGED)
    order = await bench.order(reserve_funds=[too_dear])
    await order.until(Stage.NEEDS_ATTENTION)
    order.tell(reserve_funds=[GRANTED], submit=[accepted()])
    await order.decide(DecisionKind.ACCEPT_PRICE)
    return await _confirmed(order)


@scenario
async def attention_then_mark_done(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await _needing_attention(bench)
    await order.decide(DecisionKind.MARK_DONE, WHY.model_copy(update={"upstream_number": ITEM}))
    assert (await order.ended()).stage is Stage.COMPLETED
    return order.handle


@scenario
async def attention_then_cancel(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await _needing_attention(bench)
    await order.decide(DecisionKind.CANCEL)
    assert (await order.ended()).stage is Stage.CANCELLED
    return order.handle


@scenario
async def decision_refused_by_the_database_then_retry(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await _needing_attention(bench)
    order.tell(record_decision=[DecisionOutcome(refused="a paid service may be there")])
    order.tell(reserve_funds=[GRANTED], submit=[accepted()])
    with suppress(WorkflowUpdateFailedError):
        await order.decide(DecisionKind.CANCEL)
    await order.decide(DecisionKind.RETRY)
    return await _confirmed(order)


@scenario
async def silent_confirmation_then_look(bench: Bench) -> WorkflowHandle[Any, Any]:
    opening = Look(status=UpstreamStatus.PROCESSING, goal_met=False, reason="item 17 is processing")
    active = Look(status=UpstreamStatus.ACTIVE, goal_met=True, reason="item 17 is active")
    order = await bench.order(policy=QUICK_LOOK, reserve_funds=[GRANTED], submit=[accepted()], look=[opening, active])
    assert (await order.ended()).stage is Stage.COMPLETED
    return order.handle


@scenario
async def deleted_at_the_upstream_then_mark_done(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await bench.order(reserve_funds=[GRANTED], submit=[accepted()], look=[DELETED])
    await order.until(Stage.AWAITING_CONFIRMATION)
    await order.event(seen(UpstreamStatus.DELETED))
    await order.until(Stage.NEEDS_ATTENTION)
    await order.decide(DecisionKind.MARK_DONE, WHY.model_copy(update={"upstream_number": "18"}))
    await order.ended()
    return order.handle


@scenario
async def early_signal(bench: Bench) -> WorkflowHandle[Any, Any]:
    """The item is seen alive before the answer to the request that made it."""
    held = Held()
    order = await bench.order(reserve_funds=[GRANTED], submit=[held])
    await held.begun()
    await order.event(seen())
    held.answer(accepted())
    assert (await order.ended()).stage is Stage.COMPLETED
    return order.handle


@scenario
async def cancel_while_waiting_for_funds(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await bench.order(reserve_funds=[DRY])
    await order.until(Stage.WAITING_FOR_FUNDS)
    await order.decide(DecisionKind.CANCEL)
    assert (await order.ended()).stage is Stage.CANCELLED
    return order.handle


@scenario
async def cancel_while_retrying(bench: Bench) -> WorkflowHandle[Any, Any]:
    down = SubmitResult(outcome=Submission.TROUBLE, failure=FailureClass.NOT_SENT, reason=DOWN)
    order = await bench.order(reserve_funds=[GRANTED], submit=[down, later()])
    await order.until(Stage.RETRYING)
    await assert_eventually(lambda: len(order.asked("submit")) == 2, timeout=PATIENCE)
    await order.decide(DecisionKind.CANCEL)
    assert (await order.ended()).stage is Stage.CANCELLED
    return order.handle


GONE = SubmitResult(outcome=Submission.ENDED, stage=Stage.CANCELLED)
PAID_ALREADY = SubmitResult(outcome=Submission.UNKNOWN, failure=FailureClass.EXISTS, reason="item 17 is paid already")


@scenario
async def called_off_while_waiting_for_funds(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await bench.order(reserve_funds=[DRY], call_off=[GONE])
    await order.until(Stage.WAITING_FOR_FUNDS)
    await order.call_off()
    assert (await order.ended()).stage is Stage.CANCELLED
    return order.handle


@scenario
async def called_off_while_retrying(bench: Bench) -> WorkflowHandle[Any, Any]:
    down = SubmitResult(outcome=Submission.TROUBLE, failure=FailureClass.NOT_SENT, reason=DOWN)
    order = await bench.order(reserve_funds=[GRANTED], submit=[down, later()], call_off=[GONE])
    await order.until(Stage.RETRYING)
    await assert_eventually(lambda: len(order.asked("submit")) == 2, timeout=PATIENCE)
    await order.call_off()
    assert (await order.ended()).stage is Stage.CANCELLED
    return order.handle


@scenario
async def called_off_and_found_to_be_bought(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await bench.order(
        reserve_funds=[GRANTED], submit=[attention()], call_off=[PAID_ALREADY], settle=[accepted()]
    )
    await order.until(Stage.NEEDS_ATTENTION)
    await order.call_off()
    return await _confirmed(order)


@scenario
async def cancelled_by_a_person_after_what_was_left_is_removed(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await _needing_attention(bench)
    order.tell(record_decision=[DecisionOutcome(called_off=True)], call_off=[GONE])
    await order.decide(DecisionKind.CANCEL)
    assert (await order.ended()).stage is Stage.CANCELLED
    return order.handle


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
async def webhook_sender_lap(bench: Bench) -> WorkflowHandle[Any, Any]:
    second = Held()
    return await _first_run(bench, await bench.webhook_sender(SendLap(delivered=12, failed=1), second), second)


DELETED = Look(status=UpstreamStatus.DELETED, goal_met=False, failed=True, reason="item 17 is deleted")
