"""What an operation may cost, read from the catalogue and from what the upstream last showed."""

from collections.abc import Mapping
from dataclasses import replace

from models.catalogue import MappedPeriod, PlanMapping, TariffPlan, TariffPlanPrice, UpstreamAccount
from models.events import UpstreamSnapshot
from models.money import Money
from models.order import Service
from orders.money.addonprices import AddonPrice, addons_total
from orders.money.prices import PriceTerms, Sum
from orders.operations.job import Job
from orders.services.addons import AddonValue


def plain_terms(job: Job) -> PriceTerms:
    """Terms of a call for which the catalogue has no price."""
    return PriceTerms(
        currency=job.account.currency,
        tolerance=job.mapping.price_tolerance,
        unquoted=job.mapping.unquoted,
        above_price=job.mapping.above_price,
        agreed=job.operation.agreed_limit,
        row=job.operation.price,
    )


def period_terms(job: Job, *, renewing: bool) -> PriceTerms:
    """Terms of a whole period: the catalogue says what it costs, and for how much we sell it."""
    service, period = job.service, job.period
    base, source = _period_cost(period, renewing)
    expected = _with_addons(base, source, job.mapping.addon_costs, service, period.period_months, "the cost")
    if renewing and period.renewal_cost is None:
        expected = _last_shown(service, period, job.snapshot) or expected
    selling = _selling(job.plan, job.price, service, period.period_months, renewing)
    return replace(plain_terms(job), is_period=True, expected=expected, stand_in=expected, selling=selling)


def plan_terms(job: Job, carried: Mapping[str, AddonValue]) -> PriceTerms:
    """Terms of a change of plan: the whole period of the new one is the most that is charged, and what it is sold for
    afterwards. `carried`: the add-ons that it keeps."""
    return replace(plain_terms(job), selling=_sold_afterwards(job, carried))


def addon_terms(job: Job, asked: Mapping[str, AddonValue]) -> PriceTerms:
    """Terms of a change of add-ons: how much more the new ones cost than those that are there."""
    more = _more_addons(asked, job.service, job.mapping, job.account)
    return replace(plain_terms(job), stand_in=more, selling=_sold_afterwards(job, {**job.service.addons, **asked}))


def _sold_afterwards(job: Job, addons: Mapping[str, AddonValue]) -> Sum:
    """What the service's own period is sold for once the operation is done."""
    if job.price is None:
        return Sum(missing="the plan has no selling price for this period")
    base = job.price.renewal_price or job.price.price
    total, unknown = addons_total(job.plan.addon_prices, addons, job.service.period_months, base.currency)
    missing = f"the selling price of {', '.join(unknown)}" if unknown else ""
    return Sum(base + total, "selling price", missing)


def _period_cost(period: MappedPeriod, renewing: bool) -> tuple[Money, str]:
    if renewing and period.renewal_cost is not None:
        return period.renewal_cost, "renewal_cost of the catalogue"
    return period.cost, "cost of the catalogue"


def _last_shown(service: Service, period: MappedPeriod, snapshot: UpstreamSnapshot | None) -> Sum | None:
    """The item's price of its own period, add-ons and all; of another period it shows nothing."""
    if period.period_months != service.period_months:
        return None
    if snapshot is None or not snapshot.cost_amount or snapshot.cost_currency is None:
        return None
    shown = Money(amount=snapshot.cost_amount, currency=snapshot.cost_currency)
    return Sum(shown, "what the upstream last showed for the item")


def _selling(plan: TariffPlan, price: TariffPlanPrice | None, service: Service, months: int, renewing: bool) -> Sum:
    if price is None:
        return Sum(missing="the plan has no selling price for this period")
    base = (price.renewal_price if renewing else None) or price.price
    return _with_addons(base, "selling price", plan.addon_prices, service, months, "the selling price")


def _more_addons(
    asked: Mapping[str, AddonValue], service: Service, mapping: PlanMapping, account: UpstreamAccount
) -> Sum:
    """For a whole period: at least what is charged."""
    if not asked:
        return Sum(missing="the catalogue says nothing of it")
    before = {name: service.addons.get(name, 0) for name in asked}
    months, currency = service.period_months, account.currency
    new, unknown = addons_total(mapping.addon_costs, asked, months, currency)
    old, unknown_before = addons_total(mapping.addon_costs, before, months, currency)
    if unknown or unknown_before:
        return Sum(missing=f"the cost of {', '.join(sorted({*unknown, *unknown_before}))}")
    more = new - old if old < new else Money.zero(currency)
    return Sum(more, "cost of the catalogue for a whole period of what is added")


def _with_addons(
    base: Money, source: str, prices: Mapping[str, AddonPrice], service: Service, months: int, about: str
) -> Sum:
    total, unknown = addons_total(prices, service.addons, months, base.currency)
    missing = f"{about} of {', '.join(unknown)}" if unknown else ""
    return Sum(base + total, source, missing)
