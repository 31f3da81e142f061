"""What can be asked of a service as it is now, and what there is to choose. A request is checked once more."""

from dataclasses import dataclass, field

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import ProcessingModule, TariffPlan
from models.enums import ModuleKind, OperationKind, RenewalOwner, ServiceStatus
from models.order import Service
from models.periods import has_next_term
from models.product_types import PRODUCT_TYPES
from orders.access.ownership import visible_service
from orders.access.roles import Requester
from orders.errors import InvalidField
from orders.lifecycle.requests import why_never
from orders.operations import pending
from orders.operations.registry import OPERATIONS
from orders.operations.requests import Rules
from orders.operations.set_parameters import absences
from orders.plans.change_views import PlanChangeView, changes_of_service
from orders.plans.offers import offers_of
from orders.plans.views import PlanAddon, addon_view
from orders.services import mappings
from orders.services.addons import AddonForm

_SECRETS = {"password": "change_password", "licence_key": "licence_keys"}
"""Field of a request -> what the upstream must be able to do."""


@dataclass(frozen=True)
class Choices:
    """What each request may choose."""

    months: tuple[int, ...] = ()
    """Periods to prolong by."""
    plans: tuple[PlanChangeView, ...] = ()
    addons: tuple[PlanAddon, ...] = ()
    """Those of the plan that the service will have once the changes under way are done."""
    takes_name: bool = False
    secrets: tuple[str, ...] = ()
    """`password` and `licence_key`: those that can be made anew."""
    renewal_owners: tuple[RenewalOwner, ...] = field(default=())


async def possible_kinds(session: AsyncSession, number: int, requester: Requester) -> list[OperationKind]:
    """The kinds of operations that would do something to the service as it is, whatever stands in their requests."""
    service = await visible_service(session, number, requester)
    return [
        kind
        for kind, operation in OPERATIONS.items()
        if operation.route is not None
        and not why_never(service, operation)
        and not _is_so(service, operation.status_by_hand)
    ]


def _is_so(service: Service, goal: ServiceStatus | None) -> bool:
    """It has the status that an operation leads to, or is on its way there already."""
    on_its_way = service.status in (ServiceStatus.ORDERED, ServiceStatus.PROCESSING)
    return service.status is goal or (on_its_way and goal is ServiceStatus.ACTIVE)


async def choices_of(session: AsyncSession, number: int, requester: Requester, rules: Rules) -> Choices:
    """Raises NotFound."""
    service = await visible_service(session, number, requester)
    product_type = PRODUCT_TYPES[service.product_type]
    module = await session.get_one(ProcessingModule, service.home_module_id or service.module_id)
    absent = await absences(session, service)
    secrets = {"password": product_type.has_password, "licence_key": product_type.has_key}
    owners = [
        owner
        for owner in RenewalOwner
        if not (owner is RenewalOwner.AUTOMATIC and not has_next_term(service.period_months))
        and not (owner is RenewalOwner.UPSTREAM and "renewal_switch" in absent)
    ]
    return Choices(
        months=await _months(session, service),
        plans=tuple(await _plans(session, service, module, rules)),
        addons=tuple(await _addons(session, service)),
        takes_name=product_type.name.is_chosen and not product_type.name.is_the_thing,
        secrets=tuple(name for name, has in secrets.items() if has and _SECRETS[name] not in absent),
        renewal_owners=tuple(owners),
    )


async def modules_for(session: AsyncSession, number: int, requester: Requester) -> list[str]:
    """Other processing modules that the service may be given to: the manual ones, and those of its upstream account."""
    service = await visible_service(session, number, requester)
    found = await session.exec(
        select(ProcessingModule)
        .where(ProcessingModule.product_type == service.product_type, ProcessingModule.id != service.module_id)
        .order_by(col(ProcessingModule.name))
    )
    return [one.name for one in found.all() if one.kind is ModuleKind.MANUAL or one.account_id == service.account_id]


async def _months(session: AsyncSession, service: Service) -> tuple[int, ...]:
    try:
        mapping = await mappings.mapping_of_plan(session, service, service.plan_id)
    except InvalidField:
        return ()
    return tuple(sorted(await mappings.periods_of(session, service, service.plan_id, mapping)))


async def _plans(
    session: AsyncSession, service: Service, module: ProcessingModule, rules: Rules
) -> list[PlanChangeView]:
    active = select(TariffPlan).where(TariffPlan.product_type == service.product_type, TariffPlan.active)
    others = (await session.exec(active.order_by(col(TariffPlan.name)))).all()
    plan = await session.get_one(TariffPlan, service.plan_id)
    offers = await offers_of(session, [one for one in others if one.id != plan.id])
    return changes_of_service(plan, offers, module, service.period_months, rules)


async def _addons(session: AsyncSession, service: Service) -> list[PlanAddon]:
    plan = await session.get_one(TariffPlan, await pending.plan_to_come(session, service))
    try:
        mapping = await mappings.mapping_of_plan(session, service, plan.id)
    except InvalidField:
        return []
    names = sorted(mapping.addons) if mapping is not None else []
    return [addon_view(name, AddonForm.of(mapping, name), plan.addon_prices.get(name)) for name in names if mapping]
