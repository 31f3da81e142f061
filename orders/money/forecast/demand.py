"""What falls due on an account: the orders in line, and the next terms of its services. Three statements, whatever the
number of services: what is alike is counted by the database."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import CompoundSelect, and_, case, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, UpstreamAccount
from models.enums import AtEndOfTerm, OperationKind, RenewalOwner, ReservationState, ServiceStatus, Stage
from models.events import UpstreamSnapshot
from models.money import Money
from models.order import RUNNING, Operation, Reservation, Service
from models.periods import FOR_EVER, TRIAL
from models.rates import Rates
from models.renewal import owner_of
from orders.money.addonprices import AddonPrice, addons_total
from orders.money.forecast.terms import Basis, Terms
from orders.operations.registry import kinds
from orders.renewals.leads import with_plans

_UNDER_WAY = tuple(stage for stage in Stage if not stage.is_final)
_GOES_ON = (
    *(Stage.ACCEPTED, Stage.QUEUED, Stage.CHECKING_BALANCE, Stage.WAITING_FOR_FUNDS),
    *(Stage.SUBMITTING, Stage.RETRYING, Stage.OUTCOME_UNKNOWN),
)
"""Stages in which an operation will be charged, unless something happens. What waits for people may never be."""


class Cause(StrEnum):
    """Why a sum falls due."""

    LINE = "line"
    """An operation that has no money yet."""
    AUTOMATIC = "automatic"
    UPSTREAM = "upstream"
    STOREFRONT = "storefront"
    """Only if the shop prolongs."""


@dataclass(frozen=True)
class Due:
    """Sums that fall due at one moment for one cause, in the account's currency."""

    at: datetime
    cause: Cause
    amount: Decimal
    count: int


@dataclass
class Demand:
    """Everything that falls due until a moment."""

    dues: list[Due] = field(default_factory=list)
    unknown: Counter[tuple[Cause, str]] = field(default_factory=Counter)
    """Cause, and why its cost is not known -> how many."""
    foreign: dict[tuple[Cause, str], Decimal] = field(default_factory=dict)
    """Cause and currency -> sum, of what no rate converts."""


@dataclass(frozen=True)
class _Period:
    """What a period costs by the catalogue."""

    cost: Money
    renewal_cost: Money | None
    addon_costs: Mapping[str, AddonPrice]


async def read_demand(
    session: AsyncSession, account: UpstreamAccount, now: datetime, until: datetime, basis: Basis
) -> Demand:
    """Reads only. What an order has had set aside is part of what is reserved, and no demand any more."""
    demand = Demand()
    basis = replace(basis, renewal=await with_plans(session, basis.renewal))
    await _add_line(session, account, now, demand)
    periods = await _periods(session, account.id)
    for row in await _groups(session, account.id, now, until + basis.longest_lead):
        _add_terms(demand, account.currency, row, periods, now, until, basis)
    return demand


async def _add_line(session: AsyncSession, account: UpstreamAccount, now: datetime, demand: Demand) -> None:
    found = await session.exec(
        select(Operation, Reservation)
        .outerjoin(Reservation, col(Reservation.operation_id) == col(Operation.id))
        .where(
            Operation.upstream_name == account.name,
            col(Operation.stage).in_(_UNDER_WAY),
            col(Operation.kind).in_(kinds(lambda one: one.charges)),
        )
    )
    for operation, entry in found.all():
        waits = entry is not None and entry.state is ReservationState.WAITING
        if entry is not None and not waits and (entry.release_number or entry.state is ReservationState.GRANTED):
            continue
        if entry is not None and waits:
            demand.dues.append(Due(now, Cause.LINE, entry.amount, 1))
        elif operation.stage not in _GOES_ON or (operation.cost is None and operation.price):
            continue  # a person decides, or it costs nothing
        elif operation.cost is not None and operation.cost.currency == account.currency:
            demand.dues.append(Due(now, Cause.LINE, operation.cost.amount, 1))
        else:
            demand.unknown[Cause.LINE, "the upstream has not been asked for its price yet"] += 1


async def _periods(session: AsyncSession, account_id: int) -> dict[tuple[int, int, int], _Period]:
    """By plan, module and months."""
    found = await session.exec(
        select(PlanMapping, MappedPeriod)
        .join(MappedPeriod, col(MappedPeriod.mapping_id) == col(PlanMapping.id))
        .join(ProcessingModule, col(ProcessingModule.id) == col(PlanMapping.module_id))
        .where(ProcessingModule.account_id == account_id)
    )
    return {
        (mapping.plan_id, mapping.module_id, period.period_months): _Period(
            period.cost, period.renewal_cost, mapping.addon_costs
        )
        for mapping, period in found.all()
    }


async def _groups(session: AsyncSession, account_id: int, now: datetime, last: datetime) -> Sequence[Any]:
    """Services of the same terms and costs, counted. Nobody renews an expired service any more."""
    prolonging = col(Service.id).in_(_under_way(kinds(lambda one: one.buys_term)))
    closing = col(Service.id).in_(_under_way(kinds(lambda one: one.ends_service)))
    columns: list[Any] = [
        Service.plan_id,
        Service.product_type,
        func.coalesce(Service.home_module_id, Service.module_id),
        Service.period_months,
        Service.renewal_owner,
        Service.renews_automatically,
        Service.expires_on,
        Service.anchor_day,
        Service.addons,
        UpstreamSnapshot.cost_amount,
        UpstreamSnapshot.cost_currency,
        case((prolonging, 1), else_=0),
    ]
    shown = and_(
        col(UpstreamSnapshot.account_id) == col(Service.account_id),
        col(UpstreamSnapshot.product_type) == col(Service.product_type),
        col(UpstreamSnapshot.number) == col(Service.upstream_number),
    )
    connection = await session.connection()  # `exec` knows the types of four columns at most
    found = await connection.execute(
        sa.select(*columns, func.count())
        .select_from(Service)
        .outerjoin(UpstreamSnapshot, shown)
        .where(
            col(Service.account_id) == account_id,
            col(Service.expires_on) >= now.date(),
            col(Service.expires_on) <= last.date(),
            col(Service.at_end_of_term) == AtEndOfTerm.RENEW,
            col(Service.status).in_([ServiceStatus.ACTIVE, ServiceStatus.SUSPENDED]),
            col(Service.period_months).not_in([FOR_EVER, TRIAL]),
            ~closing,
        )
        .group_by(*columns)
    )
    return found.all()


def _under_way(some: Sequence[OperationKind]) -> CompoundSelect[int]:
    """Services that such an operation is under way for, read from the indexes of those that run, and of a stage."""
    of_kind = select(Operation.service_id).where(col(Operation.kind).in_(some))
    return sa.union_all(of_kind.where(RUNNING), of_kind.where(Operation.stage == Stage.QUEUED))


def _add_terms(
    demand: Demand,
    currency: str,
    row: Any,
    periods: Mapping[tuple[int, int, int], _Period],
    now: datetime,
    until: datetime,
    basis: Basis,
) -> None:
    (
        plan,
        product_type,
        module,
        months,
        side,
        automatically,
        expires_on,
        anchor,
        addons,
        shown,
        shown_in,
        paid,
        count,
    ) = row
    owner = owner_of(side, bool(automatically))
    terms = Terms(expires_on, months, anchor, basis.lead(owner, plan, product_type, months), paid)
    times = list(terms.due_times(now, until))
    if not times:
        return
    cause = _CAUSES[owner]
    item = Money(amount=shown, currency=shown_in) if shown and shown_in else None
    cost, missing = _renewal_cost(periods.get((plan, module, months)), item, addons or {}, months)
    if cost is None:
        demand.unknown[cause, missing] += count
        return
    converted = _in(currency, cost, now.date(), basis.rates)
    if converted is None:
        key = cause, cost.currency
        demand.foreign[key] = demand.foreign.get(key, Decimal(0)) + cost.amount * count * len(times)
        return
    demand.dues += [Due(at, cause, converted.amount * count, count) for at in times]


_CAUSES = {
    RenewalOwner.AUTOMATIC: Cause.AUTOMATIC,
    RenewalOwner.UPSTREAM: Cause.UPSTREAM,
    RenewalOwner.STOREFRONT: Cause.STOREFRONT,
}


def _renewal_cost(
    period: _Period | None, shown: Money | None, addons: Mapping[str, int | str], months: int
) -> tuple[Money | None, str]:
    """The cost, or why it is not known.

    It is the one that `orders.money.expectation` expects: the catalogue's renewal cost, else what the item shows, else
    the catalogue's cost.
    """
    if (period is None or period.renewal_cost is None) and shown is not None:
        return shown, ""
    if period is None:
        return None, "the catalogue has no cost of it, and its item shows none"
    base = period.renewal_cost or period.cost
    total, unknown = addons_total(period.addon_costs, addons, months, base.currency)
    if unknown:
        return None, f"the catalogue has no cost of {', '.join(unknown)}"
    return base + total, ""


def _in(currency: str, cost: Money, today: date, rates: Rates) -> Money | None:
    if cost.currency == currency:
        return cost
    rate = rates.find(cost.currency, currency, today)
    return rate.of(cost) if rate is not None else None


def today_of(moment: datetime) -> date:
    """The day of UTC."""
    return moment.astimezone(UTC).date()
