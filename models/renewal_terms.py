"""When what is due before a term ends, as the settings say it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.periods import term_days


@dataclass(frozen=True)
class RenewalTerms:
    """What the settings say. All in days."""

    notices: tuple[int, ...] = (30, 14, 7, 3, 1)
    lead: int = 3
    lead_of: Mapping[str, int] = field(default_factory=dict)
    """Product type → its own lead time."""
    announcement: int = 3
    """How long before the prolongation it is announced."""

    @property
    def horizon(self) -> int:
        """Nothing is due longer before the end of a term."""
        return max(*self.notices, 0, max(self.lead, *self.lead_of.values(), 0) + self.announcement)

    def lead_days(self, product_type: str, months: int) -> int:
        """How long before its end a term is prolonged: half of a term at most, and a day at least."""
        return max(1, min(self.lead_of.get(product_type, self.lead), term_days(months) // 2))
