"""`python -m tests.upgrade`: from the release before to this tree and back, with orders under way (docs/upgrade.md)."""

import argparse
import asyncio
import json
import math
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import httpx

from process_exit import leave
from program_version import in_words
from tests.upgrade.installation import Failed, opened, progress
from tests.upgrade.load import Pace
from tests.upgrade.story import Rehearsal
from tests.upgrade.trees import NoTree, Tree, release_before, this_tree, tree_of_before

ANSWER_SECONDS = 12.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade", description=__doc__)
    parser.add_argument("--before", metavar="COMMIT", help="the program of before (default: the release before)")
    parser.add_argument(
        "--clone", type=Path, metavar="FOLDER", help="keep its clone and environment there, and use them the next time"
    )
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument(
        "--rate", type=_above_0, default=5.0, metavar="ORDERS", help="orders a second during the upgrade (default: 5)"
    )
    parser.add_argument(
        "--seconds", type=_above_0, default=90.0, help="how long they are ordered at this rate at most (default: 90)"
    )
    parser.add_argument("--directory", type=Path, metavar="FOLDER", help="keep data and logs there")
    chosen = parser.parse_args()
    with ExitStack() as exits:
        directory = chosen.directory or Path(exits.enter_context(tempfile.TemporaryDirectory()))
        directory.mkdir(parents=True, exist_ok=True)
        before = chosen.before or release_before()
        try:
            progress(f"Installing {before}")
            old = tree_of_before(before, (chosen.clone or directory / "before").resolve())
        except NoTree as reason:
            print(f"upgrade: {reason}", file=sys.stderr)
            return 2
        progress(f"From {old.version()} to {in_words()}, on {chosen.database}, {chosen.rate:g} orders a second")
        pace = Pace(chosen.rate, chosen.seconds)
        return asyncio.run(rehearse(old, chosen.database, pace, directory.resolve()))


def _above_0(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}': a number above 0 is right")
    return value


async def rehearse(old: Tree, database: str, pace: Pace, directory: Path) -> int:
    async with (
        opened(directory, database) as installation,
        httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS) as http,
    ):
        rehearsal = Rehearsal(installation, old, this_tree(), http, pace)
        try:
            await rehearsal.run()
        except Failed as failure:
            rehearsal.violations.append(str(failure))
        report = {
            "from": old.version(),
            "to": in_words(),
            "database": database,
            "seconds": rehearsal.seconds,
            "roll": rehearsal.roll,
            "counts": rehearsal.counts,
            "answers": rehearsal.answers,
            "violations": rehearsal.violations,
        }
        print(json.dumps(report, indent=2))
        return 1 if rehearsal.violations else 0


if __name__ == "__main__":
    leave(main())
