"""Orders that the upstream or a person decides about: trouble on the road, decisions, calling off."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from models.enums import FailureClass, Stage, UpstreamStatus
from models.messages import (
    DecisionKind,
    DecisionOutcome,
    Funds,
    FundsResult,
    Look,
    Submission,
    SubmitResult,
)
from tests.histories.scenario_tools import DOWN, DRY, QUICK_LOOK, Scenario, confirmed, later, registering, soon
from tests.infrastructure.eventually import assert_eventually
from tests.workflows.bench import (
    GRANTED,
    ITEM,
    PATIENCE,
    WHY,
    Bench,
    Held,
    ScriptedOrder,
    accepted,
    attention,
    seen,
)

DELETED = Look(status=UpstreamStatus.DELETED, goal_met=False, failed=True, reason="item 17 is deleted")
SCENARIOS: dict[str, Scenario] = {}
scenario = registering(SCENARIOS)


@scenario
async def happy(bench: Bench) -> WorkflowHandle[Any, Any]:
    return await confirmed(await bench.order(reserve_funds=[GRANTED], submit=[accepted()]))


@scenario
async def waiting_for_funds_then_granted(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await bench.order(reserve_funds=[DRY], submit=[accepted()])
    await order.until(Stage.WAITING_FOR_FUNDS)
    await order.grant()
    return await confirmed(order)


@scenario
async def refused_for_funds_by_the_upstream(bench: Bench) -> WorkflowHandle[Any, Any]:
    refused = SubmitResult(outcome=Submission.FUNDS, failure=FailureClass.FUNDS, reason="not enough money")
    order = await bench.order(reserve_funds=[GRANTED, DRY], submit=[refused, accepted()])
    await order.until(Stage.WAITING_FOR_FUNDS)
    await order.grant()
    return await confirmed(order)


@scenario
async def upstream_down_then_back(bench: Bench) -> WorkflowHandle[Any, Any]:
    down_for_funds = FundsResult(outcome=Funds.TROUBLE, failure=FailureClass.NOT_SENT, reason=DOWN)
    down_for_orders = SubmitResult(outcome=Submission.TROUBLE, failure=FailureClass.NOT_SENT, reason=DOWN)
    order = await bench.order(
        reserve_funds=[down_for_funds, soon(), GRANTED], submit=[down_for_orders, soon(), accepted()]
    )
    return await confirmed(order)


@scenario
async def lost_answer_settled(bench: Bench) -> WorkflowHandle[Any, Any]:
    lost = SubmitResult(outcome=Submission.UNKNOWN, reason="the connection was cut after the request had gone")
    nothing_yet = ApplicationError("nothing with our mark", type="StillUnknown", next_retry_delay=timedelta(0))
    return await confirmed(await bench.order(reserve_funds=[GRANTED], submit=[lost], settle=[nothing_yet, accepted()]))


@scenario
async def accepted_without_number(bench: Bench) -> WorkflowHandle[Any, Any]:
    unnumbered = SubmitResult(outcome=Submission.ACCEPTED_UNNUMBERED, reason="accepted without a number")
    return await confirmed(await bench.order(reserve_funds=[GRANTED], submit=[unnumbered], settle=[accepted()]))


@scenario
async def lost_before_it_arrived_then_sent_again(bench: Bench) -> WorkflowHandle[Any, Any]:
    lost = SubmitResult(outcome=Submission.UNKNOWN, reason="the connection was cut")
    not_done = SubmitResult(outcome=Submission.NOT_DONE, reason="the complete list shows no item of this order")
    return await confirmed(
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
    return await confirmed(order)


@scenario
async def attention_then_correct_and_retry(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await _needing_attention(bench)
    order.tell(reserve_funds=[GRANTED], submit=[accepted()])
    await order.decide(DecisionKind.CORRECT_AND_RETRY, WHY.model_copy(update={"parameters": {"template": "debian-12"}}))
    return await confirmed(order)


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
    return await confirmed(order)


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
    return await confirmed(order)


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
    return await confirmed(order)


@scenario
async def cancelled_by_a_person_after_what_was_left_is_removed(bench: Bench) -> WorkflowHandle[Any, Any]:
    order = await _needing_attention(bench)
    order.tell(record_decision=[DecisionOutcome(called_off=True)], call_off=[GONE])
    await order.decide(DecisionKind.CANCEL)
    assert (await order.ended()).stage is Stage.CANCELLED
    return order.handle
