"""Fifteen seconds of the soak. New seeds and longer ones: `python -m benchmarks.soak`."""

import os
import sys
from pathlib import Path

import pytest

from benchmarks.soak.audit import audit
from benchmarks.soak.options import Options
from benchmarks.soak.running import finish, running

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="processes are frozen and forked")


@LINUX
@pytest.mark.timeout(400)  # a busy machine is no failure
@pytest.mark.proof
async def test_whatever_breaks_the_books_agree_and_nothing_is_lost(tmp_path: Path) -> None:
    seed = int(os.environ.get("RESELL_TEST_SOAK_SEED", "7"))
    options = Options(seed=seed, minutes=0.25, rate=2, patience=240, directory=tmp_path)
    async with running(options) as run:
        await run.trouble()
        await run.customers.order("VDS-1")  # however little a busy machine has done until then
        report = await finish(run)
        repeat = f"python -m benchmarks.soak --seed {seed} --minutes {options.minutes} --rate {options.rate:g}"
        found = [f"{one.what}\n" + "\n".join(one.timeline) for one in report.violations]
        assert not found, "\n\n".join([repeat, *found])

        # It was a soak, and its audit would have noticed.
        assert sum(report.disturbances.values()) >= len(run.installation.parts)
        assert report.faults
        assert report.charged["main"] != "0"
        books = await run.audited()
        books.charges.append(books.charges[0])
        assert any("charged" in violation.what for violation in audit(books, run.ledger))
