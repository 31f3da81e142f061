"""How long something may take before the watch reports it."""

from dataclasses import dataclass, field
from datetime import timedelta

from models.enums import Stage
from models.rates import NO_RATES, Rates
from models.renewal_terms import RenewalTerms


@dataclass(frozen=True)
class Limits:
    """What the settings say of how long something may take."""

    settle_window: timedelta = timedelta(seconds=60)
    idle_interval: timedelta = timedelta(seconds=15)
    sweep_interval: timedelta = timedelta(days=1)
    forecast: timedelta = timedelta(hours=72)
    """How far ahead the money of accounts is looked at; zero: not at all."""
    rates: Rates = NO_RATES
    renewal: RenewalTerms = field(default_factory=RenewalTerms)

    @property
    def stages(self) -> dict[Stage, timedelta]:
        """How long an operation may be in stages that only machines leave. The others wait for people, money, the
        upstream or their turn, and are reported elsewhere."""
        return {
            Stage.ACCEPTED: timedelta(minutes=10),
            Stage.CHECKING_BALANCE: timedelta(minutes=10),
            Stage.SUBMITTING: timedelta(minutes=10),
            Stage.RETRYING: timedelta(minutes=30),
            Stage.OUTCOME_UNKNOWN: self.settle_window + timedelta(minutes=10),
        }
