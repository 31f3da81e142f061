"""Which plans the services of a plan may be changed to, and whether a person has to carry that out.

The same rules as those of the request (`orders.operations.change_plan`), which is checked against the service itself.
"""

from collections.abc import Sequence

from pydantic import Field

from models.catalogue import ProcessingModule, TariffPlan
from models.enums import ModuleKind
from models.product_types import SWITCHED_TYPES
from orders.operations.change_plan import by_hand_in_words, manual_changes
from orders.operations.requests import Rules
from orders.plans.offers import Offer, Source
from orders.reading.documents import Document
from upstreams.kinds import UnknownKind, adapter_of

_BY_PEOPLE = "people carry out what is done to this plan"


class PlanChangeView(Document):
    """A plan that a service may be changed to."""

    plan: str = Field(description="name of the plan")
    months: list[int] = Field(description="the periods with which it is possible: the service keeps its own")
    needs_person: bool = Field(description="a person carries it out, so it takes longer")
    why: str = Field(description="why a person is needed; empty: none is")


def may_change_to(offer: Offer, others: Sequence[Offer], rules: Rules) -> list[PlanChangeView]:
    """`others`: the active plans of the same type."""
    if offer.plan.product_type not in SWITCHED_TYPES:
        return []
    found = [_change(offer, other, rules) for other in others if other.plan.id != offer.plan.id]
    return [one for one in found if one is not None]


def changes_of_service(
    plan: TariffPlan, others: Sequence[Offer], module: ProcessingModule, months: int, rules: Rules
) -> list[PlanChangeView]:
    """The same for a service that is at this processing module, with its own period. `plan`: the one that it has."""
    if plan.product_type not in SWITCHED_TYPES:
        return []
    by_hand = module.kind is ModuleKind.MANUAL
    found = []
    for other in others:
        there = next((one for one in other.sources if one.module.id == module.id), None)
        if months in other.prices and (months in there.periods if there else by_hand):
            why = why_a_person(there, plan, other.plan, rules) if there else _BY_PEOPLE
            found.append(PlanChangeView(plan=other.plan.name, months=[months], needs_person=bool(why), why=why))
    return found


def _change(offer: Offer, other: Offer, rules: Rules) -> PlanChangeView | None:
    months, why = [], ""
    for period, source in offer.by_period.items():
        if _possible(source, other, period):
            months.append(period)
            why = why or why_a_person(source, offer.plan, other.plan, rules)
    if not months:
        return None
    return PlanChangeView(plan=other.plan.name, months=months, needs_person=bool(why), why=why)


def _possible(source: Source, other: Offer, months: int) -> bool:
    """The service stays at its processing module, which has to have the other plan with the same period."""
    if months not in other.prices:
        return False
    there = [one for one in other.sources if one.module.id == source.module.id]
    return months in there[0].periods if there else source.account is None


def why_a_person(source: Source, old: TariffPlan, new: TariffPlan, rules: Rules) -> str:
    """Why a person has to change it, in words; empty: nobody has to."""
    if source.account is None:
        return _BY_PEOPLE
    try:
        absent = dict(adapter_of(source.account.kind).capabilities.absent())
    except UnknownKind:
        return ""
    if "change_plan" in absent:
        return absent["change_plan"]
    return by_hand_in_words(manual_changes(source.account, old.product_type, rules), old, new)
