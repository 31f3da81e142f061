"""Waiting for the poller's word, and asking for oneself when it stays silent."""

from datetime import timedelta

import pytest

from models.enums import OperationKind, Stage, UpstreamStatus
from models.messages import DecisionKind, Look, OrderPolicy, Submission, SubmitResult
from tests.workflows.bench import GRANTED, ITEM, Bench, Held, ScriptedOrder, accepted, seen
from tests.workflows.test_stages import until_shown, waiting_steps

IMPATIENT = OrderPolicy(confirmation_check_after=timedelta(milliseconds=200))
OPENING = Look(status=UpstreamStatus.PROCESSING, goal_met=False, reason="asked at 12:00:00 UTC: item 17 is processing")
ACTIVE = Look(status=UpstreamStatus.ACTIVE, goal_met=True, reason="asked at 12:05:00 UTC: item 17 is active")
UNCHANGED = OPENING.model_copy(update={"failed": True, "reason": "7 hours: does the upstream still work on it?"})
GONE = Look(status=UpstreamStatus.DELETED, goal_met=False, failed=True, reason="item 17 does not exist any more")


async def silent(bench: Bench, *looks: Look | Held) -> ScriptedOrder:
    """An order whose poller says nothing."""
    return await bench.order(policy=IMPATIENT, reserve_funds=[GRANTED], submit=[accepted()], look=list(looks))


async def confirmed(order: ScriptedOrder) -> None:
    result = await order.ended()
    assert result.stage is Stage.COMPLETED
    assert result.upstream_number == ITEM
    assert len(order.asked("complete_operation")) == 1
    await until_shown(order, Stage.COMPLETED)


async def test_an_order_that_hears_nothing_asks_and_completes_when_the_goal_is_met(bench: Bench) -> None:
    order = await silent(bench, ACTIVE)
    await confirmed(order)
    assert [request.patient for request in order.asked("look")] == [True]


async def test_not_yet_is_said_in_the_details_and_asked_again_after_the_same_time(bench: Bench) -> None:
    asking, again = Held(), Held()
    order = await silent(bench, asking, again)
    await asking.begun()
    since = (await order.details()).splitlines()[0]
    asking.answer(OPENING)
    details = await order.until(Stage.AWAITING_CONFIRMATION, "item 17; asked at 12:00:00 UTC: item 17 is processing")
    assert details.splitlines()[0] == since, "it waits as long as before"
    await again.begun()
    again.answer(ACTIVE)
    await confirmed(order)


@pytest.mark.proof
async def test_not_done_in_the_usual_time_a_person_is_asked_and_the_order_goes_on_looking(bench: Bench) -> None:
    again = Held()
    order = await silent(bench, UNCHANGED, again)
    await order.until(Stage.NEEDS_ATTENTION, "does the upstream still work on it?")
    await again.begun()
    again.answer(ACTIVE)
    await confirmed(order)
    assert len(order.asked("submit")) == 1


@pytest.mark.proof
async def test_what_comes_late_needs_no_person(bench: Bench) -> None:
    order = await silent(bench, UNCHANGED, Held())
    await order.until(Stage.NEEDS_ATTENTION, "does the upstream still work on it?")
    await order.event(seen())
    await confirmed(order)


async def test_a_dead_end_is_told_in_the_upstream_s_words_and_ends_by_itself_once_it_is_mended(bench: Bench) -> None:
    no_module = Look(status=UpstreamStatus.PROCESSING, goal_met=False, failed=True, reason="no module can open it")
    order = await bench.order(reserve_funds=[GRANTED], submit=[accepted()], look=[no_module])
    await order.until(Stage.AWAITING_CONFIRMATION)
    await order.event(seen(UpstreamStatus.PROCESSING, event_id="dead-end").model_copy(update={"met": False}))
    await order.until(Stage.NEEDS_ATTENTION, "no module can open it")
    await order.event(seen())
    await confirmed(order)


async def test_a_person_who_has_seen_to_it_may_mark_it_done_while_it_is_awaited(bench: Bench) -> None:
    order = await bench.order(waiting_steps(Stage.AWAITING_CONFIRMATION))
    await order.until(Stage.AWAITING_CONFIRMATION)
    await order.decide(DecisionKind.MARK_DONE)
    assert (await order.ended()).stage is Stage.COMPLETED
    assert not order.asked("complete_operation"), "the decision has completed it"


async def test_a_failed_goal_needs_a_person(bench: Bench) -> None:
    order = await silent(bench, GONE)
    await order.until(Stage.NEEDS_ATTENTION, "item 17 does not exist any more")
    await order.handle.terminate("seen")


async def test_the_poller_may_speak_while_the_order_asks(bench: Bench) -> None:
    asking = Held()
    order = await silent(bench, asking)
    await asking.begun()
    await order.event(seen())
    asking.answer(OPENING)
    await confirmed(order)


@pytest.mark.parametrize(
    "before",
    [
        pytest.param([seen(UpstreamStatus.PROCESSING)], id="a state that decides nothing"),
        pytest.param([seen(UpstreamStatus.ACTIVE, number="18")], id="another item"),
    ],
)
async def test_what_does_not_decide_is_waited_through(bench: Bench, before: list[object]) -> None:
    order = await bench.order(waiting_steps(Stage.AWAITING_CONFIRMATION))
    await order.until(Stage.AWAITING_CONFIRMATION)
    for event in before:
        await order.event(event)  # type: ignore[arg-type]
    assert await order.stage() is Stage.AWAITING_CONFIRMATION
    await order.event(seen())
    await confirmed(order)


@pytest.mark.proof
async def test_a_service_suspended_before_anybody_looked_was_opened(bench: Bench) -> None:
    order = await bench.order(waiting_steps(Stage.AWAITING_CONFIRMATION))
    await order.until(Stage.AWAITING_CONFIRMATION)
    await order.event(seen(UpstreamStatus.SUSPENDED))
    await confirmed(order)


async def test_an_item_deleted_at_the_upstream_needs_a_person(bench: Bench) -> None:
    order = await bench.order(reserve_funds=[GRANTED], submit=[accepted()], look=[GONE])
    await order.until(Stage.AWAITING_CONFIRMATION)
    await order.event(seen(UpstreamStatus.DELETED))
    await order.until(Stage.NEEDS_ATTENTION, GONE.reason)
    await order.event(seen())
    await confirmed(order)


async def test_an_item_is_not_deleted_because_a_signal_says_so(bench: Bench) -> None:
    asking = Held()
    order = await bench.order(reserve_funds=[GRANTED], submit=[accepted()], look=[asking])
    await order.until(Stage.AWAITING_CONFIRMATION)
    await order.event(seen(UpstreamStatus.DELETED))
    await asking.begun()
    asking.answer(OPENING)
    await order.event(seen())
    await confirmed(order)
    assert Stage.NEEDS_ATTENTION not in [report.stage for report in order.asked("report_stage")]


@pytest.mark.proof
async def test_an_item_that_was_gone_and_is_there_again_is_seen_by_looking_now(bench: Bench) -> None:
    order = await silent(bench, GONE, ACTIVE)
    await order.until(Stage.NEEDS_ATTENTION)
    await order.decide(DecisionKind.LOOK_NOW)
    await confirmed(order)
    assert len(order.asked("submit")) == 1


async def test_a_person_has_the_upstream_asked_now_and_is_told_what_it_says(bench: Bench) -> None:
    order = await bench.order(reserve_funds=[GRANTED], submit=[accepted()], look=[OPENING, UNCHANGED, OPENING, ACTIVE])
    await order.until(Stage.AWAITING_CONFIRMATION)
    result = await order.decide(DecisionKind.LOOK_NOW)
    assert (result.stage, result.message) == (Stage.AWAITING_CONFIRMATION, OPENING.reason)
    await order.until(Stage.AWAITING_CONFIRMATION, f"item 17; {OPENING.reason}")
    assert (await order.decide(DecisionKind.LOOK_NOW)).message == UNCHANGED.reason
    await order.until(Stage.NEEDS_ATTENTION, UNCHANGED.reason)
    assert (await order.decide(DecisionKind.LOOK_NOW)).message == OPENING.reason
    await order.until(Stage.AWAITING_CONFIRMATION, OPENING.reason)
    await order.handle.signal("look")
    await confirmed(order)
    assert len(order.asked("submit")) == 1
    assert [record.kind for record in order.asked("record_decision")] == [DecisionKind.LOOK_NOW] * 3


async def test_the_waiting_may_be_ended_by_a_person(bench: Bench) -> None:
    order = await bench.order(waiting_steps(Stage.AWAITING_CONFIRMATION))
    await order.until(Stage.AWAITING_CONFIRMATION)
    await order.decide(DecisionKind.CANCEL)
    assert (await order.ended()).stage is Stage.CANCELLED
    assert not order.asked("look")
    assert not order.asked("complete_operation")


async def test_two_items_with_our_mark_need_a_person_and_the_first_is_kept(bench: Bench) -> None:
    twice = SubmitResult(
        outcome=Submission.ACCEPTED, upstream_number=ITEM, reason="item 17 was adopted, but 18 carries the same mark"
    )
    lost = SubmitResult(outcome=Submission.UNKNOWN, reason="cut")
    order = await bench.order(reserve_funds=[GRANTED], submit=[lost], settle=[twice])
    await order.until(Stage.NEEDS_ATTENTION, "18 carries the same mark")
    order.tell(look=[OPENING])
    await order.decide(DecisionKind.LOOK_NOW)
    await order.event(seen())
    await confirmed(order)
    assert len(order.asked("submit")) == 1


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (OperationKind.OPEN, UpstreamStatus.ACTIVE),
        pytest.param(OperationKind.RESUME, UpstreamStatus.ACTIVE, marks=pytest.mark.proof),
        (OperationKind.PROLONG, UpstreamStatus.ACTIVE),
        pytest.param(OperationKind.SUSPEND, UpstreamStatus.SUSPENDED, marks=pytest.mark.proof),
        (OperationKind.CLOSE, UpstreamStatus.DELETED),
    ],
)
async def test_each_kind_of_operation_has_its_own_goal(
    bench: Bench, kind: OperationKind, status: UpstreamStatus
) -> None:
    order = await bench.order(waiting_steps(Stage.AWAITING_CONFIRMATION), kind=kind)
    await order.until(Stage.AWAITING_CONFIRMATION)
    await order.event(seen(status))
    await confirmed(order)
