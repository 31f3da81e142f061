"""The one place that turns failures into Temporal's retry behaviour.

An order never gives up, so no failure here is final: what a machine can't repair is returned as a result and becomes
`needs_attention`. The message's beginning is what an operator reads in Temporal UI.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.slots import LONGEST_PAUSE, LONGEST_WITH_WAKING, pause_in_line
from models.enums import FailureClass
from models.outages import outage_of
from upstreams.errors import CircuitOpen, NotYet, Paused, UpstreamError

_DELAYS: dict[FailureClass, tuple[float, ...]] = {
    FailureClass.NOT_SENT: (1, 2, 3, 5, 8, 12),
    FailureClass.OUTCOME_UNKNOWN: (1, 2, 3, 5, 8, 12),
    FailureClass.UNHEALTHY: (5, 10, 15, 20),
}
"""Seconds before the next attempt, by attempt; the last one goes on for ever."""

_LONGEST_SLEEP = 60.0
"""Seconds for which an order sleeps at the most while its account is left alone: the account may be mended before."""
_LONGEST_PUT_OFF = 3600.0
"""The same, if the upstream has named a time before which it does not answer."""
_AFTER_THE_PROBE = 2.0
"""Seconds after the next try of an account at which its orders go on: the poller tries it first."""

_SETTLE_DELAYS = ((10.0, 1.0), (30.0, 2.0), (120.0, 5.0), (600.0, 15.0))
"""Up to this age of an unknown outcome in seconds, look again after so many seconds; later every half minute."""


def delay_before(failure: FailureClass, attempt: int, next_try: datetime | None = None) -> float:
    """Seconds before the attempt after this one. `next_try`: before it nothing is asked of the account."""
    delays = _DELAYS.get(failure, _DELAYS[FailureClass.NOT_SENT])
    delay = delays[min(attempt, len(delays)) - 1]
    if next_try is None:
        return delay
    left = (next_try - datetime.now(UTC)).total_seconds() + _AFTER_THE_PROBE
    longest = _LONGEST_PUT_OFF if failure is FailureClass.NOT_YET else _LONGEST_SLEEP
    return round(max(delay, min(left, longest)), 1)


class RetryLater(ApplicationError):
    """An attempt that is to be repeated; `failure_class` and `reason` say why."""

    def __init__(self, failure: FailureClass, reason: str, delay: float) -> None:
        super().__init__(
            f"{reason}; it is tried again automatically in {delay:g} s",
            type=failure.value,
            next_retry_delay=timedelta(seconds=delay),
            category=ApplicationErrorCategory.BENIGN,
        )
        self.failure_class, self.reason = failure, reason


def retry_later(
    failure: FailureClass,
    reason: str,
    attempt: int,
    *,
    next_try: datetime | None = None,
    longest: float = LONGEST_PAUSE,
) -> RetryLater:
    """The failure of an attempt that is to be repeated, by its class. `longest`: see `activities.slots.Line`."""
    return RetryLater(failure, reason, pause_in_line(delay_before(failure, attempt, next_try), longest))


def look_again(reason: str, age: timedelta) -> ApplicationError:
    """Nothing is proven yet about an unknown outcome; `age` is how long it has been unknown."""
    delay = pause_in_line(next((d for limit, d in _SETTLE_DELAYS if age.total_seconds() < limit), 30.0))
    return ApplicationError(
        f"{reason}; Resellflow looks again in {delay:g} s, nothing is sent meanwhile",
        type="StillUnknown",
        next_retry_delay=timedelta(seconds=delay),
        category=ApplicationErrorCategory.BENIGN,
    )


def after_failed_read(error: UpstreamError, attempt: int) -> ApplicationError:
    """A read failed where only a read will do: again, whatever the class."""
    next_try = error.not_before if isinstance(error, NotYet) else error.next_try
    longest = LONGEST_WITH_WAKING if isinstance(error, CircuitOpen | Paused) else LONGEST_PAUSE
    return retry_later(error.failure_class, error.message, attempt, next_try=next_try, longest=longest)


@contextmanager
def database_in_words() -> Iterator[None]:
    """Say plainly what keeps the database from its work; Temporal repeats the attempt.

    What only a person can mend is an alarm, and a fault of ours stays what it is.
    """
    try:
        yield
    except Exception as error:
        outage = outage_of(error)
        if outage is None:
            raise
        raise ApplicationError(
            f"{outage.words}; it is tried again automatically, nothing is lost",
            type="DatabaseUnavailable",
            category=ApplicationErrorCategory.BENIGN if outage.passes else ApplicationErrorCategory.UNSPECIFIED,
        ) from error
