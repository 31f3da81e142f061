"""The commands of every scenario, run today, are those written down; see `tests.histories.record`."""

import asyncio
import difflib
from collections.abc import Sequence

import pytest
import pytest_asyncio

from tests.histories.commands import commands
from tests.histories.record import history_file, read_fingerprints, read_history
from tests.histories.scenarios import SCENARIOS, Scenario
from tests.workflows.bench import Bench

ADVICE = """\
The commands of the workflow in scenario {name} are not those of fingerprints.json:

{difference}

If the workflow was changed on purpose: orders under way have given the commands marked '-' already, so
  - guard the change with workflow.patched("…") until test_replay passes over every recorded history, and
  - write the new way down: python -m tests.histories.record {name}
    (before a release, when no order can be under way with the old commands: --forget)."""


def _compare(name: str, written: Sequence[str], found: Sequence[str]) -> None:
    if list(written) != list(found):
        lines = difflib.unified_diff(written, found, "written down", "today", lineterm="", n=2)
        pytest.fail(ADVICE.format(name=name, difference="\n".join(f"    {line}" for line in lines)), pytrace=False)


@pytest_asyncio.fixture(scope="module")
async def todays_commands(bench: Bench) -> dict[str, asyncio.Task[list[str]]]:
    """All scenarios at once: they take no notice of each other, and mostly wait."""

    async def play(run: Scenario) -> list[str]:
        handle = await run(bench)
        return commands((await handle.fetch_history()).events)

    return {name: asyncio.create_task(play(run)) for name, run in SCENARIOS.items()}


@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_scenario_gives_the_commands_written_down(
    todays_commands: dict[str, asyncio.Task[list[str]]], name: str
) -> None:
    _compare(name, read_fingerprints().get(name, []), await todays_commands[name])


@pytest.mark.parametrize("name", SCENARIOS)
def test_history_and_fingerprint_were_recorded_together(name: str) -> None:
    _compare(name, read_fingerprints().get(name, []), commands(read_history(history_file(name)).events))


def test_a_changed_order_is_shown_line_by_line_with_what_to_do() -> None:
    with pytest.raises(pytest.fail.Exception) as failure:
        _compare("happy", ["activity reserve_funds", "activity submit"], ["activity submit"])
    message = str(failure.value)
    assert "    -activity reserve_funds" in message
    assert "workflow.patched" in message
    assert "python -m tests.histories.record happy" in message


def test_fingerprints_are_of_scenarios_that_exist() -> None:
    assert list(read_fingerprints()) == list(SCENARIOS)
