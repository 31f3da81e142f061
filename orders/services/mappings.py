"""What a service's plan is at its upstream."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import PlanMapping, ProcessingModule
from models.enums import ModuleKind
from models.order import Service


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
