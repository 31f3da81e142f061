"""The long-running watchers: a lap leaves a handful of events, and the next one goes on where it ended."""

from datetime import UTC, datetime

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle

from models.messages import PollLap, SweepLap
from tests.workflows.bench import Bench, Held, event_names

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def details(handle: WorkflowHandle[object, object]) -> str:
    metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    found: str = metadata.current_details
    return found


async def first_run(bench: Bench, handle: WorkflowHandle[object, object]) -> list[str]:
    first = bench.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
    return event_names(await first.fetch_history())


@pytest.mark.proof
async def test_a_poller_goes_on_with_what_the_lap_before_had_counted(bench: Bench) -> None:
    second = Held()
    handle = await bench.poller("counting", PollLap(polls=2, events=0, last_poll_at=NOON), second, polls=40)
    await second.begun()
    assert [one.polls for one in bench.script.asked["poll_upstream", "counting"]] == [40, 42]
    shown = await details(handle)
    assert "Watching **counting**: 42 polls so far, the last of the previous run: 12:00:00 UTC." in shown
    await handle.terminate("seen")


async def test_a_lap_costs_less_than_a_dozen_events_however_many_polls_it_made(bench: Bench) -> None:
    second = Held()
    handle = await bench.poller("cheap", PollLap(polls=100_000, events=7, last_poll_at=NOON), second)
    await second.begun()
    events = await first_run(bench, handle)
    assert len(events) <= 11, events
    assert events[-1] == "WORKFLOW_EXECUTION_CONTINUED_AS_NEW"
    await handle.terminate("seen")


async def test_a_poller_whose_activity_fails_goes_on_with_the_next_attempt(bench: Bench) -> None:
    again = Held()
    handle = await bench.poller("failing", RuntimeError("a fault that nobody foresaw"), again)
    await again.begun()
    await handle.terminate("seen")


async def test_a_lap_without_a_poll_does_not_forget_when_the_last_one_was(bench: Bench) -> None:
    """The upstream was down for the whole lap: people want to know since when."""
    second = Held()
    handle = await bench.poller("down", PollLap(polls=0, events=0), second, polls=1, last_poll_at=NOON)
    await second.begun()
    assert "the last of the previous run: 12:00:00 UTC" in await details(handle)
    await handle.terminate("seen")


async def test_the_sweep_goes_on_for_ever(bench: Bench) -> None:
    second = Held()
    handle = await bench.sweep(SweepLap(started=2, pollers=1), second)
    await second.begun()
    assert "Starts accepted orders" in await details(handle)
    assert len(await first_run(bench, handle)) <= 11
    await handle.terminate("seen")
