"""What money may come back for, and on which days its charges are listed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import and_, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.columns import units, utc_now
from models.enums import OperationKind, ReservationState, ServiceStatus, Stage
from models.order import Operation, Reservation, Service
from orders.operations.registry import kinds

A_DAY = timedelta(days=1)
"""The upstream's calendar may be a day off ours."""
DAYS_AT_ONCE = 10
"""Days of earlier charges that are read in one look."""
MOST = 5000
"""Services whose earlier charges are compared; of more, those that ended last."""


@dataclass(frozen=True)
class Charged:
    """What an operation was charged for an item, by our books."""

    operation: int
    service: int
    item: str
    amount: int
    """In ten-thousandths of the account's currency."""
    on: date


@dataclass(frozen=True)
class Watched:
    """What is to be read, and compared with it."""

    since: date
    """From this day on the lists are read whole."""
    days: tuple[date, ...]
    """Earlier days, each of which is read alone."""
    charges: tuple[Charged, ...]
    """The last term of each service that is watched. What other operations charge may be less than their price."""


def beside(day: date) -> tuple[date, date, date]:
    """A day of ours is one of these in the upstream's calendar."""
    return day - A_DAY, day, day + A_DAY


async def due(session: AsyncSession, account_id: int, interval: timedelta, window: timedelta) -> Watched | None:
    """None: nothing is to be read now."""
    account = await session.get_one(UpstreamAccount, account_id)
    now = utc_now()
    if account.refunds_read_at is not None and now < account.refunds_read_at + interval:
        return None
    ended = await _ended(session, account, now - window)
    if not ended:
        return None
    charges = await _last_charges(session, account_id, [service for service, _ in ended[:MOST]])
    since = (min(at for _, at in ended) - A_DAY).date()
    earlier = sorted({day for one in charges for day in beside(one.on) if day < since})
    turn = int(now.timestamp() / max(interval.total_seconds(), 1.0)) * DAYS_AT_ONCE % (len(earlier) or 1)
    return Watched(since, tuple((earlier[turn:] + earlier[:turn])[:DAYS_AT_ONCE]), tuple(charges))


async def _ended(session: AsyncSession, account: UpstreamAccount, after: datetime) -> list[tuple[int, datetime]]:
    """Services that were closed, failed to open, or had their plan changed since; and when, the last first."""
    closed = await session.exec(
        select(Service.id, Service.status_since).where(
            Service.account_id == account.id,
            Service.status == ServiceStatus.CLOSED,
            col(Service.status_since) > after,
            col(Service.upstream_number).is_not(None),
        )
    )
    failed = await session.exec(
        select(Operation.service_id, Operation.stage_since).where(
            Operation.upstream_name == account.name,
            Operation.kind == OperationKind.OPEN,
            Operation.stage == Stage.NEEDS_ATTENTION,
        )
    )
    changed = await session.exec(
        select(Operation.service_id, Operation.ended_at).where(
            Operation.upstream_name == account.name,
            col(Operation.kind).in_(kinds(lambda one: one.refunds_difference)),
            col(Operation.ended_at) > after,
        )
    )
    found = [*closed.all(), *failed.all(), *changed.all()]
    return sorted([(service, at) for service, at in found if at is not None], key=lambda one: one[1], reverse=True)


async def _last_charges(session: AsyncSession, account_id: int, services: Sequence[int]) -> list[Charged]:
    last: dict[int, Charged] = {}
    for start in range(0, len(services), 500):
        rows = await session.exec(
            select(Operation.id, Service.id, Service.upstream_number, Reservation)
            .join(Operation, col(Operation.service_id) == col(Service.id))
            .join(
                Reservation,
                and_(
                    col(Reservation.operation_id) == col(Operation.id),
                    col(Reservation.state) == ReservationState.RELEASED,
                    col(Reservation.release_number).is_not(None),
                ),
            )
            .where(
                col(Service.id).in_(services[start : start + 500]),
                Service.account_id == account_id,
                col(Operation.kind).in_(kinds(lambda one: one.buys_term)),
                or_(col(Operation.stage) == Stage.COMPLETED, col(Operation.kind) == OperationKind.OPEN),
                col(Service.upstream_number).is_not(None),
            )
            .order_by(col(Reservation.id))
        )
        for operation, service, item, paid in rows.all():
            if paid.amount > 0 and paid.released_at is not None and item:
                last[service] = Charged(operation, service, item, units(paid.amount), paid.released_at.date())
    return list(last.values())
