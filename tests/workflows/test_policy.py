"""An order keeps the policy it was started with, and refusals until a date are waited out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from models.enums import FailureClass, OperationKind, Stage
from models.messages import OrderPolicy, Submission, SubmitResult
from orders.services import naming
from tests.infrastructure.eventually import assert_eventually
from tests.workflows.bench import GRANTED, Bench, Held, accepted
from workflows.service_order import ServiceOrder


def not_before(when: datetime) -> SubmitResult:
    return SubmitResult(outcome=Submission.NOT_YET, failure=FailureClass.NOT_YET, reason="too early", not_before=when)


async def test_time_limits_are_those_of_the_orders_own_policy(bench: Bench) -> None:
    policy = OrderPolicy(
        read_timeout=timedelta(seconds=11),
        submit_timeout=timedelta(seconds=22),
        heartbeat_timeout=timedelta(seconds=3),
        confirmation_check_after=timedelta(minutes=33),
    )
    order = await bench.order(policy=policy, reserve_funds=[GRANTED], submit=[accepted()])
    await order.until(Stage.AWAITING_CONFIRMATION)
    history = await order.handle.fetch_history()
    found = {
        event.activity_task_scheduled_event_attributes.activity_type.name: (
            event.activity_task_scheduled_event_attributes.start_to_close_timeout.ToTimedelta(),
            event.activity_task_scheduled_event_attributes.heartbeat_timeout.ToTimedelta(),
        )
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    }
    heartbeat = timedelta(seconds=3)
    assert found == {"carry_out": (timedelta(seconds=11 + 22), heartbeat)}
    [timer] = [event for event in history.events if event.HasField("timer_started_event_attributes")]
    assert timer.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta() == timedelta(minutes=33)
    await order.handle.terminate("seen")


async def test_no_activity_of_an_order_has_a_last_attempt(bench: Bench) -> None:
    """An order never gives up automatically."""
    order = await bench.order(reserve_funds=[GRANTED], submit=[accepted()])
    await order.until(Stage.AWAITING_CONFIRMATION)
    for event in (await order.handle.fetch_history()).events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            scheduled = event.activity_task_scheduled_event_attributes
            assert scheduled.retry_policy.maximum_attempts == 0
            assert not scheduled.retry_policy.non_retryable_error_types
            assert b'"' in event.user_metadata.summary.data, "and each says in Temporal UI what it is for"
    await order.handle.terminate("seen")


async def test_an_order_written_before_there_was_a_policy_runs(bench: Bench) -> None:
    """As a client of the first version starts it: three numbers and a word, as plain JSON."""
    number = 900_001
    bench.script.tell("reserve_funds", number, [Held()])
    handle: WorkflowHandle[Any, Any] = await bench.client.start_workflow(
        "ServiceOrder",
        {"service": 1, "operation": number, "kind": "open"},
        id=naming.workflow_id(1, OperationKind.OPEN, number),
        task_queue=bench.settings.task_queue,
    )
    assert await handle.query(ServiceOrder.stage) is Stage.CHECKING_BALANCE
    await handle.terminate("seen")


async def test_an_order_refused_until_a_date_waits_for_it_and_says_so(bench: Bench) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    order = await bench.order(reserve_funds=[GRANTED], submit=[not_before(tomorrow)])
    when = f"- next try: {tomorrow:%Y-%m-%d %H:%M:%S} UTC"
    await order.until(Stage.RETRYING, "too early", "the upstream has refused the request", when)
    [timer] = [e for e in (await order.handle.fetch_history()).events if e.HasField("timer_started_event_attributes")]
    wait = timer.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
    assert timedelta(hours=23) < wait <= timedelta(days=1)
    assert b"not before this date" in timer.user_metadata.summary.data
    await order.handle.terminate("seen")


@pytest.mark.proof
async def test_a_date_that_has_passed_here_and_not_at_the_upstream_is_not_asked_about_without_a_pause(
    bench: Bench,
) -> None:
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    order = await bench.order(reserve_funds=[GRANTED] * 2, submit=[not_before(an_hour_ago), Held()])

    async def asked_again_or_waiting() -> bool:
        return len(order.asked("submit")) == 2 or "TIMER_STARTED" in await order.events()

    await assert_eventually(asked_again_or_waiting)
    asked = len(order.asked("submit"))
    await order.handle.terminate("seen")
    assert asked == 1
