"""What is on sale of a plan, read in a few statements for as many plans as are asked for."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import and_, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, TariffPlan, TariffPlanPrice, UpstreamAccount
from models.enums import ModuleKind
from models.product_types import PRODUCT_TYPES, ProductType
from models.tariffs import TariffState


@dataclass(frozen=True)
class Source:
    """One processing module by which a plan can be bought."""

    module: ProcessingModule
    mapping: PlanMapping
    account: UpstreamAccount | None
    """None: people carry it out."""
    state: TariffState | None
    """What the upstream's price list said of its tariff; None: it was not read yet."""
    periods: Mapping[int, MappedPeriod]
    """Our months -> the upstream's period, without those that were taken out of the catalogue."""


@dataclass(frozen=True)
class Offer:
    """A plan with its prices and its sources, as an order finds them."""

    plan: TariffPlan
    prices: Mapping[int, TariffPlanPrice]
    """Months -> price, without those that were taken out of the catalogue."""
    sources: tuple[Source, ...]
    """The one that an order tries first is the first."""

    @property
    def product_type(self) -> ProductType:
        return PRODUCT_TYPES[self.plan.product_type]

    @cached_property
    def by_period(self) -> dict[int, Source]:
        """Months, ascending -> the source that an order of so many months takes: the same as in `intake`."""
        taken = {months: self.source(months) for months in sorted(self.prices)}
        return {months: source for months, source in taken.items() if source is not None}

    def source(self, months: int) -> Source | None:
        return next((one for one in self.sources if months in one.periods), None)

    @property
    def groups(self) -> list[tuple[Source, tuple[int, ...]]]:
        """Each source that orders take, with the periods that they take it for."""
        found: dict[int, tuple[Source, tuple[int, ...]]] = {}
        for months, source in self.by_period.items():
            _, before = found.get(source.mapping.id, (source, ()))
            found[source.mapping.id] = (source, (*before, months))
        return list(found.values())

    @property
    def not_orderable_because(self) -> str:
        """Why an order is refused, whatever else it says; empty: it is not."""
        if not self.plan.active:
            return "it is not on sale any more (`active` is false in the catalogue)"
        if not self.sources:
            return "it is not mapped to any processing module"
        if not self.by_period:
            return "no period of it has both a price and a counterpart at a processing module"
        return ""


async def offers_of(session: AsyncSession, plans: Sequence[TariffPlan]) -> list[Offer]:
    """In the same order; three statements, however many plans."""
    numbers = [plan.id for plan in plans]
    prices: dict[int, dict[int, TariffPlanPrice]] = defaultdict(dict)
    found = await session.exec(
        select(TariffPlanPrice).where(
            col(TariffPlanPrice.plan_id).in_(numbers), col(TariffPlanPrice.retired).is_(False)
        )
    )
    for price in found.all():
        prices[price.plan_id][price.period_months] = price
    sources = await _sources(session, numbers)
    return [Offer(plan, prices[plan.id], tuple(sources[plan.id])) for plan in plans]


async def _sources(session: AsyncSession, plans: Iterable[int]) -> dict[int, list[Source]]:
    mapped = await session.exec(
        select(PlanMapping, ProcessingModule, UpstreamAccount, TariffState)
        .join(ProcessingModule, col(ProcessingModule.id) == col(PlanMapping.module_id))
        .outerjoin(UpstreamAccount, col(UpstreamAccount.id) == col(ProcessingModule.account_id))
        .outerjoin(
            TariffState,
            and_(
                col(TariffState.account_id) == col(ProcessingModule.account_id),
                col(TariffState.product_type) == col(ProcessingModule.product_type),
                col(TariffState.tariff) == col(PlanMapping.tariff),
                col(TariffState.location) == func.coalesce(PlanMapping.location, ""),
            ),
        )
        .where(col(PlanMapping.plan_id).in_(plans))
    )
    rows = sorted(mapped.all(), key=lambda row: (row[1].priority, row[1].id))
    periods: dict[int, dict[int, MappedPeriod]] = defaultdict(dict)
    kept = await session.exec(
        select(MappedPeriod).where(
            col(MappedPeriod.mapping_id).in_([mapping.id for mapping, *_ in rows]),
            col(MappedPeriod.retired).is_(False),
        )
    )
    for period in kept.all():
        periods[period.mapping_id][period.period_months] = period
    sources: dict[int, list[Source]] = defaultdict(list)
    for mapping, module, account, state in rows:
        by_hand = module.kind is ModuleKind.MANUAL
        sources[mapping.plan_id].append(
            Source(module, mapping, None if by_hand else account, state, periods[mapping.id])
        )
    return sources
