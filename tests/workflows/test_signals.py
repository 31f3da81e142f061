"""Signals come early, late, twice and in crowds; an order takes no harm."""

import asyncio

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from models.enums import Stage, UpstreamStatus
from models.messages import FundsGranted, OrderEnding, Submission, SubmitResult
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from tests.workflows.bench import GRANTED, ITEM, Bench, Held, accepted, attention, open_bench, seen
from tests.workflows.test_stages import waiting_steps


async def test_an_event_before_the_answer_to_the_request_that_made_the_item_is_kept(bench: Bench) -> None:
    sending = Held()
    order = await bench.order(reserve_funds=[GRANTED], submit=[sending])
    await sending.begun()
    await order.event(seen())
    assert await order.stage() is Stage.CHECKING_BALANCE
    sending.answer(accepted())
    assert (await order.ended()).upstream_number == ITEM
    assert "TIMER_STARTED" not in await order.events(), "it had not to wait at all"


async def test_a_signal_before_the_first_workflow_task_is_not_lost(bench: Bench) -> None:
    order = await bench.order(start_signal=seen(), reserve_funds=[GRANTED], submit=[accepted()])
    assert (await order.ended()).stage is Stage.COMPLETED
    events = await order.events()
    assert events.index("WORKFLOW_EXECUTION_SIGNALED") < events.index("WORKFLOW_TASK_STARTED")


async def test_money_granted_before_the_order_knows_that_it_must_wait_is_not_lost(bench: Bench) -> None:
    asking = Held()
    order = await bench.order(reserve_funds=[asking], submit=[accepted()])
    await asking.begun()
    await order.grant()
    [dry] = waiting_steps(Stage.WAITING_FOR_FUNDS)["reserve_funds"]
    asking.answer(dry)  # type: ignore[arg-type]
    await order.until(Stage.AWAITING_CONFIRMATION)
    await order.handle.terminate("seen")


async def test_an_old_grant_does_not_count_for_a_new_wait(bench: Bench) -> None:
    """Granted, refused by the upstream all the same, and in line again: the first grant has been used."""
    [dry] = waiting_steps(Stage.WAITING_FOR_FUNDS)["reserve_funds"]
    refused = SubmitResult(outcome=Submission.FUNDS, reason="not_enough_money")
    order = await bench.order(reserve_funds=[dry, dry], submit=[refused, accepted()])
    await order.until(Stage.WAITING_FOR_FUNDS)
    await order.grant("first")
    await assert_eventually(lambda: len(order.asked("reserve_funds")) == 2)
    await order.until(Stage.WAITING_FOR_FUNDS)
    assert len(order.asked("submit")) == 1
    await order.grant("second")
    await order.until(Stage.AWAITING_CONFIRMATION)
    await order.handle.terminate("seen")


async def test_an_order_waiting_for_money_whose_item_comes_to_life_looks_after_it(bench: Bench) -> None:
    """The upstream paid what was left there unpaid: the order must not buy another."""
    found = SubmitResult(outcome=Submission.UNKNOWN, reason="item 17 with our mark is at the upstream already")
    order = await bench.order(waiting_steps(Stage.WAITING_FOR_FUNDS), submit=[found], settle=[accepted()])
    await order.until(Stage.WAITING_FOR_FUNDS)
    await order.event(seen())
    assert (await order.ended()).upstream_number == ITEM


async def test_an_item_that_comes_to_life_before_the_order_knows_that_it_must_wait_is_not_passed_over(
    bench: Bench,
) -> None:
    """Refused for want of money; the upstream pays what it left and opens it while the balance is asked once more."""
    [dry] = waiting_steps(Stage.WAITING_FOR_FUNDS)["reserve_funds"]
    refused = SubmitResult(outcome=Submission.FUNDS, reason="not_enough_money")
    found = SubmitResult(outcome=Submission.UNKNOWN, reason="item 17 with our mark is at the upstream already")
    asking = Held()
    order = await bench.order(reserve_funds=[GRANTED, asking], submit=[refused, found], settle=[accepted()])
    await asking.begun()
    await order.event(seen())
    asking.answer(dry)  # type: ignore[arg-type]
    assert (await order.ended()).upstream_number == ITEM


async def test_an_event_that_was_looked_after_already_does_not_end_a_later_wait_for_money(bench: Bench) -> None:
    [dry] = waiting_steps(Stage.WAITING_FOR_FUNDS)["reserve_funds"]
    not_it = SubmitResult(outcome=Submission.FUNDS, reason="no money is set aside for the order")
    asking = Held()
    order = await bench.order(reserve_funds=[GRANTED, asking, dry], submit=[not_it, not_it])
    await asking.begun()
    await order.event(seen(UpstreamStatus.PROCESSING))
    asking.answer(dry)  # type: ignore[arg-type]
    await assert_eventually(lambda: len(order.asked("reserve_funds")) == 3)
    await order.until(Stage.WAITING_FOR_FUNDS)
    assert len(order.asked("submit")) == 2
    await order.handle.terminate("seen")


async def test_while_an_order_waits_for_money_the_same_event_again_has_it_look_once(bench: Bench) -> None:
    """Each look is a request to the upstream: a poller that delivers twice must not double them."""
    [dry] = waiting_steps(Stage.WAITING_FOR_FUNDS)["reserve_funds"]
    not_it = SubmitResult(outcome=Submission.FUNDS, reason="no money is set aside for the order")
    order = await bench.order(reserve_funds=[dry, dry, dry], submit=[not_it, not_it])
    await order.until(Stage.WAITING_FOR_FUNDS)
    for _ in range(2):  # not by `event`: the server would drop the repeat by its request id
        await order.handle.signal("upstream_event", seen(UpstreamStatus.PROCESSING))
        await assert_eventually(lambda: len(order.asked("reserve_funds")) == 2)
        await order.until(Stage.WAITING_FOR_FUNDS)
    await order.handle.query("stage")  # the second signal has been worked on
    assert len(order.asked("submit")) == 1
    await order.handle.terminate("seen")


async def test_the_same_event_again_and_again_is_one(bench: Bench) -> None:
    order = await bench.order(waiting_steps(Stage.CHECKING_BALANCE))
    await order.until(Stage.CHECKING_BALANCE)
    for _ in range(5):
        assert await order.event(seen(UpstreamStatus.PROCESSING))
    assert (await order.events()).count("WORKFLOW_EXECUTION_SIGNALED") == 1, "the server drops a request id it knows"
    for _ in range(3):  # and the order does, where the server cannot
        await order.handle.signal("upstream_event", seen(UpstreamStatus.PROCESSING))
    assert await order.stage() is Stage.CHECKING_BALANCE
    await order.handle.terminate("seen")


async def test_a_signal_to_an_order_that_has_ended_is_no_failure(bench: Bench) -> None:
    order = await bench.order(start_signal=seen(), reserve_funds=[GRANTED], submit=[accepted()])
    await order.ended()
    assert await order.event(seen()) is False
    assert await order.grant() is False


@pytest.mark.proof
async def test_a_hundred_signals_at_once_do_no_harm(bench: Bench) -> None:
    sending = Held()
    order = await bench.order(reserve_funds=[GRANTED], submit=[sending])
    await sending.begun()
    await asyncio.gather(*(order.event(seen(UpstreamStatus.ACTIVE, number=str(number))) for number in range(100, 200)))
    await asyncio.gather(*(_grant(order.handle, order.number) for _ in range(20)))
    sending.answer(accepted("150"))
    assert (await order.ended()).upstream_number == "150"


async def _grant(handle: WorkflowHandle[object, object], number: int) -> None:
    await handle.signal("funds_granted", FundsGranted(operation=number))


async def test_signals_that_came_while_no_worker_ran_are_heard_when_one_does(temporal_server: TemporalServer) -> None:
    client = await temporal_server.connect(temporal_server.next_namespace())
    async with open_bench(client) as bench:
        order = await bench.order(waiting_steps(Stage.AWAITING_CONFIRMATION))
        await order.until(Stage.AWAITING_CONFIRMATION)
    await order.event(seen())
    async with bench.working():
        assert (await order.ended()).stage is Stage.COMPLETED


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        pytest.param("upstream_event", [], "without its argument", marks=pytest.mark.proof),
        ("upstream_event", [1, 2, 3], "can't be read"),
        pytest.param("upstream_event", [{"event_id": {"deep": []}}], "can't be read", marks=pytest.mark.proof),
        pytest.param("upstream_event", [None], "without its argument", marks=pytest.mark.proof),
        ("manual_change_completed", ["done", "really", "done"], "2 argument(s) too many"),
        pytest.param("manual_change_completed", [17], "can't be read", marks=pytest.mark.proof),
        pytest.param("manual_change_completed", [None], "", marks=pytest.mark.proof),
        ("funds_granted", [], "without its argument"),
        pytest.param("step_asid", ["no such signal"], "", marks=pytest.mark.proof),
        pytest.param("called_off", [1, 2], "1 argument(s) too many", marks=pytest.mark.proof),
        pytest.param("step_aside", ["please"], "1 argument(s) too many", marks=pytest.mark.proof),
    ],
)
async def test_a_signal_sent_by_hand_in_any_shape_stops_nothing(
    bench: Bench, name: str, arguments: list[object], told: str
) -> None:
    """One argument too many or too few was a TypeError in every replay: the workflow stood still for ever."""
    [dry] = waiting_steps(Stage.WAITING_FOR_FUNDS)["reserve_funds"]
    order = await bench.order(reserve_funds=[dry, GRANTED], submit=[accepted()], call_off=[accepted()])
    await order.until(Stage.WAITING_FOR_FUNDS)
    await order.handle.signal(name, args=arguments)
    if name == "step_aside":
        assert (await order.ended()).stage is Stage.QUEUED
        return
    if name != "called_off":
        await order.until(Stage.WAITING_FOR_FUNDS, *([told] if told else []))
        await order.grant()
    await order.event(seen())
    assert (await order.ended()).stage is Stage.COMPLETED


@pytest.mark.parametrize("argument", [b"bytes", Timestamp(seconds=1)], ids=["bytes", "protobuf"])
async def test_a_signal_that_is_no_json_is_dropped_and_told_by_every_handler(bench: Bench, argument: object) -> None:
    order = await bench.order(waiting_steps(Stage.WAITING_FOR_FUNDS))
    await order.until(Stage.WAITING_FOR_FUNDS)
    for name in ("upstream_event", "funds_granted", "manual_change_completed", "look"):
        await order.handle.signal(name, argument)
    for name in ("upstream_event", "funds_granted"):
        await order.handle.signal(name, argument)
        await order.until(Stage.WAITING_FOR_FUNDS, f"signal {name} was dropped: TypeError")
    assert "WORKFLOW_TASK_FAILED" not in await order.events()
    await order.handle.terminate("seen")


async def test_a_signal_of_a_name_that_there_is_not_is_told(bench: Bench) -> None:
    order = await bench.order(waiting_steps(Stage.WAITING_FOR_FUNDS))
    await order.until(Stage.WAITING_FOR_FUNDS)
    await order.handle.signal("manual_change_complete", args=["done", b"bytes"])
    await order.until(Stage.WAITING_FOR_FUNDS, "signal manual_change_complete was dropped: there is none of that name")
    await order.handle.terminate("seen")


FURTHER: list[list[object]] = [[1, 2], [None], [{}], [Timestamp(seconds=1)]]
LONG = [pytest.param(one, marks=pytest.mark.proof) for one in FURTHER]


@pytest.mark.parametrize("arguments", [[], ["text"], [b"bytes"], *LONG])
async def test_an_update_sent_by_hand_in_any_shape_is_refused_and_stops_nothing(
    bench: Bench, arguments: list[object]
) -> None:
    order = await bench.order(reserve_funds=[GRANTED], submit=[attention()])
    await order.until(Stage.NEEDS_ATTENTION)
    for name in ("retry", "mark_done", "cancel", "complete_task", "accept_price", "correct_and_retry", "reject_task"):
        with pytest.raises(WorkflowUpdateFailedError):
            await order.handle.execute_update(name, args=arguments)
    assert await order.handle.query("stage", args=[1, 2]) == Stage.NEEDS_ATTENTION
    assert await order.stage() is Stage.NEEDS_ATTENTION
    await order.handle.terminate("seen")


async def test_an_event_that_the_database_does_not_know_confirms_nothing(bench: Bench) -> None:
    order = await bench.order(
        reserve_funds=[GRANTED],
        submit=[accepted()],
        complete_operation=[OrderEnding(confirmed=False), OrderEnding()],
    )
    await order.until(Stage.AWAITING_CONFIRMATION)
    await order.event(seen(event_id="forged"))
    await order.until(Stage.AWAITING_CONFIRMATION, "no event forged is written in the database")
    await order.event(seen(event_id="true"))
    assert (await order.ended()).stage is Stage.COMPLETED
    assert [ending.event for ending in order.asked("complete_operation")] == ["forged", "true"]
