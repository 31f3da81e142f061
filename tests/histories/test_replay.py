"""Today's workflows go on with every order whose history was recorded; see `tests.histories.record`."""

from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from temporal.following import Following
from temporal.sandbox import workflow_runner
from tests.histories.changed import ForgetsToShowItsStage, SendsBeforeAskingForMoney
from tests.histories.record import FINGERPRINTS, HERE, history_file, read_history
from tests.histories.scenarios import SCENARIOS
from worker import WORKFLOWS
from workflows.event_poller import EventPoller

HISTORIES = sorted(file for file in HERE.glob("*.json") if file != FINGERPRINTS)


def _replayer(*workflows: type) -> Replayer:
    return Replayer(
        workflows=workflows or WORKFLOWS,
        workflow_runner=workflow_runner(),
        data_converter=pydantic_data_converter,
        interceptors=[Following()],
    )


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: file.stem)
async def test_an_order_under_way_goes_on_with_the_workflow_of_today(file: Path) -> None:
    try:
        await _replayer().replay_workflow(read_history(file))
    except NondeterminismError as error:
        raise AssertionError(
            f"Orders under way like {file.name} would be stuck: the workflow no longer gives the commands of its "
            "history. Guard the change with workflow.patched; only if no order can be under way with the old commands, "
            f"record anew: python -m tests.histories.record --forget {file.stem}\n\n{error}"
        ) from None


def test_every_scenario_is_recorded() -> None:
    missing = [name for name in SCENARIOS if not history_file(name).exists()]
    assert not missing, f"python -m tests.histories.record {' '.join(missing)}"


def test_every_history_is_one_of_a_scenario() -> None:
    """Histories of scenarios renamed or gone are deleted by hand, when no order can be like them."""
    assert {file.name.split(".")[0] for file in HISTORIES} <= set(SCENARIOS)


def test_histories_tell_nothing_of_the_machine_they_were_recorded_on() -> None:
    for file in HISTORIES:
        text = file.read_text(encoding="utf-8")
        assert str(HERE.parents[1]) not in text, file
        assert "stackTrace" not in text, file
        assert '"identity": "recorder"' in text, file


@pytest.mark.parametrize("changed", [SendsBeforeAskingForMoney, ForgetsToShowItsStage])
async def test_a_workflow_whose_commands_are_changed_does_not_replay(changed: type) -> None:
    with pytest.raises(NondeterminismError):
        await _replayer(changed, EventPoller).replay_workflow(read_history(history_file("happy")))
