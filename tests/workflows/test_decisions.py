"""A person decides: where that is possible, who wins, and that nobody is left without an answer."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from models.enums import FailureClass, Stage, UpstreamStatus
from models.messages import (
    OTHER_STAGE,
    Decision,
    DecisionKind,
    DecisionOutcome,
    DecisionResult,
    Look,
    ManualTask,
    OrderPolicy,
    Submission,
    SubmitResult,
    TaskCompletion,
)
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from tests.workflows.bench import (
    GRANTED,
    WHY,
    Bench,
    Held,
    ScriptedOrder,
    accepted,
    attention,
    open_bench,
    seen,
)
from tests.workflows.test_stages import WAITING, until_shown, waiting_steps
from workflows.service_order import ServiceOrder

EACH_KIND = list(DecisionKind)
CANCEL_ONLY = {Stage.WAITING_FOR_FUNDS, Stage.RETRYING}
NEITHER = set(WAITING) - CANCEL_ONLY - {Stage.NEEDS_ATTENTION}


async def refusal(order: ScriptedOrder, kind: DecisionKind, decision: Decision = WHY) -> ApplicationError:
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await order.decide(kind, decision)
    assert isinstance(failed.value.cause, ApplicationError)
    return failed.value.cause


async def needing_attention(bench: Bench) -> ScriptedOrder:
    order = await bench.order(waiting_steps(Stage.NEEDS_ATTENTION))
    await order.until(Stage.NEEDS_ATTENTION)
    return order


@pytest.mark.parametrize("stage", sorted(NEITHER))
async def test_while_a_machine_can_go_on_a_decision_is_refused_and_leaves_no_trace(bench: Bench, stage: Stage) -> None:
    order = await bench.order(waiting_steps(stage))
    await order.until(stage)
    events = await order.events()
    by_hand = {DecisionKind.MARK_DONE, DecisionKind.LOOK_NOW, DecisionKind.CANCEL}
    by_hand = by_hand if stage is Stage.AWAITING_CONFIRMATION else set()
    for kind in set(EACH_KIND) - by_hand:
        refused = await refusal(order, kind)
        assert refused.type == OTHER_STAGE
        now = f"operation {order.number} is in stage {stage.value}"
        assert refused.message.startswith(f"{now}; {kind.value} is possible in: ")
    assert [event for event in await order.events() if "UPDATE" in event] == []
    assert len(events) <= len(await order.events())
    assert not order.asked("record_decision")
    await order.handle.terminate("seen")


@pytest.mark.parametrize("stage", sorted(CANCEL_ONLY))
async def test_while_it_waits_for_others_an_order_may_only_be_cancelled(bench: Bench, stage: Stage) -> None:
    order = await bench.order(waiting_steps(stage))
    await order.until(stage)
    for kind in set(DecisionKind) - {DecisionKind.CANCEL, DecisionKind.REJECT_TASK}:
        assert (await refusal(order, kind)).message.endswith("needs_attention")
    await order.handle.terminate("seen")


@pytest.mark.parametrize("kind", [kind for kind in EACH_KIND if kind is not DecisionKind.REJECT_TASK])
async def test_a_decision_is_written_down_with_who_and_why_before_it_is_acted_upon(
    bench: Bench, kind: DecisionKind
) -> None:
    order = await needing_attention(bench)
    order.tell(reserve_funds=[Held()])
    decision = Decision(actor="boris", reason="saw the invoice", parameters={"template": "debian-12"})
    result = await order.decide(kind, decision, id="decision-1")
    [record] = order.asked("record_decision")
    assert (record.operation, record.kind, record.decision) == (order.number, kind, decision)
    assert record.decision_id == "decision-1"
    expected = {DecisionKind.CANCEL: Stage.CANCELLED, DecisionKind.MARK_DONE: Stage.COMPLETED}
    assert result.stage is expected.get(kind, Stage.CHECKING_BALANCE)
    assert await order.stage() is result.stage
    if result.stage.is_final:
        assert (await order.ended()).stage is result.stage
        await until_shown(order, result.stage)
    else:
        await order.handle.terminate("seen")


async def test_marked_done_or_cancelled_sends_nothing_more(bench: Bench) -> None:
    for kind in (DecisionKind.MARK_DONE, DecisionKind.CANCEL):
        order = await needing_attention(bench)
        await order.decide(kind)
        await order.ended()
        assert len(order.asked("submit")) == 1
        assert not order.asked("complete_operation"), "the decision has closed the operation already"


async def test_of_two_decisions_at_once_one_wins_and_the_other_is_refused_politely(bench: Bench) -> None:
    order = await needing_attention(bench)
    order.tell(reserve_funds=[Held()])
    answers = await asyncio.gather(
        order.decide(DecisionKind.RETRY), order.decide(DecisionKind.RETRY), return_exceptions=True
    )
    [won] = [answer for answer in answers if isinstance(answer, DecisionResult)]
    [lost] = [answer for answer in answers if isinstance(answer, WorkflowUpdateFailedError)]
    assert won.stage is Stage.CHECKING_BALANCE
    assert isinstance(lost.cause, ApplicationError)
    assert lost.cause.message == (
        f"operation {order.number} is in stage checking_balance; retry is possible in: needs_attention"
    )
    assert len(order.asked("record_decision")) == 1, "only the one that won is written down"
    await order.handle.terminate("seen")


async def test_a_retry_and_a_cancel_at_once_do_not_both_happen(bench: Bench) -> None:
    order = await needing_attention(bench)
    order.tell(reserve_funds=[Held()])
    answers = await asyncio.gather(
        order.decide(DecisionKind.RETRY), order.decide(DecisionKind.CANCEL), return_exceptions=True
    )
    [won] = [answer for answer in answers if isinstance(answer, DecisionResult)]
    assert won.stage in (Stage.CHECKING_BALANCE, Stage.CANCELLED)
    [lost] = [answer for answer in answers if isinstance(answer, Exception)]
    refused = isinstance(lost, WorkflowUpdateFailedError)
    assert refused or (isinstance(lost, RPCError) and lost.status is RPCStatusCode.NOT_FOUND), lost
    assert len(order.asked("record_decision")) == 1
    if not won.stage.is_final:
        await order.handle.terminate("seen")


async def test_a_decision_refused_by_the_database_leaves_the_order_as_it_was(bench: Bench) -> None:
    order = await needing_attention(bench)
    details = await order.details()
    order.tell(
        record_decision=[
            DecisionOutcome(refused="a paid service may be there"),
            DecisionOutcome(refused="unknown template", refusal_type="InvalidField", field="parameters.template"),
        ]
    )
    cancelled = await refusal(order, DecisionKind.CANCEL)
    assert (cancelled.type, cancelled.message) == ("Refused", "a paid service may be there")
    corrected = await refusal(order, DecisionKind.CORRECT_AND_RETRY)
    assert (corrected.type, corrected.message) == ("InvalidField", "unknown template")
    assert corrected.details == ("parameters.template",)
    assert await order.stage() is Stage.NEEDS_ATTENTION
    assert await order.details() == details

    order.tell(reserve_funds=[GRANTED], submit=[accepted()])
    await order.decide(DecisionKind.RETRY)
    await order.until(Stage.AWAITING_CONFIRMATION)
    await order.event(seen())
    assert (await order.ended()).stage is Stage.COMPLETED


async def test_the_same_decision_sent_twice_is_one_decision(bench: Bench) -> None:
    """A client that lost the answer asks again under the same id."""
    order = await needing_attention(bench)
    order.tell(reserve_funds=[Held()])
    first = await order.decide(DecisionKind.RETRY, id="once")
    second = await order.decide(DecisionKind.RETRY, id="once")
    assert first == second
    assert len(order.asked("record_decision")) == 1
    await order.handle.terminate("seen")


async def test_an_order_that_needs_attention_again_says_the_new_reason(bench: Bench) -> None:
    order = await needing_attention(bench)
    order.tell(reserve_funds=[GRANTED], submit=[attention("recipe: there is no such recipe")])
    await order.decide(DecisionKind.RETRY)
    details = await order.until(Stage.NEEDS_ATTENTION, "there is no such recipe")
    assert "ostempl" not in details
    reports = order.asked("report_stage")
    assert [report.reason for report in reports] == [
        "ostempl: there is no such template",
        "recipe: there is no such recipe",
    ]
    await order.handle.terminate("seen")


async def test_a_decision_made_before_the_trouble_is_written_down_is_acted_upon(bench: Bench) -> None:
    """The database is slow; the person is quick."""
    slow = Held()
    order = await bench.order(reserve_funds=[GRANTED], submit=[attention()], report_stage=[slow])
    await slow.begun()
    deciding = asyncio.create_task(order.decide(DecisionKind.CANCEL))
    slow.answer(DecisionOutcome())
    assert (await deciding).stage is Stage.CANCELLED
    assert (await order.ended()).stage is Stage.CANCELLED


async def test_a_cancelled_retry_stops_the_attempt_under_way(bench: Bench) -> None:
    """An attempt that lasts is told to stop by its heartbeat, and the order does not end before it has."""
    down = SubmitResult(outcome=Submission.TROUBLE, failure=FailureClass.NOT_SENT, reason="down")
    again = Held()
    quick = OrderPolicy(heartbeat_timeout=timedelta(seconds=1))
    order = await bench.order(policy=quick, reserve_funds=[GRANTED], submit=[down, again])
    await order.until(Stage.RETRYING)
    await again.begun()
    result = await order.decide(DecisionKind.CANCEL)
    assert result.stage is Stage.CANCELLED
    assert (await order.ended()).stage is Stage.CANCELLED
    assert again.stopped, "the order waited for the attempt to end"


async def test_a_cancel_that_meets_the_money_is_answered_and_the_order_ends(temporal_server: TemporalServer) -> None:
    """Both arrive while no worker runs, so the order hears of both at once: it goes on with the money, and the
    cancellation is written down meanwhile. The request is not sent then, and the person gets the answer."""
    client = await temporal_server.connect(temporal_server.next_namespace())
    async with open_bench(client) as bench:
        order = await bench.order(waiting_steps(Stage.WAITING_FOR_FUNDS))
        await order.until(Stage.WAITING_FOR_FUNDS)
    deciding = asyncio.create_task(order.decide(DecisionKind.CANCEL))
    await order.grant()
    order.tell(submit=[SubmitResult(outcome=Submission.ENDED, stage=Stage.CANCELLED)])
    async with bench.working():
        assert (await asyncio.wait_for(deciding, 15)).stage is Stage.CANCELLED
        assert (await order.ended()).stage is Stage.CANCELLED


async def test_a_task_that_the_poller_saw_done_meanwhile_is_reported_as_done(bench: Bench) -> None:
    """The upstream is asked for the person's word, and the poller's event comes first. Their work is not refused."""
    looking = Held()
    by_hand = SubmitResult(outcome=Submission.MANUAL, reason="only a person can")
    task = ManualTask(task=3, department="support", due=datetime(2099, 1, 1, tzinfo=UTC), instructions="1. Do it.")
    order = await bench.order(reserve_funds=[GRANTED], submit=[by_hand], open_manual_task=[task], look=[looking])
    await order.until(Stage.AWAITING_MANUAL_TASK)
    reporting = asyncio.create_task(
        order.handle.execute_update(ServiceOrder.complete_task, TaskCompletion(actor="anna", note="done"))
    )
    await looking.begun()
    await order.event(seen())
    await assert_eventually(lambda: bool(order.asked("complete_operation")))
    looking.answer(Look(status=UpstreamStatus.ACTIVE, goal_met=True, reason="the disk has 60 GB"))
    result = await reporting
    assert result.stage is Stage.COMPLETED
    assert "before you reported it" in result.message
    assert (await order.ended()).stage is Stage.COMPLETED
