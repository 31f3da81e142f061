"""Recorded histories: what keeps a new version of a workflow able to go on with orders that are under way.

Problem: Temporal brings a workflow back by running its code again over its history. Code that gives other commands, or
the same in another order, than the history holds stops every order under way with a non-determinism error.

Mechanism: each scenario of `tests.histories.scenarios` was run once, on a real server and in the production workers,
with activities that answer as the scenario says. Its history is kept here as NAME.json, its commands in
fingerprints.json. `test_replay` runs today's workflows over every history; `test_fingerprints` runs every scenario
again and compares the commands, so that a change is seen line by line.

To record: `python -m tests.histories.record [NAME …]`, after adding a scenario or on purpose changing a workflow. A
history whose commands have changed is not thrown away: it stays as NAME.until-DATE.json and is still replayed, for
orders like it may be under way; guard the change with `workflow.patched`. With `--forget` it is thrown away: right as
long as no order can be under way with the old commands, that is before a release.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from process_exit import leave
from stack.embedded import temporal_program
from tests.histories.commands import commands
from tests.histories.scenarios import SCENARIOS
from tests.workflows.bench import open_bench
from workflows.search_attributes import ALL

HERE = Path(__file__).parent
FINGERPRINTS = HERE / "fingerprints.json"


def history_file(name: str) -> Path:
    return HERE / f"{name}.json"


def read_history(file: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(file.stem, file.read_text(encoding="utf-8"))


def read_fingerprints() -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(FINGERPRINTS.read_text(encoding="utf-8")) if FINGERPRINTS.exists() else {}
    return found


def written(history: WorkflowHistory) -> str:
    """As JSON, without what tells of the machine it was recorded on."""
    return json.dumps(_anonymous(history.to_json_dict()), indent=1, ensure_ascii=False) + "\n"


def _anonymous(node: Any) -> Any:
    match node:
        case dict():
            return {name: _anonymous(value) for name, value in node.items() if name != "stackTrace"}
        case list():
            return [_anonymous(value) for value in node]
        case _:
            return node


def keep(name: str, history: WorkflowHistory, *, forget: bool) -> str:
    """Write a history and its fingerprint; what has become of the one before is the answer."""
    file, fingerprints = history_file(name), read_fingerprints()
    now = commands(history.events)
    became = "recorded"
    if file.exists():
        before = commands(read_history(file).events)
        if before == now:
            became = "recorded anew, the commands are the same"
        elif forget:
            became = "recorded anew, the commands have changed"
        else:
            old = file.with_suffix(f".until-{datetime.now(UTC):%Y-%m-%d-%H%M}.json")
            file.rename(old)
            became = f"recorded anew, the commands have changed; the one before is kept as {old.name}"
    file.write_text(written(history), encoding="utf-8")
    fingerprints[name] = now
    ordered = {scenario: fingerprints[scenario] for scenario in SCENARIOS if scenario in fingerprints}
    FINGERPRINTS.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
    return became


async def record(names: Sequence[str], *, forget: bool) -> None:
    async with (
        await WorkflowEnvironment.start_local(
            dev_server_existing_path=temporal_program(),
            data_converter=pydantic_data_converter,
            identity="recorder",
            search_attributes=ALL,
        ) as server,
        open_bench(server.client) as bench,
    ):
        for name in names:
            handle = await SCENARIOS[name](bench)
            print(f"{name}: {keep(name, await handle.fetch_history(), forget=forget)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.histories.record", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", choices=[[], *SCENARIOS], metavar="NAME", help="default: every scenario")
    parser.add_argument("--forget", action="store_true", help="no order can be under way with the old commands")
    chosen = parser.parse_args()
    asyncio.run(record(chosen.names or list(SCENARIOS), forget=chosen.forget))
    leave(0)


if __name__ == "__main__":
    main()
