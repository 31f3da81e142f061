"""Money of an upstream account set aside for orders in flight, so that the account is never overdrawn.

A reading is a balance together with the account's `release_count` just before it was read. What an order was charged
is missing from a balance read earlier; so a reservation released as charged *after* a reading still counts against
that reading. This is exact whatever the clocks say, and lets one reading serve many orders.

Orders that wait are served strictly in the order of their numbers: a large one is not overtaken for ever by small ones.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.enums import ReservationState
from models.money import CurrencyMismatch, Money
from models.order import Reservation
from orders.errors import NotFound

REFUSAL_PATIENCE = timedelta(minutes=10)
"""After the upstream itself refused for want of money, it is asked again when more is free, or after this long."""


@dataclass(frozen=True)
class Reading:
    """A balance (without the credit limit) and the release count noted before it was asked for."""

    balance: Money
    release_count: int


@dataclass(frozen=True)
class Standing:
    """How an order stands after money was given out."""

    granted: bool
    amount: Decimal
    free: Decimal
    """What was left for this order and those behind it."""
    ahead: int
    refused: bool = False
    """The upstream itself refused it lately for want of money, with as much on the account as now."""


async def locked_account(session: AsyncSession, account_id: int) -> UpstreamAccount:
    found = await session.exec(
        select(UpstreamAccount)
        .where(UpstreamAccount.id == account_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    account = found.one_or_none()
    if account is None:
        raise NotFound("upstream account", account_id)
    return account


async def reservation_of(session: AsyncSession, operation: int) -> Reservation | None:
    return (await session.exec(select(Reservation).where(Reservation.operation_id == operation))).one_or_none()


async def request(session: AsyncSession, account_id: int, operation: int, amount: Money) -> Reservation:
    """Get in line for money. Asked again, the place in line is kept, and a grant as long as it covers the amount.

    A grant for less becomes a place in line: the line is kept by operation numbers, so nobody is overtaken by it.
    Raises CurrencyMismatch if the amount is not in the account's currency.
    """
    account = await locked_account(session, account_id)
    if amount.currency != account.currency:
        raise CurrencyMismatch(
            f"{amount} can't be set aside on account {account.name}: it is kept in {account.currency}"
        )
    entry = await reservation_of(session, operation)
    if entry is None:
        entry = Reservation(operation_id=operation, account_id=account_id, amount=amount.amount)
    elif entry.state is ReservationState.RELEASED:
        entry.state = ReservationState.WAITING
        entry.requested_at = utc_now()
    elif entry.state is ReservationState.GRANTED and entry.amount < amount.amount:
        entry.state = ReservationState.WAITING
        entry.granted_at = None
    entry.amount = amount.amount
    if entry.state is ReservationState.WAITING and amount.amount <= 0:
        # What costs nothing waits for nothing: not for a balance below zero, and not for those ahead.
        entry.state = ReservationState.GRANTED
        entry.granted_at = utc_now()
    session.add(entry)
    await session.flush()
    return entry


async def give_out(session: AsyncSession, account_id: int, reading: Reading) -> list[int]:
    """Grant what the reading allows, in line. Returns the operations that were granted money just now."""
    account = await locked_account(session, account_id)
    free = reading.balance.amount + account.credit_limit - await _held(session, account_id, reading.release_count)
    now = utc_now()
    granted: list[int] = []
    for entry in await _waiting(session, account_id):
        if _refused_lately(entry, reading.balance.amount, now):
            continue  # it has the money by our reckoning and not by the upstream's; the others need not wait for that
        if entry.amount > free:
            break
        free -= entry.amount
        entry.state = ReservationState.GRANTED
        entry.granted_at = now
        session.add(entry)
        granted.append(entry.operation_id)
    account.balance = reading.balance.amount
    account.balance_at = now
    session.add(account)
    await session.flush()
    return granted


async def standing(session: AsyncSession, account: UpstreamAccount, operation: int, reading: Reading) -> Standing:
    assert account.id is not None  # noqa: S101 - read from the database
    entry = await reservation_of(session, operation)
    if entry is None:
        raise NotFound("reservation of operation", operation)
    held = await _held(session, account.id, reading.release_count)
    free = reading.balance.amount + account.credit_limit - held
    ahead = sum(1 for other in await _waiting(session, account.id) if other.operation_id < operation)
    refused = _refused_lately(entry, reading.balance.amount, utc_now())
    return Standing(entry.state is ReservationState.GRANTED, entry.amount, free, ahead, refused)


async def first_waiting(session: AsyncSession, account_id: int) -> int | None:
    """The operation at the head of the line."""
    found = await session.exec(
        select(Reservation)
        .where(Reservation.account_id == account_id, Reservation.state == ReservationState.WAITING)
        .order_by(col(Reservation.operation_id))
        .limit(1)
    )
    head = found.first()
    return head.operation_id if head is not None else None


async def charge(session: AsyncSession, account_id: int, operation: int) -> None:
    """The upstream has charged this order: its money is in the balance now, no longer set aside."""
    account = await locked_account(session, account_id)
    entry = await reservation_of(session, operation)
    if entry is None or entry.state is ReservationState.RELEASED:
        return
    account.release_count += 1
    entry.state = ReservationState.RELEASED
    entry.release_number = account.release_count
    entry.released_at = utc_now()
    session.add(account)
    session.add(entry)
    await session.flush()


async def release(session: AsyncSession, operation: int, *, refused_balance: Decimal | None = None) -> None:
    """Nothing was charged: the money is free for others. `refused_balance`: the balance when the upstream refused."""
    entry = await reservation_of(session, operation)
    if entry is None or entry.state is ReservationState.RELEASED:
        return
    entry.state = ReservationState.RELEASED
    entry.release_number = None
    entry.released_at = utc_now()
    if refused_balance is not None:
        entry.refused_balance = refused_balance
        entry.refused_at = entry.released_at
    session.add(entry)
    await session.flush()


def _refused_lately(entry: Reservation, balance: Decimal, now: datetime) -> bool:
    if entry.refused_at is None or entry.refused_balance is None:
        return False
    return balance <= entry.refused_balance and now < entry.refused_at + REFUSAL_PATIENCE


async def _held(session: AsyncSession, account_id: int, release_count: int) -> Decimal:
    entries = await session.exec(
        select(Reservation).where(
            Reservation.account_id == account_id,
            or_(
                col(Reservation.state) == ReservationState.GRANTED,
                (col(Reservation.state) == ReservationState.RELEASED)
                & (col(Reservation.release_number) > release_count),
            ),
        )
    )
    return sum((entry.amount for entry in entries.all()), Decimal(0))


async def _waiting(session: AsyncSession, account_id: int) -> list[Reservation]:
    found = await session.exec(
        select(Reservation)
        .where(Reservation.account_id == account_id, Reservation.state == ReservationState.WAITING)
        .order_by(col(Reservation.operation_id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return list(found.all())
