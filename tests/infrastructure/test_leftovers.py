"""A test that leaves a program running is told so, and the program is ended."""

import re

from tests.infrastructure.nested import RunPytest
from tests.infrastructure.processes import is_running

TEST = """
    import asyncio
    import pytest
    import pytest_asyncio
    from tests.infrastructure.processes import Program

    known = []

    def start():
        known.append(Program(["sleep", "60"]))
        print("started", known[-1].pid)

    @pytest.fixture(scope="session", autouse=True)
    def lasting():
        start()
        yield
        assert known[0].running
        known[0].close()

    @pytest.fixture
    def forgetful():
        start()

    @pytest_asyncio.fixture(scope="session")
    async def starting_later():
        asked = asyncio.Event()

        async def start_one():
            await asked.wait()
            start()

        task = asyncio.create_task(start_one())
        yield asked, task
        assert known[1].running
        known[1].close()

    async def test_has_a_fixture_that_starts_one_later(starting_later):
        asked, task = starting_later
        asked.set()
        await task
        assert known[1].running

    def test_leaves_one():
        start()

    def test_fails_and_leaves_one():
        start()
        assert False

    def test_has_a_fixture_that_leaves_one(forgetful):
        pass

    def test_leaves_none():
        start()
        known[-1].close()
"""


def test_it_is_told_and_ended(run_pytest: RunPytest) -> None:
    run = run_pytest(TEST, "-rA", "-p", "tests.infrastructure.leftovers")
    assert run.returncode == 1, run.output
    told = re.findall(r"ERROR at teardown of test_(\w+) _+\nleft running: sleep \(process \d+\)\n", run.output)
    assert told == ["leaves_one", "fails_and_leaves_one", "has_a_fixture_that_leaves_one"], run.output
    pids = {int(line.split()[1]) for line in run.lines if line.startswith("started ")}
    assert len(pids) == 6
    assert not any(is_running(pid) for pid in pids)
