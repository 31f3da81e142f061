"""What an activity needs to know of the operation it works for, read in one transaction."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache

from sqlalchemy import ColumnElement, Integer, and_, bindparam, cast, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select

from models.catalogue import (
    MappedPeriod,
    PlanMapping,
    ProcessingModule,
    TariffPlan,
    TariffPlanPrice,
    UpstreamAccount,
)
from models.database import Database
from models.enums import ModuleKind
from models.events import UpstreamList, UpstreamSnapshot
from models.order import Intent, Operation, Service
from models.product_types import PRODUCT_TYPES, Form, ProductType
from orders.access.private import note_names
from orders.errors import ByHand, NoMapping, NotFound
from orders.installation import held_column, raise_if_held
from orders.money.held_prices import QUOTE
from orders.services import addons
from upstreams.capabilities import Capabilities
from upstreams.kinds import adapter_of
from upstreams.port import OrderSpec

PLAN, MONTHS = "plan_id", "period_months"
"""Keys of an operation's parameters: the plan and the months that it is about. What has neither needs no period."""


@dataclass(frozen=True)
class Job:
    operation: Operation
    service: Service
    account: UpstreamAccount
    mapping: PlanMapping
    period: MappedPeriod
    plan: TariffPlan
    """The one that the operation is about."""
    price: TariffPlanPrice | None
    """What that plan is sold for, for so many months."""
    snapshot: UpstreamSnapshot | None
    """The service's item as it was last seen."""
    intent: Intent | None
    """The latest call made for this operation, if any."""
    seen_up_to: int
    """The last snapshot that was written by then, of whatever item."""
    known_list: UpstreamList | None
    """How far the list of the service's type is known."""

    @property
    def listed_at(self) -> datetime | None:
        """When that list was last read to its end; None also before every item that was there at first is known."""
        known = self.known_list
        return known.listed_at if known is not None and known.loaded_at is not None else None

    @property
    def number(self) -> int:
        return self.operation.id

    @property
    def capabilities(self) -> Capabilities:
        """What upstreams of this kind can do."""
        return adapter_of(self.account.kind).capabilities

    @property
    def about(self) -> str:
        """For messages: upstream and operation."""
        return f"Upstream {self.account.name}, operation {self.number}"

    @property
    def key(self) -> str:
        """The idempotency key of its calls: the same in every attempt, another one for every operation."""
        return f"{self.service.mark}.{self.number}"

    @property
    def named_quote(self) -> str:
        """The quote of the upstream's that its request names; empty: none."""
        return self.intent.request.get(QUOTE, "") if self.intent is not None else ""

    @property
    def account_id(self) -> int:
        return self.account.id

    @property
    def product_type(self) -> ProductType:
        return PRODUCT_TYPES[self.service.product_type]

    def upstream_period(self) -> int:
        """The upstream's period for the months this operation is about."""
        return self.period.upstream_period

    def order_spec(self) -> OrderSpec:
        """The set-up request, with what the catalogue maps: tariff, period, templates and add-ons."""
        parameters = {
            name: self.mapping.templates[value] if self.product_type.parameters[name].form is Form.TEMPLATE else value
            for name, value in self.service.parameters.items()
        }
        return OrderSpec(
            product_type=self.service.product_type,
            tariff=self.mapping.tariff,
            location=self.mapping.location,
            period=self.period.upstream_period,
            name=self.service.name,
            mark=self.service.mark,
            parameters=parameters,
            extras=self.mapping.order_parameters,
            addons=addons.fields(self.service.addons, self.mapping),
            renewal_owner=self.service.renewed_by,
            settings=self.mapping.settings,
        )


_Whole = Select[
    Operation,
    Service,
    ProcessingModule,
    TariffPlan,
    UpstreamAccount | None,
    PlanMapping | None,
    MappedPeriod | None,
    TariffPlanPrice | None,
    UpstreamSnapshot | None,
    Intent | None,
    int | None,
    UpstreamList | None,
    int,
    str | None,
]


async def load_job(database: Database, operation_number: int) -> Job:
    """All of it in one statement, as it is at one moment.

    Raises Held while nothing may be sent, NotFound for an unknown operation, ByHand if no upstream does it, NoMapping
    if the catalogue lacks it.
    """
    async with database.read() as session:
        return await job_in(session, operation_number)


async def job_in(session: AsyncSession, operation_number: int) -> Job:
    """The same within a transaction of the caller's."""
    row = (await session.exec(_whole_job(), params={"operation": operation_number})).one_or_none()
    if row is None:
        raise NotFound("operation", operation_number)
    operation, service, module, plan, account, mapping, period, price, snapshot, intent, last, known, wanted, held = row
    raise_if_held(held)
    note_names(service, operation, intent)
    if account is None or module.kind is ModuleKind.MANUAL:
        raise ByHand(f"processing module {module.name} is manual")
    if period is None and mapping is not None and not {PLAN, MONTHS} & operation.parameters.keys():
        period = _any_period(mapping, service)
    if mapping is None or period is None:
        raise NoMapping(service.id, wanted)
    return Job(operation, service, account, mapping, period, plan, price, snapshot, intent, last or 0, known)


@cache
def _whole_job() -> _Whole:
    plan_id = func.coalesce(_asked(PLAN), col(Service.plan_id))
    months = func.coalesce(_asked(MONTHS), col(Service.period_months))
    latest = select(func.max(Intent.id)).where(Intent.operation_id == bindparam("operation")).scalar_subquery()
    last_snapshot = select(func.max(UpstreamSnapshot.id)).scalar_subquery()
    query: _Whole = (
        select(  # type: ignore[call-overload]  # it knows no more than four
            Operation,
            Service,
            ProcessingModule,
            TariffPlan,
            UpstreamAccount,
            PlanMapping,
            MappedPeriod,
            TariffPlanPrice,
            UpstreamSnapshot,
            Intent,
            last_snapshot,
            UpstreamList,
            months,
            held_column(),
        )
        .join(Service, col(Operation.service_id) == col(Service.id))
        .join(ProcessingModule, col(ProcessingModule.id) == func.coalesce(Service.home_module_id, Service.module_id))
        .join(TariffPlan, col(TariffPlan.id) == plan_id)
        .outerjoin(UpstreamAccount, col(UpstreamAccount.id) == col(Service.account_id))
        .outerjoin(
            PlanMapping,
            and_(col(PlanMapping.plan_id) == plan_id, col(PlanMapping.module_id) == col(ProcessingModule.id)),
        )
        .outerjoin(
            MappedPeriod,
            and_(col(MappedPeriod.mapping_id) == col(PlanMapping.id), col(MappedPeriod.period_months) == months),
        )
        .outerjoin(
            TariffPlanPrice,
            and_(col(TariffPlanPrice.plan_id) == plan_id, col(TariffPlanPrice.period_months) == months),
        )
        .outerjoin(
            UpstreamSnapshot,
            and_(
                col(UpstreamSnapshot.account_id) == col(Service.account_id),
                col(UpstreamSnapshot.product_type) == col(Service.product_type),
                col(UpstreamSnapshot.number) == col(Service.upstream_number),
            ),
        )
        .outerjoin(
            UpstreamList,
            and_(
                col(UpstreamList.account_id) == col(Service.account_id),
                col(UpstreamList.product_type) == col(Service.product_type),
            ),
        )
        .outerjoin(Intent, col(Intent.id) == latest)
        .where(Operation.id == bindparam("operation"))
    )
    return query


def _any_period(mapping: PlanMapping, service: Service) -> MappedPeriod:
    """In place of one that is not in the catalogue any more, for what is done without looking at it."""
    return MappedPeriod(
        mapping_id=mapping.id,
        period_months=service.period_months,
        upstream_period=service.period_months,
        cost_amount=service.cost_amount or Decimal(0),
        cost_currency=service.cost_currency or "",
    )


def _asked(parameter: str) -> ColumnElement[int]:
    """A number that the operation was asked for; null where it says nothing of it."""
    return cast(col(Operation.parameters)[parameter].as_string(), Integer)
