"""Sends webhooks, for as long as a worker runs: what has happened is with a receiver that works within a second.

At least once: a try is written down after it was made, so what was sent when the process died is sent again, with the
same id. Endpoints don't wait for each other. Messages of one service go to an endpoint one after the other, as long as
they are taken; one that is not waits for its next try and holds nobody up. While an endpoint does not work at all, a
single message tries it now and then.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import groupby

from temporalio import activity

from activities.heartbeat import heartbeating, pause
from activities.retention import prune_daily
from models.database import Database
from models.messages import SendInput, SendLap
from models.outages import is_unavailable, outage_of, told
from orders.installation import installation_tag
from orders.webhooks import deliveries as webhooks
from orders.webhooks.deliveries import Parcel
from orders.webhooks.posting import Post, Posted
from settings import Settings

INTERVAL_SECONDS = 1.0
BUSY_INTERVAL_SECONDS = 0.25
"""Between two looks of which the first found something."""
NOBODY_SECONDS = 60.0
"""Between two times that messages are passed over while there is no endpoint."""
AT_ONCE = 8
"""Messages under way to one endpoint."""
LONGEST_REST = 60.0
"""Seconds between two looks whether an endpoint works again."""
UNFORESEEN_REST = 600.0
"""Seconds after something that nobody foresaw: a try may have been made that nobody wrote down."""
LONGEST_HOLD_UP = 86400.0
"""Seconds, however long a receiver asks to be left alone."""
RECORD_PAUSE_SECONDS = 2.0
"""Between two attempts to write down how a try went, while the database does not take it."""
PARTING_SECONDS = 3.0
"""For what is under way when the worker stops; the rest is sent again by the next."""


class WebhookActivities:
    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    @activity.defn
    async def send_webhooks(self, sender: SendInput) -> SendLap:
        """Send what is due, look again every second, for one lap or until the worker stops."""
        sending = _Sending(self._database, self._settings)
        ends = time.monotonic() + sender.lap.total_seconds()
        pruning = asyncio.create_task(prune_daily(self._database, self._settings))
        async with heartbeating(lambda: {"delivered": sending.delivered, "failed": sending.failed}):
            try:
                while time.monotonic() < ends and not activity.is_worker_shutdown():
                    found = False
                    try:
                        found = await sending.look()
                    except Exception as error:
                        if not is_unavailable(error):
                            raise
                        activity.logger.warning("webhooks: %s", told(error))
                    await pause(BUSY_INTERVAL_SECONDS if found else INTERVAL_SECONDS)
            finally:
                pruning.cancel()
                await sending.close()
                with suppress(asyncio.CancelledError):
                    await pruning
        return SendLap(delivered=sending.delivered, failed=sending.failed)


class _Lane:
    """The way to one endpoint: what is under way there, and whether it is left alone for a while."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self._failures = 0
        self._rests_until = 0.0

    @property
    def is_busy(self) -> bool:
        return self.task is not None and not self.task.done()

    @property
    def rests(self) -> bool:
        return time.monotonic() < self._rests_until

    def wake(self) -> None:
        self._failures, self._rests_until = 0, 0.0

    def note(self, posted: Posted) -> None:
        if posted.went.delivered:
            self.wake()
        elif posted.down:
            self.rest(posted.not_before)

    def rest(self, at_least: float = 0.0) -> None:
        seconds = min(2.0**self._failures, LONGEST_REST)
        self._failures = min(self._failures + 1, 10)
        self._rests_until = time.monotonic() + max(seconds, min(at_least, LONGEST_HOLD_UP))


class _Sending:
    """One run of the activity."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._post = Post(timeout=settings.webhook_timeout, private=settings.webhook_private)
        self._lanes: dict[int, _Lane] = defaultdict(_Lane)
        self._source = ""
        self._pass_over_at = 0.0
        self.delivered = 0
        self.failed = 0

    async def look(self) -> bool:
        """Spread what is new, and set out with what is due. True if there was anything to do."""
        waiting = await webhooks.waiting(self._database)
        if not waiting.somebody_listens:
            await self._pass_over()
            return False
        if waiting.to_spread:
            await webhooks.spread(self._database)
            waiting = await webhooks.waiting(self._database)
        await self._wake_called()
        held = {endpoint for endpoint, lane in self._lanes.items() if lane.is_busy or lane.rests}
        if waiting.due - held:
            await self._set_out_with_all(held)
        return waiting.to_spread or bool(waiting.due - held)

    async def _pass_over(self) -> None:
        if time.monotonic() >= self._pass_over_at:
            more = await webhooks.pass_over(self._database) == webhooks.SLICE
            self._pass_over_at = 0.0 if more else time.monotonic() + NOBODY_SECONDS

    async def _wake_called(self) -> None:
        idle = {endpoint: lane for endpoint, lane in self._lanes.items() if not lane.is_busy}
        for endpoint in await webhooks.called(self._database, [one for one, lane in idle.items() if lane.rests]):
            idle[endpoint].wake()

    async def _set_out_with_all(self, held: Collection[int]) -> None:
        self._source = self._source or f"urn:resellflow:{await installation_tag(self._database)}"
        parcels = await webhooks.due(self._database, but_not=held)
        for endpoint, several in groupby(parcels, lambda parcel: parcel.endpoint):
            self._lanes[endpoint].task = asyncio.create_task(self._set_out(self._lanes[endpoint], list(several)))

    async def close(self) -> None:
        running = [lane.task for lane in self._lanes.values() if lane.task is not None]
        if running:
            await asyncio.wait(running, timeout=PARTING_SECONDS)
        for task in running:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._post.close()

    async def _set_out(self, lane: _Lane, parcels: Sequence[Parcel]) -> None:
        """To one endpoint: the messages of a service in turn, those of different services side by side.

        To one that fails a single message goes first; if that is not taken, the others keep their tries.
        """
        in_turn: dict[object, list[Parcel]] = defaultdict(list)
        first = parcels[:1] if parcels[0].endpoint_fails else []
        for parcel in parcels[len(first) :]:
            in_turn[parcel.service or f"alone {parcel.delivery}"].append(parcel)
        places = asyncio.Semaphore(AT_ONCE)
        try:
            if not await self._send_in_turn(lane, first, places):
                return
            async with asyncio.TaskGroup() as group:
                for several in in_turn.values():
                    group.create_task(self._send_in_turn(lane, several, places))
        except* Exception as failures:
            # What was sent is sent again if that was not written down, so not soon.
            lane.rest(UNFORESEEN_REST)
            for error in failures.exceptions:
                activity.logger.warning("webhooks: %s", told(error), exc_info=None if outage_of(error) else error)

    async def _send_in_turn(self, lane: _Lane, parcels: Sequence[Parcel], places: asyncio.Semaphore) -> bool:
        """False if one was not taken: those after it wait, too."""
        async with places:
            for parcel in parcels:
                if lane.rests or not await self._send(lane, parcel):
                    return False
        return True

    async def _send(self, lane: _Lane, parcel: Parcel) -> bool:
        posted = await self._post.send(parcel, self._source)
        lane.note(posted)
        news = await self._record(parcel, posted)
        if posted.went.delivered:
            self.delivered += 1
        else:
            self.failed += 1
        if news:
            activity.logger.warning("webhook %s fails: %s", parcel.endpoint_name, posted.went.error)
        return posted.went.delivered

    async def _record(self, parcel: Parcel, posted: Posted) -> bool:
        """Until it is written down: nothing more goes to an endpoint whose last try nobody would know of."""
        again_in = self._again_in(parcel, posted)
        while True:
            try:
                return await webhooks.record(self._database, parcel, posted.went, again_in=again_in)
            except Exception as error:
                if not outage_of(error):
                    raise
                activity.logger.warning(
                    "webhooks: a try for %s waits to be written: %s", parcel.endpoint_name, told(error)
                )
            await asyncio.sleep(RECORD_PAUSE_SECONDS)

    def _again_in(self, parcel: Parcel, posted: Posted) -> timedelta | None:
        delays = self._settings.webhook_retry_delays
        if posted.went.delivered or posted.went.endpoint_gone or parcel.attempts >= len(delays):
            return None
        delay = delays[parcel.attempts] * random.uniform(0.9, 1.1)  # noqa: S311 - so that not all come back at once
        return timedelta(seconds=max(delay, min(posted.not_before, LONGEST_HOLD_UP)))
