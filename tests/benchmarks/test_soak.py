"""Fifteen seconds of the soak, with a new seed each time. A longer one: `python -m benchmarks.soak`."""

import os
import sys
from pathlib import Path

import pytest

from benchmarks.soak.api import Violation
from benchmarks.soak.audit import audit
from benchmarks.soak.options import Options
from benchmarks.soak.report import Sample
from benchmarks.soak.running import finish, running
from benchmarks.soak.samples import growth

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="processes are frozen and forked")


@LINUX
@pytest.mark.timeout(300)  # a busy machine is no failure
async def test_whatever_breaks_the_books_agree_and_nothing_is_lost(tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(3), "big")
    options = Options(seed=seed, minutes=0.25, rate=3, patience=180, directory=tmp_path)
    async with running(options) as run:
        await run.trouble()
        report = await finish(run)
        repeat = f"python -m benchmarks.soak --seed {seed} --minutes {options.minutes} --rate {options.rate:g}"
        found = [f"{one.what}\n" + "\n".join(one.timeline) for one in report.violations]
        assert not report.violations, "\n\n".join([repeat, *found])

        # It was a soak, and its audit would have noticed.
        assert report.operations > 5
        assert len(report.disturbances) >= len(run.installation.parts)
        assert report.faults
        assert report.charged["main"] != "0"
        books = await run.audited()
        books.charges.append(books.charges[0])
        assert any("charged" in violation.what for violation in audit(books, run.ledger))


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


def test_a_permanent_workflow_that_never_begins_anew_is_noticed() -> None:
    assert len(growth([sample(1, 100, events=5000)])) == 1
