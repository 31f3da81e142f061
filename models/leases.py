"""How long the sender of a request may be alive: until then its request is never proven absent.

The lease is counted by the database's clock, the one clock that all workers share. What a worker makes of it on its own
machine is in `upstreams.lease`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # settings are read by commands that load no tables
    from models.order import Intent

BEFORE_LEASES = timedelta(seconds=5)
"""Added to the flight of a request that was written down before there were leases."""


@dataclass(frozen=True)
class LeaseTerms:
    """What all workers of an installation have to agree on."""

    lease: timedelta = timedelta(seconds=10)
    """From the intent on, for so long its request may leave."""
    skew: timedelta = timedelta(seconds=2)
    """By how much the clocks of the hosts may differ."""
    flight: timedelta = timedelta(seconds=30)
    """A request that has left arrives within this time, or never. Each intent has the flight of its own account."""

    def gone_by(self, intent: Intent) -> datetime:
        """When a request whose sender has said nothing can't be on its way any more, by the clock of any host."""
        if intent.send_until is None:
            return intent.created_at + self.flight + BEFORE_LEASES
        flight = self.flight if intent.flight_seconds is None else timedelta(seconds=intent.flight_seconds)
        return intent.send_until + flight + self.skew

    def silent_since(self, intent: Intent) -> datetime:
        """From when on the silence about a request counts, if its sender may be alive: not before it is gone."""
        return max(datetime.now(UTC), self.gone_by(intent))
