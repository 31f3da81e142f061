"""When a service's next terms fall due. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from models.enums import RenewalOwner
from models.periods import DAY
from models.rates import NO_RATES, Rates
from models.renewal_terms import RenewalTerms
from orders.services.expiry import months_later


@dataclass(frozen=True)
class Basis:
    """What the settings say of rates, and of when we prolong."""

    rates: Rates = NO_RATES
    renewal: RenewalTerms = field(default_factory=RenewalTerms)

    @property
    def longest_lead(self) -> timedelta:
        return timedelta(days=self.renewal.longest_lead)

    def lead(self, owner: RenewalOwner, plan: int, product_type: str, months: int) -> timedelta:
        """How long before its end a term is paid. A shop may prolong at any time before the end, and the upstream at
        its own time: there the last moment counts."""
        if owner is not RenewalOwner.AUTOMATIC:
            return timedelta(0)
        return timedelta(days=self.renewal.lead_days(plan, product_type, months))


@dataclass(frozen=True)
class Terms:
    """The terms of a service that follow the present one."""

    expires_on: date
    months: int
    anchor_day: int | None
    lead: timedelta
    paid: int
    """How many of them an operation under way pays for."""

    def due_times(self, now: datetime, until: datetime) -> Iterator[datetime]:
        """The moments up to `until` at which one has to be paid; one that has passed is now. A day is that of UTC."""
        term = 0
        while (moment := datetime.combine(self._end(term), time.min, UTC) - self.lead) <= until:
            if term >= self.paid:
                yield max(moment, now)
            term += 1

    def _end(self, term: int) -> date:
        if self.months == DAY:
            return self.expires_on + timedelta(days=term)
        return months_later(self.expires_on, self.months * term, self.anchor_day)
