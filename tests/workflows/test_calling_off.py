"""An order that hears that it is not wanted any more: it waits for nothing, asks what is left, and ends."""

from datetime import UTC, datetime, timedelta

import pytest

from models.enums import FailureClass, Stage
from models.messages import (
    DecisionKind,
    DecisionOutcome,
    Funds,
    FundsResult,
    ManualTask,
    OrderPolicy,
    Submission,
    SubmitResult,
)
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from tests.workflows.bench import GRANTED, ITEM, Bench, Held, accepted, open_bench, seen
from tests.workflows.test_stages import WRONG, waiting_steps

GONE = SubmitResult(outcome=Submission.ENDED, stage=Stage.CANCELLED)
CALLED_OFF = FundsResult(outcome=Funds.CALLED_OFF, reason="called off by shop")
QUICK = OrderPolicy(heartbeat_timeout=timedelta(seconds=1))
WAITING = [Stage.WAITING_FOR_FUNDS, Stage.RETRYING, Stage.NEEDS_ATTENTION]


@pytest.mark.parametrize("stage", WAITING)
async def test_it_waits_no_longer_and_ends(bench: Bench, stage: Stage) -> None:
    order = await bench.order(waiting_steps(stage), policy=QUICK, call_off=[GONE])
    await order.until(stage)
    assert await order.call_off()
    assert (await order.ended()).stage is Stage.CANCELLED
    assert len(order.asked("call_off")) == 1


async def test_it_leaves_the_task_of_a_person(bench: Bench) -> None:
    by_hand = SubmitResult(outcome=Submission.MANUAL, reason="only a person can")
    task = ManualTask(task=3, department="support", due=datetime(2099, 1, 1, tzinfo=UTC), instructions="1. Do it.")
    order = await bench.order(reserve_funds=[GRANTED], submit=[by_hand], open_manual_task=[task], call_off=[GONE])
    await order.until(Stage.AWAITING_MANUAL_TASK)
    await order.call_off()
    assert (await order.ended()).stage is Stage.CANCELLED


async def test_while_it_is_looked_for_a_person_is_told_so(bench: Bench) -> None:
    looking = Held()
    order = await bench.order(waiting_steps(Stage.WAITING_FOR_FUNDS), call_off=[looking])
    await order.until(Stage.WAITING_FOR_FUNDS)
    await order.call_off()
    await looking.begun()
    details = await order.until(Stage.OUTCOME_UNKNOWN, "called off", "nothing of it is sent")
    assert "sent again" not in details
    looking.answer(GONE)
    assert (await order.ended()).stage is Stage.CANCELLED


async def test_told_again_and_again_it_asks_once(bench: Bench) -> None:
    order = await bench.order(waiting_steps(Stage.WAITING_FOR_FUNDS), call_off=[Held()])
    await order.until(Stage.WAITING_FOR_FUNDS)
    for _ in range(5):
        await order.call_off()
    await order.until(Stage.OUTCOME_UNKNOWN)
    assert (await order.events()).count("WORKFLOW_EXECUTION_SIGNALED") == 1
    await order.handle.terminate("seen")


@pytest.mark.proof
async def test_a_signal_sent_by_hand_without_input_or_with_any_does_as_well(bench: Bench) -> None:
    for arguments in ([], ["please"], [{"operation": 7, "note": ["x"]}]):
        order = await bench.order(waiting_steps(Stage.WAITING_FOR_FUNDS), call_off=[GONE])
        await order.until(Stage.WAITING_FOR_FUNDS)
        await order.handle.signal("called_off", args=arguments)
        assert (await order.ended()).stage is Stage.CANCELLED


async def test_one_that_did_not_hear_of_it_is_told_by_the_database(bench: Bench) -> None:
    order = await bench.order(reserve_funds=[CALLED_OFF], call_off=[GONE])
    assert (await order.ended()).stage is Stage.CANCELLED
    assert not order.asked("submit")


async def test_what_turns_out_to_be_bought_is_settled_and_confirmed(bench: Bench) -> None:
    found = SubmitResult(outcome=Submission.UNKNOWN, failure=FailureClass.EXISTS, reason="item 17 is paid already")
    order = await bench.order(waiting_steps(Stage.NEEDS_ATTENTION), call_off=[found], settle=[accepted()])
    await order.until(Stage.NEEDS_ATTENTION)
    await order.call_off()
    await order.until(Stage.AWAITING_CONFIRMATION, f"item {ITEM}")
    await order.event(seen())
    assert (await order.ended()).stage is Stage.COMPLETED


async def test_what_can_not_be_told_waits_for_a_person_and_is_looked_for_again_by_retry(bench: Bench) -> None:
    unclear = SubmitResult(outcome=Submission.ATTENTION, reason="it can't be proven that nothing is left")
    order = await bench.order(waiting_steps(Stage.WAITING_FOR_FUNDS), call_off=[unclear, GONE])
    await order.until(Stage.WAITING_FOR_FUNDS)
    await order.call_off()
    await order.until(Stage.NEEDS_ATTENTION, "it can't be proven")
    order.tell(reserve_funds=[CALLED_OFF])
    await order.decide(DecisionKind.RETRY)
    assert (await order.ended()).stage is Stage.CANCELLED


async def test_a_cancellation_that_has_to_look_first_is_answered_at_once(bench: Bench) -> None:
    order = await bench.order(waiting_steps(Stage.NEEDS_ATTENTION), call_off=[GONE])
    await order.until(Stage.NEEDS_ATTENTION, WRONG)
    order.tell(record_decision=[DecisionOutcome(called_off=True)])
    result = await order.decide(DecisionKind.CANCEL)
    assert "ends once" in result.message
    assert (await order.ended()).stage is Stage.CANCELLED


async def test_a_request_on_its_way_is_not_disturbed(bench: Bench) -> None:
    """The database lets nothing more be sent; what is under way is waited for. If it is bought by then, it goes on."""
    sending = Held()
    bought = SubmitResult(outcome=Submission.ACCEPTED_UNNUMBERED, reason="it is bought already")
    order = await bench.order(reserve_funds=[GRANTED], submit=[sending], call_off=[bought], settle=[accepted()])
    await sending.begun()
    await order.call_off()
    sending.answer(accepted())
    await order.until(Stage.AWAITING_CONFIRMATION)
    assert not sending.stopped
    await order.event(seen())
    assert (await order.ended()).stage is Stage.COMPLETED


async def test_it_hears_of_it_when_its_worker_is_back(temporal_server: TemporalServer) -> None:
    client = await temporal_server.connect(temporal_server.next_namespace())
    async with open_bench(client) as bench:
        order = await bench.order(waiting_steps(Stage.WAITING_FOR_FUNDS), call_off=[GONE])
        await order.until(Stage.WAITING_FOR_FUNDS)
    await order.call_off()
    async with bench.working():
        assert (await order.ended()).stage is Stage.CANCELLED


async def test_an_order_that_the_database_wants_is_not_shown_as_called_off(bench: Bench) -> None:
    """Whoever may write to Temporal can send the signal; nothing but the database calls an order off."""
    wanted = SubmitResult(outcome=Submission.NOT_DONE, reason="it is wanted")
    [dry] = waiting_steps(Stage.WAITING_FOR_FUNDS)["reserve_funds"]
    order = await bench.order(reserve_funds=[dry, dry], call_off=[wanted])
    before = await order.until(Stage.WAITING_FOR_FUNDS)
    await order.call_off()
    await assert_eventually(lambda: len(order.asked("reserve_funds")) == 2, message="it begins anew")
    after = await order.until(Stage.WAITING_FOR_FUNDS)
    assert after.partition("\n")[2] == before.partition("\n")[2]
    await order.handle.terminate("seen")
