"""Sends webhooks while a worker runs. A working receiver gets a message within a second.

Delivery is at least once: an attempt is recorded after it was made, so a message under way when the process dies is
sent again, with the same id. Endpoints do not wait for each other. Messages of one service go to an endpoint in their
order while they are accepted; a message that is not accepted waits for its next attempt and blocks no other. An
endpoint that fails altogether gets a single message from time to time.
"""

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import groupby

from temporalio import activity

from activities.heartbeat import heartbeating, pause
from activities.notifying import notify_always
from activities.retention import prune_daily
from metrics import counters
from models.columns import utc_now
from models.database import Database
from models.messages import SendInput, SendLap
from models.outages import described, is_unavailable, outage_of
from orders.installation import source_of
from orders.notifications.channels import read_channels
from orders.webhooks import deliveries, fanout
from orders.webhooks.deliveries import OutgoingMessage
from orders.webhooks.posting import Poster, PostResult
from settings import Settings
from telemetry import tracing
from telemetry.fields import with_fields

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0
BUSY_INTERVAL_SECONDS = 0.25
"""Between two looks, after one that found something."""
CONCURRENCY = 8
"""Messages under way to one endpoint at once."""
LONGEST_BACK_OFF = 60.0
"""Seconds between two attempts at an endpoint that fails."""
UNEXPECTED_BACK_OFF = 600.0
"""Seconds after an unexpected error: an attempt may have been made and not recorded."""
LONGEST_RETRY_AFTER = 86400.0
"""Seconds, however long a receiver asks to be left alone."""
RECORD_PAUSE_SECONDS = 2.0
"""Between two tries to record an attempt while the database is unavailable."""
SHUTDOWN_SECONDS = 3.0
"""For attempts under way when the worker stops; the next worker sends the rest again."""


class WebhookActivities:
    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    @activity.defn
    async def send_webhooks(self, sender: SendInput) -> SendLap:
        """Send what is due, look again every second, for one lap or until the worker stops."""
        sending = _Sender(self._database, self._settings)
        channels = read_channels(self._settings.notifications_file)
        ends = time.monotonic() + sender.lap.total_seconds()
        beside = [
            asyncio.create_task(prune_daily(self._database, self._settings)),
            asyncio.create_task(notify_always(self._database, channels)),
        ]
        async with heartbeating(lambda: {"delivered": sending.delivered, "failed": sending.failed}):
            try:
                while time.monotonic() < ends and not activity.is_worker_shutdown():
                    found = False
                    try:
                        found = await sending.dispatch()
                    except Exception as error:
                        if not is_unavailable(error):
                            raise
                        activity.logger.warning("webhooks: %s", described(error))
                    await pause(BUSY_INTERVAL_SECONDS if found else INTERVAL_SECONDS)
            finally:
                for one in beside:
                    one.cancel()
                await sending.close()
                await asyncio.gather(*beside, return_exceptions=True)
        return SendLap(delivered=sending.delivered, failed=sending.failed)


class _EndpointState:
    """One endpoint: its task under way, and its back-off."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self._failures = 0
        self._backs_off_until = 0.0

    @property
    def is_busy(self) -> bool:
        return self.task is not None and not self.task.done()

    @property
    def is_backing_off(self) -> bool:
        return time.monotonic() < self._backs_off_until

    def reset(self) -> None:
        self._failures, self._backs_off_until = 0, 0.0

    def note(self, result: PostResult) -> None:
        if result.attempt.delivered:
            self.reset()
        elif result.endpoint_down:
            self.back_off(result.not_before)

    def back_off(self, at_least: float = 0.0) -> None:
        seconds = min(2.0**self._failures, LONGEST_BACK_OFF)
        self._failures = min(self._failures + 1, 10)
        self._backs_off_until = time.monotonic() + max(seconds, min(at_least, LONGEST_RETRY_AFTER))


class _Sender:
    """One run of the activity."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._poster = Poster(
            timeout=settings.webhook_timeout, reach=settings.webhook_reach(), key_file=settings.webhook_key_file
        )
        self._states: dict[int, _EndpointState] = defaultdict(_EndpointState)
        self._source = ""
        self.delivered = 0
        self.failed = 0

    async def dispatch(self) -> bool:
        """Fan out new messages and start sending what is due. True if there was anything to do."""
        backlog = await deliveries.backlog(self._database)
        if backlog.has_new:
            await fanout.fan_out(self._database)
            backlog = await deliveries.backlog(self._database)
        await self._reset_revived()
        held = {endpoint for endpoint, state in self._states.items() if state.is_busy or state.is_backing_off}
        if backlog.due - held:
            await self._start_sending(held)
        return backlog.has_new or bool(backlog.due - held)

    async def _reset_revived(self) -> None:
        idle = {endpoint: state for endpoint, state in self._states.items() if not state.is_busy}
        for endpoint in await deliveries.revived(
            self._database, [one for one, state in idle.items() if state.is_backing_off]
        ):
            idle[endpoint].reset()

    async def _start_sending(self, held: Collection[int]) -> None:
        self._source = self._source or await source_of(self._database)
        messages = await deliveries.due(self._database, but_not=held)
        for endpoint, batch in groupby(messages, lambda outgoing: outgoing.endpoint):
            self._states[endpoint].task = asyncio.create_task(
                self._send_to_endpoint(self._states[endpoint], list(batch))
            )

    async def close(self) -> None:
        running = [state.task for state in self._states.values() if state.task is not None]
        if running:
            await asyncio.wait(running, timeout=SHUTDOWN_SECONDS)
        for task in running:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._poster.close()

    async def _send_to_endpoint(self, state: _EndpointState, messages: Sequence[OutgoingMessage]) -> None:
        """Send to one endpoint: the messages of a service in their order, those of different services concurrently.

        A failing endpoint gets a single message first. If that is not accepted, the others keep their attempts.
        """
        in_turn: dict[object, list[OutgoingMessage]] = defaultdict(list)
        first = messages[:1] if messages[0].endpoint_fails else []
        for outgoing in messages[len(first) :]:
            in_turn[outgoing.service or f"alone {outgoing.delivery}"].append(outgoing)
        slots = asyncio.Semaphore(CONCURRENCY)
        try:
            if not await self._send_in_turn(state, first, slots):
                return
            async with asyncio.TaskGroup() as group:
                for several in in_turn.values():
                    group.create_task(self._send_in_turn(state, several, slots))
        except* Exception as failures:
            # What was sent is sent again if that was not written down, so not soon.
            state.back_off(UNEXPECTED_BACK_OFF)
            for error in failures.exceptions:
                activity.logger.warning("webhooks: %s", described(error), exc_info=None if outage_of(error) else error)

    async def _send_in_turn(
        self, state: _EndpointState, messages: Sequence[OutgoingMessage], slots: asyncio.Semaphore
    ) -> bool:
        """False if one was not accepted: those after it wait, too."""
        async with slots:
            for outgoing in messages:
                if state.is_backing_off or not await self._send(state, outgoing):
                    return False
        return True

    async def _send(self, state: _EndpointState, outgoing: OutgoingMessage) -> bool:
        fields = {"operation": outgoing.operation, "service": outgoing.service}
        with with_fields(request=outgoing.request_id, **fields), tracing.continuing(outgoing.traceparent):
            return await self._send_one(state, outgoing)

    async def _send_one(self, state: _EndpointState, outgoing: OutgoingMessage) -> bool:
        result = await self._poster.send(outgoing, self._source)
        attempt = result.attempt
        after = (utc_now() - outgoing.at).total_seconds() if attempt.delivered else None
        counters.webhook_attempt(attempt.status_code, attempt.duration_ms / 1000, delivered_after=after)
        state.note(result)
        news = await self._record(outgoing, result)
        if result.attempt.delivered:
            self.delivered += 1
        else:
            self.failed += 1
        if news:
            activity.logger.warning("webhook %s fails: %s", outgoing.endpoint_name, result.attempt.error)
        about = outgoing.endpoint_name, outgoing.kind, outgoing.message_id, attempt.error or "delivered"
        fields = {"status": attempt.status_code, "ms": attempt.duration_ms}
        log.info("webhook %s: %s %s: %s", *about, extra=fields)
        return result.attempt.delivered

    async def _record(self, outgoing: OutgoingMessage, result: PostResult) -> bool:
        """Record the attempt, however long that takes. Nothing more is sent before the last attempt is known."""
        again_in = self._again_in(outgoing, result)
        while True:
            try:
                return await deliveries.record(self._database, outgoing, result.attempt, again_in=again_in)
            except Exception as error:
                if not outage_of(error):
                    raise
                activity.logger.warning(
                    "webhooks: an attempt for %s waits to be recorded: %s", outgoing.endpoint_name, described(error)
                )
            await asyncio.sleep(RECORD_PAUSE_SECONDS)

    def _again_in(self, outgoing: OutgoingMessage, result: PostResult) -> timedelta | None:
        delays = self._settings.webhook_retry_delays
        if result.attempt.delivered or result.attempt.endpoint_gone or outgoing.attempts >= len(delays):
            return None
        delay = delays[outgoing.attempts] * random.uniform(0.9, 1.1)  # noqa: S311 - so that not all come back at once
        return timedelta(seconds=max(delay, min(result.not_before, LONGEST_RETRY_AFTER)))
