"""Slots for calls to upstreams, so many for each account: one that hangs fills its own and nobody else's.

All accounts share one task queue. An activity whose account has no free slot waits here for a moment, then gives its
place back to the queue and comes again. That way the orders of an account that does not answer, however many they are,
take places only for moments, and those of the others go through. They come again at a steady rate (`Line`), so that
they don't keep Temporal busy either. What only looks has slots of its own: it goes on while requests hang.

Which account an activity is for stands in its workflow's fairness key (`temporal.starting`), so nothing has to be
asked; where the server is set to look at it, too (`matching.enableFairness`), it hands out the queue's tasks in turns
of the accounts.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from models.messages import OrderRef

WAIT_SECONDS = 2.0
"""Short against the time limits of the activities: what is left must do for the calls."""
COME_AGAIN_SECONDS = (1.0, 2.0, 3.0, 5.0, 8.0)
"""By attempt, at least; the last one goes on for ever."""
PLACES_PER_SLOT = 25
"""Activities of all accounts together at this worker, at most, for each slot of an account; nearly all wait."""
COMING_AGAIN_PER_SECOND = 3.0
"""Activities of one account that come again after they had no slot or no answer. Each costs the database a read and a
write, and Temporal two."""
LONGEST_PAUSE = 20.0
"""Seconds; with more activities than come again in this time, they come more often than the rate says."""
LONGEST_WITH_WAKING = 60.0
"""The same for activities that are woken as soon as what they wait for is there."""
_ROOM = 1.5
"""They come so much more often than slots become free, so that no slot stays empty."""
SAID_FROM_ATTEMPT = 4
"""From this attempt on, some ten seconds after the first, it is noted for people that it has no slot."""
SAID_FROM_PAUSE = 3.0
"""Who comes again later than so many seconds is noted at once, so that he is woken when the upstream is back."""
ONLY_LOOKS = frozenset({"settle", "look", "call_off"})


class Line:
    """When the activities of one account come again: one after the other, at its rate."""

    def __init__(self) -> None:
        self._next = 0.0
        self._freed_per_second = 0.0

    def pause(self, at_least: float, longest: float = LONGEST_PAUSE) -> float:
        """Seconds until the one who asks comes again."""
        now = time.monotonic()
        rate = max(COMING_AGAIN_PER_SECOND, _ROOM * self._freed_per_second)
        self._next = min(max(self._next, now) + 1 / rate, now + LONGEST_WITH_WAKING)
        turn = self._next - now
        if turn >= longest:
            turn = random.uniform(longest / 2, longest)  # noqa: S311 - no secret
        return round(max(at_least, turn), 1)

    def was_held(self, slots: int, seconds: float) -> None:
        """One of the slots was held for so long."""
        self._freed_per_second += 0.2 * (slots / max(seconds, 0.01) - self._freed_per_second)


_line: ContextVar[Line | None] = ContextVar("line", default=None)


def pause_in_line(at_least: float, longest: float = LONGEST_PAUSE) -> float:
    """Seconds until this activity comes again: in the line of its account, if it is one of an account."""
    line = _line.get()
    return at_least if line is None else line.pause(at_least, longest)


class Notes(Protocol):
    """What is written down for people beside the activities."""

    async def no_slot(self, operation: int, reason: str, pause: float) -> None:
        """An operation waits for a slot."""

    def slot_is_free(self, without_slot: set[int]) -> None:
        """One of these operations may have the slot at once, and is taken out."""

    async def circuits(self, account: str) -> None:
        """The breakers of an account may have changed."""


class AccountSlots(Interceptor):
    """`at_once` activities for each account, and as many that only look. One instance per worker."""

    def __init__(self, at_once: int, notes: Notes | None = None) -> None:
        self._at_once = at_once
        self._slots: dict[tuple[str, bool], asyncio.Semaphore] = {}
        self._without: dict[tuple[str, bool], set[int]] = {}
        """Operations that had no slot, and come again."""
        self._lines: dict[str, Line] = {}
        self.notes = notes

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _InTurn(next, self)

    def line(self, account: str) -> Line:
        return self._lines.setdefault(account, Line())

    @asynccontextmanager
    async def slot(self, account: str, operation: int | None) -> AsyncIterator[set[int]]:
        """Yields the operations that had no such slot. Raises ApplicationError, to come again, when none is free for a
        while."""
        line = self.line(account)
        about = account, activity.info().activity_type in ONLY_LOOKS
        slots = self._slots.setdefault(about, asyncio.Semaphore(self._at_once))
        without = self._without.setdefault(about, set())
        try:
            await asyncio.wait_for(slots.acquire(), WAIT_SECONDS)
        except TimeoutError:
            if operation is not None:
                without.add(operation)
            raise await self._come_again(account, line, operation) from None
        began = time.monotonic()
        without.discard(operation or 0)
        try:
            yield without
        finally:
            slots.release()
            line.was_held(self._at_once, time.monotonic() - began)

    async def _come_again(self, account: str, line: Line, operation: int | None) -> ApplicationError:
        attempt = activity.info().attempt
        pause = line.pause(COME_AGAIN_SECONDS[min(attempt, len(COME_AGAIN_SECONDS)) - 1])
        reason = f"{account or 'the upstream'} has {self._at_once} operations under way, the most allowed at once"
        is_said = attempt >= SAID_FROM_ATTEMPT or pause > SAID_FROM_PAUSE
        if self.notes is not None and operation is not None and is_said:
            await self.notes.no_slot(operation, reason, pause)
        return ApplicationError(
            f"{reason}; tried again in {pause:g} s",
            type="NoSlot",
            next_retry_delay=timedelta(seconds=pause),
            category=ApplicationErrorCategory.BENIGN,
        )


class _InTurn(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, slots: AccountSlots) -> None:
        super().__init__(next)
        self._slots = slots

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        account = activity.info().priority.fairness_key or ""
        operation = next((one.operation for one in input.args if isinstance(one, OrderRef)), None)
        notes = self._slots.notes
        async with self._slots.slot(account, operation) as without:
            token = _line.set(self._slots.line(account) if account else None)
            try:
                result = await super().execute_activity(input)
            finally:
                _line.reset(token)
                if notes is not None:
                    await notes.circuits(account)
        if notes is not None:  # after one that failed the next would fail, too
            notes.slot_is_free(without)
        return result
