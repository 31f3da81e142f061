"""When what is due before a term ends, as the settings say it, and the catalogue of single plans."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.periods import term_days


@dataclass(frozen=True)
class RenewalTerms:
    """All in days."""

    notices: tuple[int, ...] = (30, 14, 7, 3, 1)
    lead: int = 3
    lead_of: Mapping[str, int] = field(default_factory=dict)
    """Product type → its own lead time."""
    lead_of_plan: Mapping[int, int] = field(default_factory=dict)
    """Plan → its own lead time, as the catalogue says it: `orders.renewals.leads` reads them."""
    announcement: int = 3
    """How long before the prolongation it is announced."""

    @property
    def horizon(self) -> int:
        """Nothing is due longer before the end of a term."""
        return max(*self.notices, 0, self.longest_lead + self.announcement)

    @property
    def longest_lead(self) -> int:
        return max([self.lead, *self.lead_of.values(), *self.lead_of_plan.values()])

    def lead_days(self, plan: int, product_type: str, months: int) -> int:
        """How long before its end a term is prolonged: as its plan says, else its product type, else all others; half
        of a term at most, and a day at least."""
        lead = self.lead_of_plan.get(plan, self.lead_of.get(product_type, self.lead))
        return max(1, min(lead, term_days(months) // 2))
