"""What a person sees of an order: the details in Temporal UI and the search attribute, in every stage it waits in."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from catalogue.values import AccountName
from models.enums import FailureClass, OperationKind, Stage
from models.explanations import explain
from models.messages import (
    DecisionKind,
    Funds,
    FundsResult,
    ManualTask,
    OrderInput,
    OrderPolicy,
    Submission,
    SubmitResult,
)
from tests.infrastructure.eventually import assert_eventually
from tests.workflows.bench import GRANTED, PATIENCE, Bench, Held, ScriptedOrder, Step, accepted, attention
from workflows.order_messages import BY_THE_ACTIVITY
from workflows.search_attributes import (
    BY_HAND,
    FAILURE_CLASS,
    ORDER_STAGE,
    SERVICE_NUMBER,
    STAGE_SINCE,
    UPSTREAM_NAME,
    of_order,
)

DRY = "5.00 EUR needed, 1.00 EUR free on account main"
DOWN = "the upstream can't be reached: connection refused"
LOST = "the connection was cut after the request had gone"
WRONG = "ostempl: there is no such template"


def waiting_steps(stage: Stage) -> dict[str, Sequence[Step]]:
    """What brings an order into a stage and holds it there."""
    trouble = SubmitResult(outcome=Submission.TROUBLE, failure=FailureClass.NOT_SENT, reason=DOWN)
    match stage:
        case Stage.CHECKING_BALANCE:
            return {"reserve_funds": [Held()]}
        case Stage.WAITING_FOR_FUNDS:
            return {"reserve_funds": [FundsResult(outcome=Funds.WAITING, reason=DRY)]}
        case Stage.RETRYING:
            return {"reserve_funds": [GRANTED], "submit": [trouble, Held()]}
        case Stage.OUTCOME_UNKNOWN:
            lost = SubmitResult(outcome=Submission.UNKNOWN, reason=LOST)
            return {"reserve_funds": [GRANTED], "submit": [lost], "settle": [Held()]}
        case Stage.AWAITING_CONFIRMATION:
            return {"reserve_funds": [GRANTED], "submit": [accepted("17")]}
        case Stage.NEEDS_ATTENTION:
            return {"reserve_funds": [GRANTED], "submit": [attention(WRONG)]}
        case _:
            raise AssertionError(f"nothing waits in {stage}")


WAITING = {
    Stage.CHECKING_BALANCE: "",
    Stage.WAITING_FOR_FUNDS: DRY,
    Stage.RETRYING: DOWN,
    Stage.OUTCOME_UNKNOWN: LOST,
    Stage.AWAITING_CONFIRMATION: "item 17",
    Stage.NEEDS_ATTENTION: WRONG,
}
"""Every stage that a running order can wait in, and what is particular this time."""


async def shown(order: ScriptedOrder) -> str | None:
    """The stage by which orders can be searched for."""
    return (await order.handle.describe()).typed_search_attributes.get(ORDER_STAGE)


async def until_shown(order: ScriptedOrder, stage: Stage) -> None:
    async def is_so() -> bool:
        return await shown(order) == stage.value

    await assert_eventually(is_so, timeout=PATIENCE, message=f"{ORDER_STAGE.name} is {stage.value}")


@pytest.mark.parametrize("stage", WAITING)
async def test_a_waiting_order_says_what_for_since_when_what_is_next_and_what_a_person_may_do(
    bench: Bench, stage: Stage
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    order = await bench.order(waiting_steps(stage))
    details = await order.until(stage, WAITING[stage])

    heading, _, explained = details.partition("\n\n")
    name, _, since = heading.partition(" since ")
    assert name == f"**{stage.value}**"
    began = datetime.strptime(since, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    assert before <= began <= datetime.now(UTC)
    retrying = stage is Stage.RETRYING
    told = explain(stage, failure=FailureClass.NOT_SENT if retrying else None)
    particular = f" (`{WAITING[stage]}`)" if WAITING[stage] else ""
    assert explained.splitlines() == [
        f"- waits for: {told.waits_for}{particular}",
        f"- next: {told.next_step}",
        f"- a person may: {told.person_may}",
        *([f"- next try: {BY_THE_ACTIVITY}"] if retrying or stage is Stage.OUTCOME_UNKNOWN else []),
    ]
    await until_shown(order, stage)
    await order.handle.terminate("seen")


def test_every_stage_of_a_running_order_is_among_them() -> None:
    by_hand = {Stage.AWAITING_MANUAL_TASK}  # no operation has one yet
    before_it_runs = {Stage.ACCEPTED, Stage.QUEUED}
    too_short = {Stage.SUBMITTING}  # a part of checking_balance, unless money was waited for: see below
    assert set(WAITING) == {stage for stage in Stage if not stage.is_final} - before_it_runs - by_hand - too_short


async def test_after_it_has_waited_for_money_the_request_is_shown_by_itself(bench: Bench) -> None:
    order = await bench.order(waiting_steps(Stage.WAITING_FOR_FUNDS), submit=[Held()])
    await order.until(Stage.WAITING_FOR_FUNDS)
    await order.grant()
    await order.until(Stage.SUBMITTING)
    await order.handle.terminate("seen")


async def test_an_order_can_be_searched_for_by_service_and_upstream(bench: Bench) -> None:
    order = await bench.order(waiting_steps(Stage.CHECKING_BALANCE))
    found = (await order.handle.describe()).typed_search_attributes
    assert found[SERVICE_NUMBER] == order.input.service
    assert found[UPSTREAM_NAME] == "main"
    await order.handle.terminate("seen")


async def found_by(bench: Bench, query: str) -> set[str]:
    return {one.id async for one in bench.client.list_workflows(f"{query} AND ExecutionStatus = 'Running'")}


async def test_stuck_orders_are_found_by_the_class_of_their_failure_and_by_how_long_they_are_stuck(
    bench: Bench,
) -> None:
    rejected = attention(WRONG).model_copy(update={"failure": FailureClass.REJECTED})
    decide = await bench.order(reserve_funds=[GRANTED], submit=[rejected, accepted("18")])
    money = await bench.order(waiting_steps(Stage.WAITING_FOR_FUNDS), submit=[Held()])
    well = await bench.order(waiting_steps(Stage.AWAITING_CONFIRMATION))
    ids = [decide.handle.id, money.handle.id, well.handle.id]
    await until_shown(decide, Stage.NEEDS_ATTENTION)
    await until_shown(money, Stage.WAITING_FOR_FUNDS)
    await until_shown(well, Stage.AWAITING_CONFIRMATION)
    assert await found_by(bench, "FailureClass = 'rejected'") & set(ids) == {decide.handle.id}
    assert await found_by(bench, "FailureClass = 'funds'") & set(ids) == {money.handle.id}
    assert await found_by(bench, "FailureClass IS NULL") & set(ids) == {well.handle.id}

    [entered] = [
        event.event_time.ToDatetime(UTC)
        for event in (await money.handle.fetch_history()).events
        if event.HasField("upsert_workflow_search_attributes_event_attributes")
    ]
    since = (await money.handle.describe()).typed_search_attributes[STAGE_SINCE]
    assert abs(since - entered) < timedelta(minutes=1)
    for moment, is_found in ((since + timedelta(seconds=1), True), (since - timedelta(seconds=1), False)):
        found = await found_by(bench, f"OrderStage = 'waiting_for_funds' AND StageSince < '{moment.isoformat()}'")
        assert (money.handle.id in found) is is_found

    before = (await decide.handle.describe()).typed_search_attributes[STAGE_SINCE]
    await decide.decide(DecisionKind.RETRY)
    await until_shown(decide, Stage.AWAITING_CONFIRMATION)
    after = (await decide.handle.describe()).typed_search_attributes
    assert after.get(FAILURE_CLASS) is None, "the failure is over"
    assert after[STAGE_SINCE] > before
    for order in (decide, money, well):
        await order.handle.terminate("seen")


def test_an_order_that_no_upstream_carries_out_has_a_name_there_that_no_account_can_have() -> None:
    order = OrderInput(service=7, operation=7, kind=OperationKind.OPEN, upstream="", policy=OrderPolicy())
    assert of_order(order, datetime.now(UTC))[UPSTREAM_NAME] == BY_HAND
    with pytest.raises(ValidationError):
        TypeAdapter(AccountName).validate_python(BY_HAND)


@pytest.mark.parametrize(
    "stage",
    [
        Stage.WAITING_FOR_FUNDS,
        pytest.param(Stage.NEEDS_ATTENTION, marks=pytest.mark.proof),
        pytest.param(Stage.AWAITING_CONFIRMATION, marks=pytest.mark.proof),
    ],
)
async def test_a_waiting_order_adds_no_events_and_has_nothing_running(bench: Bench, stage: Stage) -> None:
    """So it can wait for a year: only a message, or the timer it says it has, can add an event."""
    order = await bench.order(waiting_steps(stage))
    await order.until(stage)
    events = await order.events()
    for _ in range(20):
        await order.details()
    assert await order.events() == events
    description = await order.handle.describe()
    assert not description.raw_description.pending_activities
    assert not description.raw_description.HasField("pending_workflow_task")
    timers = events.count("TIMER_STARTED")
    assert timers == (1 if stage is Stage.AWAITING_CONFIRMATION else 0)
    await order.handle.terminate("seen")


async def test_an_order_that_waits_for_its_confirmation_is_left_alone_for_ninety_minutes(bench: Bench) -> None:
    order = await bench.order(waiting_steps(Stage.AWAITING_CONFIRMATION))
    await order.until(Stage.AWAITING_CONFIRMATION)
    history = await order.handle.fetch_history()
    [timer] = [event for event in history.events if event.HasField("timer_started_event_attributes")]
    assert timer.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta() == timedelta(minutes=90)
    assert b"ask the upstream" in timer.user_metadata.summary.data
    await order.handle.terminate("seen")


async def test_the_command_of_a_task_is_shown_letter_by_letter_below_the_facts(bench: Bench) -> None:
    """Temporal UI makes a dash of two hyphens, and curly quotes of straight ones: what is copied must work."""
    command = """temporal workflow signal --name manual_change_completed --input '{"note": "done"}'"""
    words = f"Why by hand: the panel says ```not by machine```.\n{command}"
    task = ManualTask(task=3, department="support", due=datetime(2099, 1, 1, tzinfo=UTC), instructions=words)
    manual = SubmitResult(outcome=Submission.MANUAL, reason="by hand")
    order = await bench.order(reserve_funds=[GRANTED], submit=[manual], open_manual_task=[task])
    await order.until(Stage.AWAITING_MANUAL_TASK)
    await order.handle.signal("funds_granted")  # is not heard, and says so
    details = await order.until(Stage.AWAITING_MANUAL_TASK, "signal funds_granted was dropped")
    facts, _, block = details.partition("\n\n````text\n")
    assert block == f"{words}\n````"
    assert "- waits for: a person to carry out the task (`task 3 of support, due 2099-01-01" in facts
    assert "- a person may: " in facts
    assert "was dropped" in facts
    await order.handle.terminate("seen")


async def test_what_others_wrote_is_shown_letter_by_letter(bench: Bench) -> None:
    said = "see [here](http://evil.example) ![x](http://evil.example/x.png) `now`\n\n# big \x1b[31m\u202e"
    order = await bench.order(reserve_funds=[GRANTED], submit=[attention(said)])
    details = await order.until(Stage.NEEDS_ATTENTION)
    shown_as = "(`see [here](http://evil.example) ![x](http://evil.example/x.png) 'now' # big ·[31m·`)"
    assert f"- waits for: a person's decision {shown_as}\n- next: " in details

    await order.handle.signal("funds_granted")
    details = await order.until(Stage.NEEDS_ATTENTION, "was dropped")
    [told] = [line for line in details.splitlines() if "was dropped" in line]
    assert (told[0], told[-1]) == ("`", "`")
