"""Slots for calls to upstreams, so many for each account: one that hangs fills its own and nobody else's.

All accounts share one task queue. An activity whose account has no free slot waits here for a moment, then gives its
place back to the queue and comes again. That way the orders of an account that does not answer, however many they are,
take places only for moments, and those of the others go through. Which account an activity is for stands in its
workflow's fairness key (`temporal.starting`), so nothing has to be asked; where the server is set to look at it,
too (`matching.enableFairness`), it hands out the queue's tasks in turns of the accounts.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

WAIT_SECONDS = 2.0
"""Short against the time limits of the activities: what is left must do for the calls."""
COME_AGAIN_SECONDS = (1.0, 2.0, 3.0, 5.0, 8.0)
"""By attempt; the last one goes on for ever."""
PLACES_PER_SLOT = 25
"""Activities of all accounts together at this worker, at most, for each slot of an account; nearly all wait."""


class AccountSlots(Interceptor):
    """`at_once` activities for each account. One instance per worker."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._slots: dict[str, asyncio.Semaphore] = {}

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _InTurn(next, self)

    @asynccontextmanager
    async def slot(self, account: str) -> AsyncIterator[None]:
        """Raises ApplicationError, to come again, when none is free for a while."""
        slots = self._slots.setdefault(account, asyncio.Semaphore(self._at_once))
        try:
            await asyncio.wait_for(slots.acquire(), WAIT_SECONDS)
        except TimeoutError:
            raise _come_again(account, self._at_once) from None
        try:
            yield
        finally:
            slots.release()


class _InTurn(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, slots: AccountSlots) -> None:
        super().__init__(next)
        self._slots = slots

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        async with self._slots.slot(activity.info().priority.fairness_key or ""):
            return await super().execute_activity(input)


def _come_again(account: str, at_once: int) -> ApplicationError:
    delay = COME_AGAIN_SECONDS[min(activity.info().attempt, len(COME_AGAIN_SECONDS)) - 1]
    return ApplicationError(
        f"{account or 'the upstream'} has {at_once} calls under way, the most allowed; tried again in {delay:g} s",
        type="NoSlot",
        next_retry_delay=timedelta(seconds=delay),
        category=ApplicationErrorCategory.BENIGN,
    )
