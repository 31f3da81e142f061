"""Plans as they are shown: what can be ordered, for how much, and what an order must look like."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import TariffPlan
from models.enums import AddonKind, RenewalOwner
from models.money import Money
from models.periods import has_next_term, period_in_words
from models.renewal_terms import RenewalTerms
from orders.access.roles import Requester
from orders.errors import NotFound
from orders.money.addonprices import AddonPrice, UnitPrice
from orders.operations.requests import Rules
from orders.plans.availability_views import AvailabilityView, available_by, together
from orders.plans.change_views import PlanChangeView, may_change_to
from orders.plans.offers import Offer, Source, offers_of
from orders.plans.schemas import order_schema, parameters_schema
from orders.reading.documents import Document, money
from orders.reading.filters import newest
from orders.reading.paging import Page, PageRequest, page_of
from orders.renewals.leads import of_plans
from orders.services.addons import AddonForm

_NOUN = "plan"


class PlanPeriod(Document):
    """A period for which a plan can be ordered."""

    months: int = Field(description="-100: a trial, 0: for ever", examples=[12])
    in_words: str = Field(examples=["12 months"])
    price: Money = Field(description="for the whole period, without add-ons")
    renewal_price: Money | None = Field(
        description="of a renewal by this period, without add-ons; null: it has no next term (a trial, for ever)"
    )
    renewal_owner: RenewalOwner | None = Field(
        description="who renews its services: `storefront` (you prolong), `automatic` or `upstream`; null: it has no "
        "next term"
    )
    renewal_lead_days: int | None = Field(
        description="so long before the end of a term it is renewed automatically; null: it is not"
    )
    availability: AvailabilityView


class AddonChoice(Document):
    """A value of an add-on that is a choice."""

    name: str
    price: Money | None = Field(description="for a month; null: the catalogue has no price for it")


class PlanAddon(Document):
    """What can be ordered with a plan. If its limits differ by period, it is listed once for each of them."""

    name: str
    kind: AddonKind = Field(description="`quantity`: a whole number, `switch`: true or false, `choice`: a name")
    months: list[int] = Field(description="the periods with which it can be ordered so")
    min: int | None = Field(description="the least quantity; null: it is no quantity")
    max: int | None = Field(description="the greatest quantity; null: there is no limit, or it is no quantity")
    step: int | None = Field(description="quantities go in such steps from `min`; null: it is no quantity")
    choices: list[AddonChoice] = Field(description="empty: it is no choice")
    price: Money | None = Field(
        description="for a month: of each unit above `included`, or of a switch that is on; null: it is a choice, or "
        "the catalogue has no price for it"
    )
    included: int = Field(description="units that the plan's own price includes")


class PlanTemplate(Document):
    """A template that an order may name."""

    name: str
    months: list[int] = Field(description="the periods with which it can be ordered")


class MappingCost(Document):
    """What a period costs us."""

    months: int
    cost: Money
    renewal_cost: Money | None = Field(description="null: the catalogue has none of its own")
    taken: bool = Field(description="an order of so many months takes this processing module")


class PlanMappingView(Document):
    """How a plan is bought by one processing module."""

    module: str
    account: str | None = Field(description="name of the upstream account; null: people carry it out")
    tariff: str
    location: str | None
    costs: list[MappingCost]
    addon_costs: dict[str, str | dict[str, str]] = Field(description="for a month, as the catalogue writes it")
    availability: AvailabilityView


class PlanView(Document):
    """A plan, and for how much it is sold."""

    name: str
    product_type: str
    active: bool = Field(description="false: it is sold to nobody any more; services that have it keep it")
    orderable: bool = Field(description="an order that fits `order_schema` is accepted")
    not_orderable_because: str = Field(description="empty: it can be ordered")
    resources: dict[str, int]
    periods: list[PlanPeriod] = Field(description="those that can be ordered, the shortest first")
    addons: list[PlanAddon]
    templates: list[PlanTemplate]
    availability: AvailabilityView = Field(description="of the period that is easiest to have")


class PlanDetail(PlanView):
    """The same with what an order must look like."""

    parameters: dict[str, Any] = Field(description="JSON Schema of the order's `parameters`")
    order_schema: dict[str, Any] = Field(
        description="JSON Schema (2020-12) of the body of `POST /v1/services`: what is valid by it is accepted"
    )
    may_change_to: list[PlanChangeView]
    mappings: list[PlanMappingView] | None = Field(description="null for storefronts")


async def list_plans(
    session: AsyncSession,
    ask: PageRequest,
    requester: Requester,
    terms: RenewalTerms,
    *,
    product_type: Sequence[str] | None = None,
    active: Sequence[bool] | None = None,
) -> Page[PlanView]:
    """A page of plans, those that the catalogue got last first. Raises InvalidField for a wrong cursor."""
    rows: list[TariffPlan] = await newest(
        session,
        select(TariffPlan),
        col(TariffPlan.id),
        lambda row: row.id,
        ask,
        _NOUN,
        (TariffPlan.product_type, product_type),
        (TariffPlan.active, active),
    )
    offers = {offer.plan.id: offer for offer in await offers_of(session, rows)}
    terms = of_plans(terms, rows)
    return page_of(_NOUN, ask, rows, lambda row: row.id, lambda row: PlanView(**_common(offers[row.id], terms)))


async def find_plan(
    session: AsyncSession, name: str, requester: Requester, rules: Rules, terms: RenewalTerms
) -> PlanDetail:
    """Raises NotFound."""
    plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == name))).one_or_none()
    if plan is None:
        raise NotFound("tariff plan", repr(name))
    same_type = await session.exec(
        select(TariffPlan)
        .where(TariffPlan.product_type == plan.product_type, TariffPlan.active, TariffPlan.id != plan.id)
        .order_by(col(TariffPlan.name))
    )
    offer, *others = await offers_of(session, [plan, *same_type.all()])
    return PlanDetail(
        **_common(offer, of_plans(terms, [plan])),
        parameters=parameters_schema(offer),
        order_schema=order_schema(offer),
        may_change_to=may_change_to(offer, others, rules),
        mappings=[_mapping(offer, source) for source in offer.sources] if requester.is_staff else None,
    )


def _common(offer: Offer, terms: RenewalTerms) -> dict[str, Any]:
    periods = [_period(offer, months, source, terms) for months, source in offer.by_period.items()]
    return {
        "name": offer.plan.name,
        "product_type": offer.plan.product_type,
        "active": offer.plan.active,
        "orderable": not offer.not_orderable_because,
        "not_orderable_because": offer.not_orderable_because,
        "resources": offer.plan.resources,
        "periods": periods,
        "addons": _addons(offer),
        "templates": [PlanTemplate(name=name, months=months) for name, months in _templates(offer).items()],
        "availability": together([one.availability for one in periods]),
    }


def _period(offer: Offer, months: int, source: Source, terms: RenewalTerms) -> PlanPeriod:
    price, plan = offer.prices[months], offer.plan
    renewal = price.renewal_price or price.price
    owner = source.mapping.renewed_by if has_next_term(months) else None
    lead = terms.lead_days(plan.id, plan.product_type, months) if owner is RenewalOwner.AUTOMATIC else None
    return PlanPeriod(
        months=price.period_months,
        in_words=period_in_words(price.period_months),
        price=_shown(price.price),
        renewal_price=_shown(renewal) if owner is not None else None,
        renewal_owner=owner,
        renewal_lead_days=lead,
        availability=available_by(source, staff=False),
    )


def _shown(exact: Money) -> Money:
    return money(exact.amount, exact.currency) or exact


def _templates(offer: Offer) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for source, months in offer.groups:
        for name in source.mapping.templates:
            found[name] = sorted([*found.get(name, []), *months])
    return found


def _addons(offer: Offer) -> list[PlanAddon]:
    found: dict[str, PlanAddon] = {}
    for source, months in offer.groups:
        for name in sorted(source.mapping.addons):
            one = addon_view(name, AddonForm.of(source.mapping, name), offer.plan.addon_prices.get(name))
            same = found.get(key := one.model_dump_json(), one)
            found[key] = same.model_copy(update={"months": sorted([*same.months, *months])})
    return list(found.values())


def addon_view(name: str, form: AddonForm, price: AddonPrice | None) -> PlanAddon:
    is_quantity = form.kind is AddonKind.QUANTITY
    unit = UnitPrice.parse(price) if isinstance(price, str) and form.kind is not AddonKind.CHOICE else None
    return PlanAddon(
        name=name,
        kind=form.kind,
        months=[],
        min=form.least if is_quantity else None,
        max=form.most if is_quantity else None,
        step=form.step if is_quantity else None,
        choices=[_choice(one, price) for one in form.choices] if form.kind is AddonKind.CHOICE else [],
        price=_shown(unit.money) if unit is not None else None,
        included=unit.included if unit is not None else 0,
    )


def _choice(name: str, price: AddonPrice | None) -> AddonChoice:
    text = price.get(name) if isinstance(price, Mapping) else None
    return AddonChoice(name=name, price=_shown(Money.parse(text)) if text is not None else None)


def _mapping(offer: Offer, source: Source) -> PlanMappingView:
    costs = [
        MappingCost(
            months=months,
            cost=_shown(period.cost),
            renewal_cost=_shown(period.renewal_cost) if period.renewal_cost is not None else None,
            taken=offer.by_period.get(months) is source,
        )
        for months, period in sorted(source.periods.items())
    ]
    return PlanMappingView(
        module=source.module.name,
        account=source.account.name if source.account is not None else None,
        tariff=source.mapping.tariff,
        location=source.mapping.location,
        costs=costs,
        addon_costs=source.mapping.addon_costs,
        availability=available_by(source, staff=True),
    )
