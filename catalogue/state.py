"""What the database has before a file is loaded, as far as loading has to know it."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import (
    MappedPeriod,
    PlanMapping,
    ProcessingModule,
    TariffPlan,
    TariffPlanPrice,
    UpstreamAccount,
)
from models.enums import FINAL_STAGES, ServiceStatus
from models.order import Operation, Service


@dataclass(frozen=True)
class CatalogueState:
    """Catalogue rows by name; who uses them, by id."""

    accounts: dict[str, UpstreamAccount]
    modules: dict[str, ProcessingModule]
    plans: dict[str, TariffPlan]
    prices: dict[int, dict[int, TariffPlanPrice]]
    """Plan id -> months -> price."""
    mappings: dict[tuple[str, str], PlanMapping]
    """(plan, module) -> mapping."""
    periods: dict[int, dict[int, MappedPeriod]]
    """Mapping id -> months -> period."""
    accounts_in_use: set[int]
    modules_in_use: set[int]
    plans_in_use: set[int]
    living: Counter[tuple[int, int, int]]
    """(plan id, module id, months) -> services that are not closed."""
    under_way: dict[tuple[int, int], list[Service]]
    """(plan id, module id) -> services with an operation that has not ended: it needs what the catalogue said."""


async def read_state(session: AsyncSession) -> CatalogueState:
    accounts = (await session.exec(select(UpstreamAccount).order_by(col(UpstreamAccount.id)))).all()
    modules = (await session.exec(select(ProcessingModule).order_by(col(ProcessingModule.id)))).all()
    plans = (await session.exec(select(TariffPlan).order_by(col(TariffPlan.id)))).all()
    mappings = (await session.exec(select(PlanMapping).order_by(col(PlanMapping.id)))).all()
    prices: dict[int, dict[int, TariffPlanPrice]] = {}
    for price in (await session.exec(select(TariffPlanPrice))).all():
        prices.setdefault(price.plan_id, {})[price.period_months] = price
    periods: dict[int, dict[int, MappedPeriod]] = {}
    for period in (await session.exec(select(MappedPeriod))).all():
        periods.setdefault(period.mapping_id, {})[period.period_months] = period
    module_names = {module.id: module.name for module in modules}
    plan_names = {plan.id: plan.name for plan in plans}
    used = (
        await session.exec(
            select(Service.account_id, Service.module_id, Service.home_module_id, Service.plan_id).distinct()
        )
    ).all()
    return CatalogueState(
        accounts={account.name: account for account in accounts},
        modules={module.name: module for module in modules},
        plans={plan.name: plan for plan in plans},
        prices=prices,
        mappings={(plan_names[mapping.plan_id], module_names[mapping.module_id]): mapping for mapping in mappings},
        periods=periods,
        accounts_in_use={account for account, _, _, _ in used if account is not None},
        modules_in_use={module for _, now, home, _ in used for module in (now, home) if module is not None},
        plans_in_use={plan for _, _, _, plan in used},
        living=await _living(session),
        under_way=await _under_way(session),
    )


async def _living(session: AsyncSession) -> Counter[tuple[int, int, int]]:
    module = func.coalesce(Service.home_module_id, Service.module_id)
    found = await session.exec(
        select(Service.plan_id, module, Service.period_months, func.count())
        .where(Service.status != ServiceStatus.CLOSED)
        .group_by(col(Service.plan_id), module, col(Service.period_months))
    )
    return Counter({(plan, at, months): count for plan, at, months, count in found.all()})


async def _under_way(session: AsyncSession) -> dict[tuple[int, int], list[Service]]:
    found = await session.exec(
        select(Service)
        .join(Operation, col(Operation.service_id) == col(Service.id))
        .where(col(Operation.stage).not_in(FINAL_STAGES))
        .distinct()
    )
    under_way: dict[tuple[int, int], list[Service]] = {}
    for service in found.all():
        under_way.setdefault((service.plan_id, service.module_id), []).append(service)
    return under_way
