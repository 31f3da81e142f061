"""Temporal away: one line in the log when it goes and one when it is back, whoever meets it and however often.

The SDK reports every call and every queue that it tries in vain, several times a second. Its records come here by
Python's logging (`sdk_runtime`, `listen_to_the_sdk`); those that only say that Temporal is away become the one line.
"""

import asyncio
import logging
import re
import threading
import time
from datetime import timedelta
from functools import cache

from temporalio.client import Client
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import RPCError, RPCStatusCode

from metrics.counters import TEMPORAL_AWAY_SINCE
from orders.services.naming import SWEEP_ID

log = logging.getLogger("temporal")
SDK = logging.getLogger("temporalio.core")
SDK_ACTIVITIES = logging.getLogger("temporalio.activity")

PROBE_SECONDS = 1.0
QUIET = timedelta(seconds=5)
"""It is back once it answers and nobody has met its absence for so long: some calls may fail longer than others."""
_RETRIES = "temporalio_client"
"""Where in the SDK calls are repeated whose answer says that the server is away, or too busy."""
_AWAY = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,  # there, and too busy to take anything
    }
)
_NO_ANSWER = re.compile(
    r"code: ('?)(Unavailable|DeadlineExceeded|Cancelled|The service is currently unavailable|Deadline expired)\b"
)
"""A gRPC status as the SDK writes it, for machines and for people."""
_CODE = re.compile(r"code: (\w{1,40})")
_SAYING = re.compile(r'message: "([^"]{1,200})')
_LONGEST_CAUSE = 200


def is_away(error: BaseException) -> bool:
    """Whether it says that Temporal can't be reached, or does not answer in time."""
    if isinstance(error, RPCError):
        return error.status in _AWAY
    return isinstance(error, RuntimeError | TimeoutError | OSError)  # RuntimeError: the SDK could not connect


class Outage:
    """Whether Temporal is away, as this process has met it. Safe to use from the SDK's threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: float | None = None
        self._last_met = 0.0

    @property
    def away(self) -> bool:
        return self._since is not None

    @property
    def seconds(self) -> float:
        """How long it has been away; 0 if it is not."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def met(self, cause: object) -> None:
        """A call did not get through."""
        with self._lock:
            now = self._last_met = time.monotonic()
            if self._since is not None:
                return
            self._since = now
        said = " ".join(str(cause).split())[:_LONGEST_CAUSE] or "no answer in time"
        log.warning("Temporal can't be reached (%s): orders are accepted and wait; they go on when it is back", said)

    def over(self, *, quiet: timedelta = timedelta(0)) -> None:
        """A call got through, and for so long none did not."""
        with self._lock:
            now = time.monotonic()
            if self._since is None or now - self._last_met < quiet.total_seconds():
                return
            since, self._since = self._since, None
        log.warning("Temporal is back after %.0f s", now - since)


outage = Outage()
"""This process's."""
TEMPORAL_AWAY_SINCE.set_function(lambda: time.time() - outage.seconds if outage.away else 0.0)


def note(error: RPCError | RuntimeError | TimeoutError, doing: str) -> None:
    """Temporal did not do what we wanted: it is away, or refuses that."""
    if is_away(error):
        outage.met(error)
    else:
        log.warning("%s: Temporal refuses: %s", doing, error)


async def watch_for_the_end(client: Client) -> None:
    """While Temporal is away ask every second whether it is back. Runs until cancelled."""
    while True:
        await asyncio.sleep(PROBE_SECONDS)
        if not outage.away:
            continue
        if await probe(client):
            outage.over(quiet=QUIET)


async def probe(client: Client) -> bool:
    """Whether Temporal answers. If it does not, that is noted."""
    try:
        async with asyncio.timeout(2 * PROBE_SECONDS):
            await _ask_for_a_workflow(client)
    except (RPCError, RuntimeError, TimeoutError, OSError) as error:
        outage.met(error)
        return False
    return True


async def _ask_for_a_workflow(client: Client) -> None:
    """What its database has to answer: the server may call itself healthy without one. Raises if it does not answer."""
    try:
        await client.get_workflow_handle(SWEEP_ID).describe(rpc_timeout=timedelta(seconds=PROBE_SECONDS))
    except RPCError as error:
        if is_away(error):
            raise


@cache
def sdk_runtime(metrics: str = "") -> Runtime:
    """The SDK's threads of this process. What they log goes to Python's logging instead of to the console.

    `metrics`: where they show their own metrics, ADDRESS:PORT; empty: nowhere. Raises ValueError if they can't there.
    """
    forwarding = LogForwardingConfig(SDK, append_target_to_name=False, append_log_fields_to_message=True)
    logging_config = LoggingConfig(TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding)
    shown = None
    if metrics:
        shown = PrometheusConfig(
            bind_address=metrics, counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
        )
    return Runtime(telemetry=TelemetryConfig(logging=logging_config, metrics=shown))


def listen_to_the_sdk() -> None:
    """Turn the SDK's records of an outage into ours. Safe to repeat."""
    SDK.addFilter(_is_no_outage)
    SDK_ACTIVITIES.addFilter(_is_no_cancellation)


def _is_no_outage(record: logging.LogRecord) -> bool:
    entry = getattr(record, "temporal_log", None)
    if entry is None:
        return True
    error = str(entry.fields.get("error", entry.message))
    if not (str(entry.target).startswith(_RETRIES) or _NO_ANSWER.search(error)):
        return True
    said = ", ".join(found[1] for pattern in (_CODE, _SAYING) if (found := pattern.search(error)))
    outage.met(said or entry.message)
    return False


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """The server gives up an activity that could not beat while it was away, and begins it anew: that is no fault."""
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)
