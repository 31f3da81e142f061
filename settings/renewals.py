"""Sweeps, renewals, money, and the limits of all calls to upstreams."""

from typing import Annotated

from pydantic import Field

from models.rates import ExchangeRate, Rates
from models.renewal_terms import RenewalTerms
from settings.part import Part


class RenewalSettings(Part):
    sweep_interval: float = Field(default=86400.0, ge=60)
    """Seconds: time between two [sweeps](watch.md#the-sweep), 60 at least. Worker settings: the schedule is updated
    when a worker starts."""
    renewal_interval: float = Field(default=3600.0, ge=60)
    """Seconds: time between two looks at [terms that end](renewals.md), 60 at least. Worker settings: the schedule is
    updated when a worker starts."""
    expiry_notice_days: list[Annotated[int, Field(ge=0, le=366)]] = Field(default_factory=lambda: [30, 14, 7, 3, 1])
    """Days, JSON: so long before the end of a term its storefront is informed, if it is the one who prolongs."""
    renewal_lead_days: int = Field(default=3, ge=1, le=60)
    """Days: so long before the end of its term a service is [renewed automatically](renewals.md#automatic-renewal),
    unless its plan or product type has a lead time of its own."""
    renewal_lead_days_of: dict[str, Annotated[int, Field(ge=1, le=60)]] = Field(default_factory=dict)
    """JSON: product type = its own lead time, like `{"domain": 14}`."""
    renewal_notice_days: int = Field(default=3, ge=1, le=60)
    """Days: so long before an automatic renewal it is announced, so that it can be stopped."""
    renewals_at_once: int = Field(default=50, ge=1, le=100_000)
    """Operations: automatic prolongations and closings that are under way at an upstream account at once. What is due
    beyond that [waits](renewals.md#many-at-once), so that orders of shops are not held up."""
    forecast_hours: float = Field(default=72.0, ge=0, le=24 * 366)
    """Hours: how far ahead a shortage of money at an upstream is reported: [forecast.md](forecast.md). `0`: it is not.
    """
    refund_interval: float = Field(default=21600.0, ge=1)
    """Seconds: time between two looks at an upstream's lists of expenses and payments for what it [paid
    back](refunds.md)."""
    refund_days: float = Field(default=45.0, gt=0)
    """Days: how long after a closing, a failed opening or a change of plan those lists are looked at."""
    put_back_renewal: bool = False
    """`true`: if the upstream's staff let it renew a service that we renew, an operation of ours switches that off
    again."""
    renewal_look_interval: float = Field(default=21600.0, gt=0)
    """Seconds: if lists do not say whether the upstream renews an item, its form is read once in this time, evenly
    spread. Use less than the shortest time from a switch by staff to the charge."""
    manual_plan_changes: dict[str, list[str]] | None = None
    """JSON: product type and the resources whose change needs a person at a BILLmanager, as in `{"vds": ["disk_gb"]}`,
    which holds without the setting; `{}`: none. It does not affect openings, nor what is bought from another
    Resellflow."""
    exchange_rates: list[ExchangeRate] = Field(default_factory=list)
    """JSON: for tariffs in another currency than the account's: [prices.md](prices.md#another-currency)."""
    upstream_concurrency: int = Field(default=20, gt=0)
    """Calls: operations that may be at work at an upstream at once, for each account, per worker. Its requests at once
    are a [limit of the account](bulkheads.md#limits-of-an-account)."""
    upstream_calls_per_second: float = Field(default=100.0, gt=0)
    """Activities per second: limit over all workers. Lower it for an upstream that limits requests."""

    def rates(self) -> Rates:
        return Rates(tuple(self.exchange_rates))

    def renewal_terms(self) -> RenewalTerms:
        return RenewalTerms(
            notices=tuple(self.expiry_notice_days),
            lead=self.renewal_lead_days,
            lead_of=self.renewal_lead_days_of,
            announcement=self.renewal_notice_days,
        )
