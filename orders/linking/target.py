"""What the item should be: an account's counterpart of a plan."""

from dataclasses import dataclass, field

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, TariffPlan, UpstreamAccount
from models.enums import ModuleKind
from models.order import Service
from orders.errors import InvalidField, NotFound, Refused


@dataclass(frozen=True)
class Target:
    """What the item should be: an account's counterpart of a plan."""

    account: UpstreamAccount
    module: ProcessingModule
    plan: TariffPlan
    mapping: PlanMapping | None
    """None: the catalogue does not say any more what the plan is there."""
    periods: dict[int, MappedPeriod] = field(default_factory=dict)

    @property
    def account_id(self) -> int:
        return self.account.id

    @property
    def product_type(self) -> str:
        return self.plan.product_type


async def target_of_service(session: AsyncSession, number: int, upstream: str | None) -> Target:
    """Raises NotFound, or Refused for a service of no upstream or of another one than named."""
    service = await session.get(Service, number)
    if service is None:
        raise NotFound("service", number)
    account = await session.get(UpstreamAccount, service.account_id) if service.account_id else None
    if account is None:
        raise Refused(f"service {number} has no upstream: only people deal with it")
    if upstream is not None and upstream != account.name:
        raise Refused(f"service {number} is at upstream {account.name}, not at {upstream}")
    plan = await session.get_one(TariffPlan, service.plan_id)
    module = await session.get_one(ProcessingModule, service.home_module_id or service.module_id)
    return await _counterpart(session, account, module, plan)


async def target_of_plan(session: AsyncSession, plan_name: str, upstream: str | None) -> Target:
    """Raises InvalidField for a plan that there is not, or not there; and where there is a choice of upstreams."""
    plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == plan_name))).one_or_none()
    if plan is None:
        raise InvalidField("plan", f"there is no tariff plan {plan_name!r}")
    found = await session.exec(
        select(UpstreamAccount, ProcessingModule)
        .join(ProcessingModule, col(ProcessingModule.account_id) == col(UpstreamAccount.id))
        .join(PlanMapping, col(PlanMapping.module_id) == col(ProcessingModule.id))
        .where(PlanMapping.plan_id == plan.id, ProcessingModule.kind == ModuleKind.UPSTREAM)
        .order_by(col(ProcessingModule.priority), col(ProcessingModule.id))
    )
    ways = [(account, module) for account, module in found.all() if upstream in (None, account.name)]
    names = sorted({account.name for account, _ in ways})
    if not ways:
        where = f"upstream {upstream}" if upstream else "any upstream"
        raise InvalidField("plan", f"{plan_name!r} is not mapped to {where}")
    if len(names) > 1:
        raise InvalidField("upstream", f"{plan_name!r} is mapped to {', '.join(names)}; say which")
    return await _counterpart(session, *ways[0], plan)


async def _counterpart(
    session: AsyncSession, account: UpstreamAccount, module: ProcessingModule, plan: TariffPlan
) -> Target:
    query = select(PlanMapping).where(PlanMapping.plan_id == plan.id, PlanMapping.module_id == module.id)
    mapping = (await session.exec(query)).one_or_none()
    if mapping is None:
        return Target(account, module, plan, None)
    periods = await session.exec(select(MappedPeriod).where(MappedPeriod.mapping_id == mapping.id))
    return Target(account, module, plan, mapping, {row.period_months: row for row in periods.all()})
