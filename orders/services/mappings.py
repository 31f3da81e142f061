"""What a service's plan and its periods are at its upstream, and which periods can be prolonged."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, TariffPlanPrice
from models.columns import utc_now
from models.enums import ModuleKind, ServiceStatus
from models.order import Service
from models.periods import FOR_EVER, TRIAL, period_in_words
from orders.errors import InvalidField, Refused


async def mapping_of(session: AsyncSession, service: Service) -> PlanMapping | None:
    """None where the catalogue does not say it."""
    return await mapped(session, service.plan_id, service.home_module_id or service.module_id)


async def mapped(session: AsyncSession, plan: int, module: int) -> PlanMapping | None:
    found = await session.exec(select(PlanMapping).where(PlanMapping.plan_id == plan, PlanMapping.module_id == module))
    return found.one_or_none()


async def by_tariff(session: AsyncSession, service: Service, tariff: str) -> list[PlanMapping]:
    """The mappings that are this tariff where the service is."""
    module = await session.get_one(ProcessingModule, service.home_module_id or service.module_id)
    if module.kind is ModuleKind.MANUAL:
        return []
    found = await session.exec(
        select(PlanMapping)
        .where(PlanMapping.module_id == module.id, PlanMapping.tariff == tariff)
        .order_by(col(PlanMapping.id))
    )
    return list(found.all())


async def mapping_of_plan(session: AsyncSession, service: Service, plan_id: int) -> PlanMapping | None:
    """The plan at the service's upstream. None: people carry it out, and it need not be mapped. Raises InvalidField."""
    module = await session.get_one(ProcessingModule, service.home_module_id or service.module_id)
    mapping = await mapped(session, plan_id, module.id)
    if mapping is None and module.kind is not ModuleKind.MANUAL:
        raise InvalidField("plan", "this plan is not mapped for the processing module of the service")
    return mapping


async def mapped_period(
    session: AsyncSession, service: Service, plan_id: int, months: int
) -> tuple[PlanMapping | None, MappedPeriod | None]:
    """The plan at the service's upstream, for so many months. Raises InvalidField.

    The service's own period may be had although it has been taken out of the catalogue since. Where no upstream does it
    (manual module) the plan need not be mapped; its period must be on sale all the same.
    """
    module = await session.get_one(ProcessingModule, service.home_module_id or service.module_id)
    mapping = await mapping_of_plan(session, service, plan_id)
    periods = await periods_of(session, service, plan_id, mapping)
    if months not in periods:
        offered = ", ".join(str(one) for one in sorted(periods)) or "no period at all"
        raise InvalidField("period_months", f"can't be had for {period_in_words(months)}; only for {offered}")
    return mapping, None if module.kind is ModuleKind.MANUAL else periods[months]


async def periods_of(
    session: AsyncSession, service: Service, plan_id: int, mapping: PlanMapping | None
) -> dict[int, MappedPeriod | None]:
    """Our months for which the service may have the plan -> the upstream's period; None where people do it."""
    own = service.period_months if plan_id == service.plan_id else None
    priced = await session.exec(select(TariffPlanPrice).where(TariffPlanPrice.plan_id == plan_id))
    sold = {one.period_months for one in priced.all() if not one.retired or one.period_months == own}
    periods: dict[int, MappedPeriod | None] = dict.fromkeys(sold) if mapping is None else {}
    if mapping is not None:
        entries = await session.exec(select(MappedPeriod).where(MappedPeriod.mapping_id == mapping.id))
        periods = {
            one.period_months: one
            for one in entries.all()
            if one.period_months in sold and (not one.retired or one.period_months == own)
        }
    return periods


async def check_prolongable(
    session: AsyncSession, service: Service, mapping: PlanMapping | None, asked: MappedPeriod | None
) -> None:
    """Raises Refused, with the way out, where there is no term that could be made longer. `asked`: the period to
    prolong by, where an upstream does it."""
    kept = await session.get(MappedPeriod, (mapping.id, service.period_months)) if mapping is not None else None
    own = kept.upstream_period if kept is not None else None
    if service.period_months == FOR_EVER or own == FOR_EVER:
        raise Refused(
            f"service {service.id} was bought for ever: it has no term that could be prolonged, and does not expire. "
            "To end it, close it"
        )
    if own == TRIAL:
        raise Refused(
            f"service {service.id} is a trial, which can't be prolonged. Change its plan to one that is sold, or order "
            "a new service"
        )
    if asked is not None and asked.upstream_period in (TRIAL, FOR_EVER):
        what = period_in_words(asked.upstream_period)
        raise Refused(f"{asked.period_months} months are {what} at the upstream: no service can be prolonged by that")


async def check_resumable(session: AsyncSession, service: Service) -> None:
    """Raises Refused for a service that is suspended because its term is over: only another term helps."""
    module = await session.get_one(ProcessingModule, service.home_module_id or service.module_id)
    if module.kind is ModuleKind.MANUAL or service.status is not ServiceStatus.SUSPENDED:
        return
    if service.expires_on is not None and service.expires_on < utc_now().date():
        raise Refused(f"service {service.id} {expired(service.expires_on.isoformat())}")


def expired(on: str) -> str:
    return f"expired on {on}: prolong it; that is what resumes it"
