"""Fails a test that leaves a program of its own running, and ends the program.

Problem: a program that nobody ends takes the processor, a port or a database from all the tests that come after.

Mechanism: what a test and its own fixtures have started must have ended when they are all torn down. What a fixture of
a wider scope starts may stay, and so may what its tasks start later: a task inherits the variable.
"""

from collections.abc import Generator

import pytest

from tests.infrastructure.processes import outlasts_test, started_by_test


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
    before = outlasts_test.set(fixturedef.scope != "function")
    try:
        return (yield)
    finally:
        outlasts_test.reset(before)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    try:
        return (yield)
    finally:
        left = [program for program in started_by_test if program.running]
        started_by_test.clear()
        for program in left:
            program.close()
        if left:
            told = ", ".join(f"{program.name} (process {program.pid})" for program in left)
            pytest.fail(f"left running: {told}", pytrace=False)
