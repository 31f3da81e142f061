"""What an operation may cost, read from the catalogue and from what the upstream last showed."""

from collections.abc import Mapping
from dataclasses import replace

from models.catalogue import MappedPeriod, PlanMapping, TariffPlan, TariffPlanPrice, UpstreamAccount
from models.enums import OperationKind
from models.events import UpstreamSnapshot
from models.money import Money
from models.order import Operation, Service
from models.parameters import ADDON_PREFIX
from orders.money.addonprices import AddonPrice, addons_total
from orders.money.prices import WITH_EXPECTATION, Sum, Terms


def terms_of(
    operation: Operation,
    service: Service,
    account: UpstreamAccount,
    mapping: PlanMapping,
    period: MappedPeriod,
    plan: TariffPlan,
    price: TariffPlanPrice | None,
    snapshot: UpstreamSnapshot | None,
) -> Terms:
    """All of the plan and the period that the operation is about; `snapshot`: the item as it was last seen."""
    terms = Terms(
        kind=operation.kind,
        currency=account.currency,
        tolerance=mapping.price_tolerance,
        unquoted=mapping.unquoted,
        above_price=mapping.above_price,
        agreed=operation.agreed_limit,
        row=operation.price,
    )
    if operation.kind is OperationKind.SET_PARAMETERS:
        return replace(terms, stand_in=_more_addons(operation, service, mapping, account))
    if operation.kind not in WITH_EXPECTATION:
        return terms
    renewing = operation.kind is OperationKind.PROLONG
    base, source = _period_cost(period, renewing)
    expected = _with_addons(base, source, mapping.addon_costs, service, period.period_months, "the cost")
    if renewing and period.renewal_cost is None:
        expected = _last_shown(service, period, snapshot) or expected
    selling = _selling(plan, price, service, period.period_months, renewing)
    return replace(terms, expected=expected, stand_in=expected, selling=selling)


def _period_cost(period: MappedPeriod, renewing: bool) -> tuple[Money, str]:
    if renewing and period.renewal_cost is not None:
        return period.renewal_cost, "renewal_cost of the catalogue"
    return period.cost, "cost of the catalogue"


def _last_shown(service: Service, period: MappedPeriod, snapshot: UpstreamSnapshot | None) -> Sum | None:
    """The item's price of its own period, add-ons and all; of another period it tells nothing."""
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


def _more_addons(operation: Operation, service: Service, mapping: PlanMapping, account: UpstreamAccount) -> Sum:
    """What the add-ons asked for cost more than those that are there, for a whole period: at least what is charged."""
    prefix = ADDON_PREFIX
    asked = {
        name.removeprefix(prefix): value for name, value in operation.parameters.items() if name.startswith(prefix)
    }
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
