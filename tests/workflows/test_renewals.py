"""The walk over terms that end: batch after batch, in histories that stay short."""

from datetime import date, timedelta

from temporalio.api.enums.v1 import EventType

from models.messages import RenewalBatch, RenewalPosition
from tests.workflows.bench import Bench
from workflows.renewals import BATCHES

DAY = date(2026, 3, 4)


async def test_what_is_held_back_is_asked_for_again_until_nothing_is(bench: Bench) -> None:
    positions = [RenewalPosition(done=100, day=DAY, service=1, held=40), RenewalPosition(done=9)]
    handle = await bench.renewals("renewals-held-back", *positions, RenewalPosition(done=5))
    assert await handle.result() == 114
    asked: list[RenewalBatch] = bench.script.asked["renew_batch", "renewals"][-3:]
    assert [(one.held_only, one.held, one.after_service) for one in asked] == [
        (False, 0, 0),
        (False, 40, 1),
        (True, 0, 0),
    ]


async def test_it_goes_on_where_the_batch_before_ended_and_begins_a_new_history_after_fifty(bench: Bench) -> None:
    positions = [RenewalPosition(done=100, day=DAY + timedelta(days=n), service=n) for n in range(BATCHES)]
    handle = await bench.renewals("renewals-of-a-night", *positions, RenewalPosition(done=7))
    assert await handle.result() == 7, "of the last run"

    asked: list[RenewalBatch] = bench.script.asked["renew_batch", "renewals"][-len(positions) - 1 :]
    assert (asked[0].after_day, asked[0].after_service) == (None, 0)
    assert [(one.after_day, one.after_service) for one in asked[1:]] == [(one.day, one.service) for one in positions]
    first = bench.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
    events = (await first.fetch_history()).events
    assert events[-1].event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW
    assert len(events) < 500
