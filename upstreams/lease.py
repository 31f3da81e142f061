"""The sender's lease: until when a request that changes or costs may leave this machine.

A worker may be stopped at any time (SIGSTOP, swap, a paused or migrated machine) and go on much later, not knowing that
another one has long proven its request absent and sent it anew. So who is about to send holds a lease, and it is looked
at where nothing comes between: after connecting, right before the first byte (`upstreams.departure`).
Nobody proves a request absent before its lease is over (`models.leases`).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

UNRECORDED = timedelta(seconds=10)
"""Lease of a change that is free, may be repeated and has no intent."""

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""It goes on while the machine is suspended, where there is such a clock."""


@dataclass(frozen=True)
class Clocks:
    """Both clocks of this machine at one moment, in seconds.

    A machine that was suspended may have stopped the one, and somebody may have set the other: so both are looked at.
    """

    steady: float
    wall: float

    @classmethod
    def now(cls) -> Self:
        return cls(steady=time.clock_gettime(_STEADY), wall=time.time())


@dataclass(frozen=True)
class Lease:
    """Until when a request may leave, by both clocks of this machine."""

    until: Clocks

    @classmethod
    def starting(cls, asked: Clocks, lasting: timedelta) -> Self:
        seconds = lasting.total_seconds()
        return cls(Clocks(steady=asked.steady + seconds, wall=asked.wall + seconds))

    @classmethod
    def written(cls, asked: Clocks, lasting: timedelta, send_until: datetime, skew: timedelta) -> Self:
        """The lease of an intent. `asked`: read before the database was asked for the time; what passed since counts.

        `send_until` is by the database's clock, from which this machine's may differ by `skew` at most.
        """
        own = cls.starting(asked, lasting).until
        latest = (send_until + skew).timestamp()
        return cls(Clocks(steady=own.steady, wall=min(own.wall, latest)))

    def lapsed(self, now: Clocks | None = None) -> str:
        """Why nothing may leave any more, in words; empty while the lease holds."""
        now = now or Clocks.now()
        late = max(now.steady - self.until.steady, now.wall - self.until.wall)
        if late < 0:
            return ""
        if now.steady < self.until.steady:
            return f"its lease was over {late:.1f} s before by this machine's wall clock; is that clock right?"
        return f"its lease was over {late:.1f} s before: this worker was held up"


class LeaseMissing(RuntimeError):
    """A fault of the program: a request that changes or costs was about to be sent without a lease."""


_held: ContextVar[Lease | None] = ContextVar("lease", default=None)


@contextmanager
def holding(lease: Lease) -> Iterator[None]:
    """Whatever is sent within, a log-in and a wizard's steps included, is sent under this lease."""
    token = _held.set(lease)
    try:
        yield
    finally:
        _held.reset(token)


def unrecorded() -> Lease:
    """For a change that is free, may be repeated and has no intent: it is not sent long after it was decided."""
    return Lease.starting(Clocks.now(), UNRECORDED)


def held() -> Lease:
    """The lease under which a change is sent here. Raises LeaseMissing."""
    lease = _held.get()
    if lease is None:
        raise LeaseMissing("a request that changes or costs needs a lease: write an intent before, and hold its lease")
    return lease
