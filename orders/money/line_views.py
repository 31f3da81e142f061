"""Who waits for the money of an account, in the order in which they get it; and what was charged lately."""

from datetime import datetime

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import OperationKind, ReservationState
from models.invariants import required
from models.money import Money
from models.order import Operation, Reservation
from orders.accounts.views import account_named
from orders.reading.documents import Document, money


class MoneyOf(Document):
    """Money of one operation."""

    operation: int
    service: int
    kind: OperationKind
    amount: Money
    at: datetime | None = Field(description="since when it waits, or when it was charged")


async def line_of(session: AsyncSession, upstream: str, limit: int) -> list[MoneyOf]:
    """The first in line, as the next money is given out. Raises NotFound."""
    account = await account_named(session, upstream)
    found = await session.exec(
        select(Reservation, Operation)
        .join(Operation, col(Operation.id) == col(Reservation.operation_id))
        .where(Reservation.account_id == account.id, Reservation.state == ReservationState.WAITING)
        .order_by(col(Reservation.place), col(Reservation.operation_id))
        .limit(limit)
    )
    return [_money(one, operation, account.currency, operation.stage_since) for one, operation in found.all()]


async def charges_of(session: AsyncSession, upstream: str, limit: int) -> list[MoneyOf]:
    """What the upstream has charged for operations of ours, newest first. Raises NotFound."""
    account = await account_named(session, upstream)
    found = await session.exec(
        select(Reservation, Operation)
        .join(Operation, col(Operation.id) == col(Reservation.operation_id))
        .where(
            Reservation.account_id == account.id,
            Reservation.state == ReservationState.RELEASED,
            col(Reservation.release_number).is_not(None),
        )
        .order_by(col(Reservation.released_at).desc(), col(Reservation.release_number).desc())
        .limit(limit)
    )
    return [_money(one, operation, account.currency, one.released_at) for one, operation in found.all()]


def _money(one: Reservation, operation: Operation, currency: str, at: datetime | None) -> MoneyOf:
    return MoneyOf(
        operation=operation.id,
        service=operation.service_id,
        kind=operation.kind,
        amount=required(money(one.amount, currency), "the amount"),
        at=at,
    )
