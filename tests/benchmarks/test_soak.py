"""What the soak notices of memory and histories. The soak itself: `python -m benchmarks.soak`."""

from datetime import timedelta

from temporalio.client import Client

from benchmarks.soak.api import Violation
from benchmarks.soak.report import Sample
from benchmarks.soak.samples import growth, longest

EVERY = "OrderStage IS NOT NULL"


def sample(second: float, mib: float, events: int = 10) -> Sample:
    memory = {"worker": mib, "poller": 90.0, "api": 90.0}
    return Sample(second=second, memory_mib=memory, lives={}, permanent_history_events=events)


def words(violations: list[Violation]) -> list[str]:
    return [violation.what for violation in violations]


def test_memory_that_grows_from_the_middle_of_the_run_to_its_end_is_noticed() -> None:
    flat = [sample(second, 100) for second in range(12)]
    growing = [sample(second, 100 + 20 * max(0, second - 7)) for second in range(12)]

    assert growth(flat) == []
    assert words(growth(growing)) == ["worker grew from 100 MiB in the middle third to 180 MiB in the last"]


def test_a_process_that_was_away_whenever_it_was_looked_at_has_not_grown() -> None:
    away = [sample(second, 100) for second in range(12)]
    for one in away[4:8]:
        del one.memory_mib["poller"]

    assert growth(away) == []


def test_a_permanent_workflow_that_never_begins_anew_is_noticed() -> None:
    assert len(growth([sample(1, 100, events=5000)])) == 1


async def test_a_server_that_gives_no_list_in_time_costs_the_lengths_of_histories_and_not_the_audit(
    temporal_client: Client,
) -> None:
    assert await longest(temporal_client, EVERY) == 0
    assert await longest(temporal_client, EVERY, patience=timedelta(microseconds=1)) is None
