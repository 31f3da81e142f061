"""What the upstream's staff changed of a service's tariff and add-ons, taken over in our words: plan and add-ons.

What an operation of ours is about to change, or has just changed, is left to it. A value that a form does not show is
taken for lost only where the form showed it before.
"""

from collections.abc import Mapping

from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import PlanMapping, TariffPlan
from models.enums import IncidentKind
from models.events import UpstreamSnapshot
from models.order import Operation, Service
from orders.incidents.record import raise_incident
from orders.operations.registry import operation_type
from orders.services import addons
from orders.services.history import Changes, text
from orders.services.mappings import by_tariff, mapping_of
from orders.services.meaning import same_value


async def take_over_plan(session: AsyncSession, service: Service, tariff: str, running: Operation | None) -> Changes:
    """The tariff of the service's item is another one now. Its plan is the one that is mapped to this tariff.

    Where none is, or several are, the plan stays and an incident says so. `running`: the service's operation under way.
    """
    if running is not None:
        type_ = operation_type(running.kind)
        if type_.sets_tariff(type_.asked(running)) == tariff:
            return {}
    old = await mapping_of(session, service)
    if old is not None and old.tariff == tariff:
        return {}
    fitting = await by_tariff(session, service, tariff)
    if len(fitting) != 1:
        await _report_unknown(session, service, tariff, fitting)
        return {}
    before = (await session.get_one(TariffPlan, service.plan_id)).name
    after = (await session.get_one(TariffPlan, fitting[0].plan_id)).name
    service.plan_id = fitting[0].plan_id
    changes: Changes = {"plan": (before, after)}
    kept = {name: value for name, value in service.addons.items() if name in fitting[0].addons}
    return changes | _put_addons(service, kept)


async def take_over_addons(
    session: AsyncSession,
    service: Service,
    snapshot: UpstreamSnapshot,
    form_before: Mapping[str, str],
    running: Operation | None,
    *,
    plan_changed: bool,
) -> Changes:
    """The add-ons as the form shows them now.

    What a tariff includes without being asked for is no add-on of the service: of those that it was not given only what
    changes counts. With another tariff, what its form has no place for is lost.
    """
    if running is not None and operation_type(running.kind).sets_addons:
        return {}
    mapping = await mapping_of(session, service)
    if mapping is None:
        return {}
    shown = addons.shown(mapping, snapshot.form)
    # What was to be dropped and is there all the same may be none that the plan is sold with: people see to it.
    values = {} if plan_changed else {n: v for n, v in service.addons.items() if n not in mapping.addons}
    for name, field in mapping.addons.items():
        claimed = service.addons.get(name)
        if name in shown:
            if claimed is not None or _changed(field, form_before, snapshot.form):
                values[name] = shown[name]
        elif claimed is not None and not plan_changed and field not in form_before:
            values[name] = claimed  # this upstream does not show it
    return _put_addons(service, {name: value for name, value in values.items() if not addons.is_none(value)})


def _changed(field: str, before: Mapping[str, str], now: Mapping[str, str]) -> bool:
    return field in before and not same_value(now[field], before[field])


def _put_addons(service: Service, values: dict[str, addons.AddonValue]) -> Changes:
    before = service.addons
    if values != before:
        service.addons = values
    changes = {f"addons.{name}": (text(before.get(name)), text(values.get(name))) for name in {*before, *values}}
    return {name: pair for name, pair in sorted(changes.items()) if pair[0] != pair[1]}


async def _report_unknown(session: AsyncSession, service: Service, tariff: str, fitting: list[PlanMapping]) -> None:
    names = [(await session.get_one(TariffPlan, one.plan_id)).name for one in fitting]
    which = f"the catalogue maps {' and '.join(names)} to it" if names else "no plan of the catalogue is mapped to it"
    plan = (await session.get_one(TariffPlan, service.plan_id)).name
    message = (
        f"The upstream gave item {service.upstream_number} tariff {tariff}, and {which}. Service {service.id} keeps "
        f"plan {plan} here; its next renewal may cost something else. Map the tariff in the catalogue, then change the "
        "plan of the service to it; or have the upstream put the tariff back."
    )
    await raise_incident(
        session,
        IncidentKind.UNKNOWN_TARIFF,
        message,
        about=f"service {service.id} tariff {tariff}",
        account=service.account_id,
        service=service.id,
        detail={"item": service.upstream_number or "", "tariff": tariff, "plan": plan},
    )
