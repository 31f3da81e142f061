"""Waiting for conditions."""

import asyncio
import itertools

import pytest

from tests.infrastructure.eventually import assert_eventually, wait_until


async def test_the_first_true_answer_is_returned() -> None:
    answers = iter([None, "", "there"])
    assert await assert_eventually(lambda: next(answers), interval=0.001) == "there"


async def test_an_assertion_in_the_condition_means_not_yet() -> None:
    numbers = itertools.count()

    async def third_time() -> bool:
        assert next(numbers) >= 2
        return True

    assert await assert_eventually(third_time, interval=0.001)


async def test_a_failure_tells_what_was_waited_for_and_what_was_seen_last() -> None:
    with pytest.raises(AssertionError, match=r"Not within 0\.02 s: the order is active\n.*the last time it answered 0"):
        await assert_eventually(lambda: 0, timeout=0.02, interval=0.001, message="the order is active")


async def test_a_condition_that_hangs_is_cut_off_at_the_deadline() -> None:
    async def hangs() -> bool:
        await asyncio.Event().wait()
        return True

    with pytest.raises(AssertionError, match="raised TimeoutError"):
        await assert_eventually(hangs, timeout=0.05)


async def test_a_machine_that_is_too_busy_to_ask_gets_more_time() -> None:
    """An idle one would ask fifty times within the deadline. This one asks twice."""
    numbers = itertools.count()

    async def slowly() -> bool:
        await asyncio.sleep(0.03)
        return next(numbers) == 4

    assert await assert_eventually(slowly, timeout=0.05, interval=0.001)


async def test_a_machine_that_stays_too_busy_fails_in_the_end() -> None:
    async def slowly() -> bool:
        await asyncio.sleep(0.03)
        return False

    with pytest.raises(AssertionError, match="Not within"):
        await assert_eventually(slowly, timeout=0.05, interval=0.0001)


async def test_other_exceptions_are_failures_at_once() -> None:
    def broken() -> bool:
        raise KeyError("stage")

    with pytest.raises(KeyError):
        await assert_eventually(broken)


def test_it_can_be_done_without_an_event_loop() -> None:
    numbers = itertools.count()
    assert wait_until(lambda: next(numbers) >= 2, interval=0.001)
