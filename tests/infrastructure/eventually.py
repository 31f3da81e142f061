"""Waiting in tests: for a condition, up to a deadline, with the last thing seen in the failure message. Never for a
time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar, overload

T = TypeVar("T")

DEFAULT_TIMEOUT = 30.0
INTERVAL = 0.05
OFTEN = 8
"""A machine that asks less than one in so many of the questions of an idle one is too busy to be judged."""
STRETCHED = 10
"""So many times as far a deadline is moved at most."""


@overload
async def assert_eventually(
    condition: Callable[[], Coroutine[object, object, T]],
    *,
    timeout: float = ...,
    interval: float = ...,
    ignoring: tuple[type[Exception], ...] = ...,
    message: str = ...,
) -> T: ...


@overload
async def assert_eventually(
    condition: Callable[[], T],
    *,
    timeout: float = ...,
    interval: float = ...,
    ignoring: tuple[type[Exception], ...] = ...,
    message: str = ...,
) -> T: ...


async def assert_eventually(
    condition: Callable[[], object],
    *,
    timeout: float = DEFAULT_TIMEOUT,
    interval: float = INTERVAL,
    ignoring: tuple[type[Exception], ...] = (),
    message: str = "",
) -> object:
    """Ask `condition` until it answers with something true, and return that answer.

    The condition may be a plain function or a coroutine function, and may itself assert: an AssertionError means "not
    yet", as do the exceptions in `ignoring`; any other exception is a failure at once. After `timeout` seconds the
    test fails with `message`, the last answer and the last exception. A condition that doesn't return is cut off at
    the deadline, too.

    A machine that is so busy that the question could be asked only a few times by then has given the answer no time
    either. The deadline is moved on that machine, to `STRETCHED` times as far at most.
    """
    attempt = _Attempts(condition, timeout, interval, message)
    not_yet: tuple[type[Exception], ...] = (AssertionError, TimeoutError, *ignoring)
    while True:
        try:
            answer = condition()
            if inspect.isawaitable(answer):
                answer = await asyncio.wait_for(_awaited(answer), attempt.at_most)
            attempt.saw(answer)
            if answer:
                return answer
        except not_yet as reason:
            attempt.saw_exception(reason)
        attempt.fail_if_late()
        await asyncio.sleep(interval)


def wait_until(
    condition: Callable[[], T],
    *,
    timeout: float = DEFAULT_TIMEOUT,
    interval: float = INTERVAL,
    ignoring: tuple[type[Exception], ...] = (),
    message: str = "",
) -> T:
    """`assert_eventually` for code without an event loop."""
    attempt = _Attempts(condition, timeout, interval, message)
    not_yet: tuple[type[Exception], ...] = (AssertionError, *ignoring)
    while True:
        try:
            answer = condition()
            attempt.saw(answer)
            if answer:
                return answer
        except not_yet as reason:
            attempt.saw_exception(reason)
        attempt.fail_if_late()
        time.sleep(interval)


async def _awaited(answer: Awaitable[object]) -> object:
    return await answer


class _Attempts:
    """The deadline, and what was seen on the way to it."""

    def __init__(self, condition: Callable[[], object], timeout: float, interval: float, message: str) -> None:
        self._message = message or _description(condition)
        self._timeout = timeout
        self._interval = interval
        self._deadline = time.monotonic() + timeout
        self._enough = timeout / interval / OFTEN if interval > 0 else 0.0
        self._count = 0
        self._last = "nothing"

    @property
    def left(self) -> float:
        return self._deadline - time.monotonic()

    @property
    def at_most(self) -> float:
        """Seconds within which the condition has to answer."""
        return max(self.left if self.left > 0 else self._timeout, self._interval)

    @property
    def _is_over(self) -> bool:
        asked_enough = self._count >= self._enough or self.left <= -(STRETCHED - 1) * self._timeout
        return self.left <= 0 and asked_enough

    def saw(self, answer: object) -> None:
        self._count += 1
        self._last = f"answered {answer!r}"

    def saw_exception(self, exception: Exception) -> None:
        self._count += 1
        self._last = f"raised {type(exception).__name__}: {exception}"

    def fail_if_late(self) -> None:
        if self._is_over:
            asked = f"Asked {self._count} times; the last time it {self._last}"
            raise AssertionError(f"Not within {self._timeout:g} s: {self._message}\n{asked}")


def _description(condition: Callable[[], object]) -> str:
    try:
        return " ".join(inspect.getsource(condition).split())
    except (OSError, TypeError):
        return repr(condition)
