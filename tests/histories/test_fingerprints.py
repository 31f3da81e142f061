"""The commands of every scenario, run today, are those written down; see `tests.histories.record`."""

import asyncio
import difflib
import os
from collections.abc import Sequence

import pytest

from tests.histories.commands import commands
from tests.histories.record import history_file, read_fingerprints, read_history
from tests.histories.scenario_tools import Scenario
from tests.histories.scenarios import SCENARIOS
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


class Today:
    """The scenarios as they go today. They take no notice of each other and mostly wait, so all run at once; but not
    where several test processes share the tests, for each would run them all."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._running: dict[str, asyncio.Task[list[str]]] = {}

    async def commands(self, name: str) -> list[str]:
        together = [name] if "PYTEST_XDIST_WORKER" in os.environ else list(SCENARIOS)
        for one in together:
            if one not in self._running:
                self._running[one] = asyncio.create_task(self._play(SCENARIOS[one]))
        return await self._running[name]

    async def _play(self, run: Scenario) -> list[str]:
        handle = await run(self._bench)
        return commands((await handle.fetch_history()).events)


@pytest.fixture(scope="module")
def today(bench: Bench) -> Today:
    return Today(bench)


FEW = {"lost_answer_settled", "waiting_for_funds_then_granted", "attention_then_retry"} | {
    "event_poller_lap", "order_sweep_lap", "webhook_sender_lap",
}  # fmt: skip
"""What `make test` plays. Of the others, too, it replays what was recorded: see test_replay."""
PLAYED = [pytest.param(name, marks=[] if name in FEW else [pytest.mark.proof]) for name in SCENARIOS]


@pytest.mark.parametrize("name", PLAYED)
async def test_a_scenario_gives_the_commands_written_down(today: Today, name: str) -> None:
    _compare(name, read_fingerprints().get(name, []), await today.commands(name))


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
