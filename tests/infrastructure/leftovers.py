"""Fails a test that leaves a program of its own running, and ends the program.

Problem: a program that nobody ends takes the processor, a port or a database from all the tests that come after.

Mechanism: what was started while the test ran, its own fixtures included, must have ended when they are all torn down.
What a fixture of a wider scope starts may stay.
"""

import weakref
from collections.abc import Generator

import pytest

from tests.infrastructure.processes import Program, started

SIDE_BY_SIDE = "rehearsal"
"""Tests with this fixture have their stories told side by side: one's program runs while another's test ends. The
fixture ends what the stories leave."""

_lasting: "weakref.WeakSet[Program]" = weakref.WeakSet()
_before = pytest.StashKey["weakref.WeakSet[Program]"]()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
    before = set(started)
    try:
        return (yield)
    finally:
        if fixturedef.scope != "function":
            _lasting.update(set(started) - before)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    item.stash[_before] = weakref.WeakSet(started)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    if SIDE_BY_SIDE in getattr(item, "fixturenames", ()):
        return result
    left = [one for one in started if one not in item.stash[_before] and one not in _lasting and one.running]
    for program in left:
        program.close()
    if left:
        pytest.fail("left running: " + ", ".join(f"{one.name} (process {one.pid})" for one in left), pytrace=False)
    return result
