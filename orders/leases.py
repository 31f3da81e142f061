"""How long the sender of a request may be alive: until then its request is never proven absent.

The lease is counted by the database's clock, the one clock that all workers share. What a worker makes of it on its own
machine is in `upstreams.lease`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
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
    """A request that has left arrives within this time, or never."""

    def gone_by(self, intent: Intent) -> datetime:
        """When a request whose sender has said nothing can't be on its way any more, by the clock of any host."""
        if intent.send_until is None:
            return intent.created_at + self.flight + BEFORE_LEASES
        return intent.send_until + self.flight + self.skew

    def silent_since(self, intent: Intent) -> datetime:
        """From when on the silence about a request counts, if its sender may be alive: not before it is gone."""
        return max(utc_now(), self.gone_by(intent))


async def database_now(session: AsyncSession) -> datetime:
    """The time by the database's clock, not that of the transaction's start."""
    if session.get_bind().dialect.name == "sqlite":
        text = (await session.connection()).execute(sa.text("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"))
        return datetime.fromisoformat(str((await text).scalar_one())).replace(tzinfo=UTC)
    now: datetime = (await (await session.connection()).execute(sa.text("SELECT clock_timestamp()"))).scalar_one()
    return now.astimezone(UTC)
