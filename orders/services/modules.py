"""Giving a service to another processing module: into people's hands, or back to its upstream.

Nothing happens at the upstream. With a manual module every operation becomes a task (`orders.tasks.manual`); the
service stays linked to its item, whose changes are still seen and applied.
"""

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, TariffPlan
from models.database import Database
from models.enums import ModuleKind, ServiceStatus, Source
from models.order import Service
from models.periods import period_in_words
from orders.errors import InvalidField, NotFound, Refused
from orders.lifecycle import queueing
from orders.services.history import Origin, changing
from orders.text import Prose, Words

MODULE_SET = "module_set"


class ModuleChange(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    module: Words = Field(max_length=64, description="name of a processing module of the same product type")
    reason: Prose = Field(max_length=2000, description="why; written to the audit log")


async def set_module(database: Database, number: int, change: ModuleChange, *, actor: str) -> bool:
    """False: it has this module already. Raises NotFound, InvalidField, or Refused while an operation runs."""
    async with database.write() as session:
        running = await queueing.lock_running(session, number)  # before the service, as everywhere
        found = await session.exec(select(Service).where(Service.id == number).with_for_update())
        service = found.one_or_none()
        if service is None:
            raise NotFound("service", number)
        module = await _module(session, service, change.module)
        if service.module_id == module.id:
            return False
        if service.status is ServiceStatus.CLOSED:
            raise Refused(f"service {number} is closed; nothing can be done to it any more")
        if running is not None:
            now = f"operation {running.id} of service {number} is in stage {running.stage.value}"
            raise Refused(f"{now}; wait for its end, or cancel it")
        if module.kind is ModuleKind.UPSTREAM:
            await _check_upstream(session, service, module)
        async with changing(session, service, Origin(actor, MODULE_SET, reason=change.reason, source=Source.PERSON)):
            service.module_id = module.id
        session.add(service)
        return True


async def _module(session: AsyncSession, service: Service, name: str) -> ProcessingModule:
    found = await session.exec(select(ProcessingModule).where(ProcessingModule.name == name))
    module = found.one_or_none()
    if module is None:
        raise InvalidField("module", f"there is no processing module {name!r}")
    if module.product_type != service.product_type:
        raise InvalidField(
            "module", f"{name!r} is for a {module.product_type}, the service is a {service.product_type}"
        )
    return module


async def _check_upstream(session: AsyncSession, service: Service, module: ProcessingModule) -> None:
    """Its item is at one account and stays there; and the catalogue must say what its plan is for this module."""
    if service.account_id != module.account_id:
        raise InvalidField("module", f"{module.name!r} is at another upstream account than the service's item")
    found = await session.exec(
        select(MappedPeriod)
        .join(PlanMapping)
        .where(
            PlanMapping.plan_id == service.plan_id,
            PlanMapping.module_id == module.id,
            MappedPeriod.period_months == service.period_months,
        )
    )
    if found.first() is None:
        plan = await session.get_one(TariffPlan, service.plan_id)
        raise InvalidField(
            "module",
            f"plan {plan.name!r} is not mapped to {module.name!r} for {period_in_words(service.period_months)}",
        )
