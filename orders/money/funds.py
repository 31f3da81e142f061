"""Money of an upstream account set aside for orders in flight, so that the account is never overdrawn.

The account keeps three sums with it: what is set aside, what was ever charged of it, and how many wait in line. Every
function here changes them in the transaction that changes a reservation. So what an order costs does not grow with the
orders in flight.

A reading is a balance together with the account's sum of charges just before it was asked for. What an order was
charged is missing from a balance read earlier; so what was charged *after* that note still counts against that reading.
This is exact whatever the clocks say, and lets one reading serve many orders.

Prolongations that wait are served before all others, the soonest end of a term first; the others strictly in the order
of their numbers. A large one is not overtaken for ever by small ones.
"""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

from sqlalchemy import ColumnElement, Update, and_, bindparam, func, or_, true, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models import rows
from models.catalogue import UpstreamAccount
from models.columns import of_units, units, utc_now
from models.enums import Knowledge, ReservationState
from models.money import CurrencyMismatch, Money
from models.order import ORDINARY_PLACE, Reservation
from orders.errors import NotFound
from orders.locking import locked

log = logging.getLogger(__name__)

REFUSAL_PATIENCE = timedelta(minutes=10)
"""After the upstream itself refused for want of money, it is asked again when more is free, or after this long."""
LINE = 100
"""Orders in line that are looked at in one read."""


@dataclass(frozen=True)
class BalanceReading:
    """A balance (without the credit limit), and the account's sum of charges noted before it was asked for."""

    balance: Money
    charged: int
    """`UpstreamAccount.charged`, in ten-thousandths."""


@dataclass(frozen=True)
class LinePosition:
    """How an order stands after money was given out."""

    granted: bool
    amount: Decimal
    free: Decimal
    """What was left for this order and those behind it."""
    ahead: int
    renewals_ahead: int = 0
    """Those of them that are prolongations."""
    refused: bool = False
    """The upstream itself refused it lately for want of money, with as much on the account as now."""
    asked_again_at: datetime | None = None
    """When it is asked again, should the balance not have grown before; None: it was not refused."""


async def locked_account(session: AsyncSession, account_id: int) -> UpstreamAccount:
    key = UpstreamAccount.id == account_id
    return await locked(session, UpstreamAccount, key, what="upstream account", name=account_id)


async def reservation_of(session: AsyncSession, operation: int) -> Reservation | None:
    found = await session.exec(
        select(Reservation).where(Reservation.operation_id == operation).execution_options(populate_existing=True)
    )
    return found.one_or_none()


def free(account: UpstreamAccount, reading: BalanceReading) -> Decimal:
    """What may still be set aside by this reading. Negative: more is set aside than there is."""
    held = account.set_aside + account.charged - reading.charged
    return reading.balance.amount + account.credit_limit - of_units(held)


async def held(session: AsyncSession, account: UpstreamAccount) -> Decimal:
    """What the balance as last read has yet to pay: what is set aside, and what was charged after that reading."""
    return of_units(account.set_aside) + await charged_since_reading(session, account)


async def charged_since_reading(session: AsyncSession, account: UpstreamAccount) -> Decimal:
    """What was charged after the balance was read is missing from it."""
    found = await session.exec(
        select(Reservation).where(
            Reservation.account_id == account.id,
            Reservation.state == ReservationState.RELEASED,
            col(Reservation.release_number).is_not(None),
            col(Reservation.released_at) > account.balance_at,
        )
    )
    return sum((one.amount for one in found.all()), Decimal(0))


async def set_aside_at_once(
    session: AsyncSession, account: UpstreamAccount, operation: int, amount: Money, reading: BalanceReading
) -> Reservation | None:
    """Grant an order its money if nobody waits and enough is free, without loading anything. It has no reservation yet.

    `account` may be of an earlier moment: what decides is its row as it is now. Returns the reservation that is to be
    inserted. None: nothing is changed.
    """
    now, limit = utc_now(), units(reading.balance.amount + account.credit_limit)
    granted = await rows.changed(
        session,
        _setting_aside(),
        account=account.id,
        wanted=units(amount.amount),
        limit=limit + reading.charged,
        **rows.new(balance=reading.balance.amount, balance_at=now),
    )
    if not granted:
        return None
    return Reservation(
        operation_id=operation,
        account_id=account.id,
        state=ReservationState.GRANTED,
        amount=amount.amount,
        granted_at=now,
    )


@cache
def _setting_aside() -> Update:
    account = rows.table_of(UpstreamAccount)
    wanted = bindparam("wanted", type_=account.c.set_aside.type)
    expected = and_(
        account.c.id == bindparam("account"),
        account.c.waiting == 0,
        account.c.paused_since.is_(None),
        account.c.set_aside + account.c.charged + wanted <= bindparam("limit", type_=account.c.set_aside.type),
    )
    values = {"set_aside": account.c.set_aside + wanted, **rows.setting(UpstreamAccount, "balance", "balance_at")}
    return update(account).where(expected).values(values)


async def charge_at_once(
    session: AsyncSession, account_id: int, operation: int, amount: Decimal, *, names_items: bool
) -> bool:
    """Charge what was granted and not changed since, without loading anything. False: it was changed.

    `names_items`: the answer showed that this upstream's answers to orders name the item.
    """
    counted = await rows.change(session, _charging(names_items), account=account_id, amount=units(amount))
    if counted is None:
        return False
    released = {"state": ReservationState.RELEASED, "release_number": counted[0], "released_at": utc_now()}
    return await rows.changed(session, _releasing(), operation=operation, granted=amount, **rows.new(**released))


@cache
def _charging(names_items: bool) -> Update:
    account = rows.table_of(UpstreamAccount)
    amount = bindparam("amount", type_=account.c.set_aside.type)
    values = {
        "set_aside": account.c.set_aside - amount,
        "charged": account.c.charged + amount,
        "release_count": account.c.release_count + 1,
    }
    learned = {"orders_return_number": Knowledge.YES} if names_items else {}
    statement = update(account).where(account.c.id == bindparam("account")).values(values | learned)
    return statement.returning(account.c.release_count)


@cache
def _releasing() -> Update:
    reservation = rows.table_of(Reservation)
    expected = and_(
        reservation.c.operation_id == bindparam("operation"),
        reservation.c.state == ReservationState.GRANTED,
        reservation.c.amount == bindparam("granted", type_=reservation.c.amount.type),
    )
    values = rows.setting(Reservation, "state", "release_number", "released_at")
    return update(reservation).where(expected).values(values)


async def request(
    session: AsyncSession, account_id: int, operation: int, amount: Money, place: int = ORDINARY_PLACE
) -> Reservation:
    """Get in line for money. Asked again, the place in line is kept, and a grant as long as it covers the amount.

    A grant for less becomes a place in line: the line is kept by `place` and by operation numbers, so nobody is
    overtaken by it. Raises CurrencyMismatch if the amount is not in the account's currency.
    """
    account = await locked_account(session, account_id)
    if amount.currency != account.currency:
        raise CurrencyMismatch(
            f"{amount} can't be set aside on account {account.name}: it is kept in {account.currency}"
        )
    entry = await reservation_of(session, operation)
    if entry is None:
        entry = Reservation(operation_id=operation, account_id=account_id, amount=amount.amount)
    else:
        _uncount(account, entry)
    if entry.state is ReservationState.RELEASED:
        entry.state = ReservationState.WAITING
    elif entry.state is ReservationState.GRANTED and entry.amount < amount.amount:
        entry.state = ReservationState.WAITING
        entry.granted_at = None
    entry.amount, entry.place = amount.amount, place
    if entry.state is ReservationState.WAITING and amount.amount <= 0:
        # What costs nothing waits for nothing: not for a balance below zero, and not for those ahead.
        entry.state = ReservationState.GRANTED
        entry.granted_at = utc_now()
    _count(account, entry)
    session.add_all([account, entry])
    await session.flush()
    return entry


def _count(account: UpstreamAccount, entry: Reservation) -> None:
    """This reservation is part of the account's sums from now on."""
    account.set_aside += units(entry.amount) if entry.state is ReservationState.GRANTED else 0
    account.waiting += entry.state is ReservationState.WAITING


def _uncount(account: UpstreamAccount, entry: Reservation) -> None:
    """It is about to change: what it was is part of the sums no more."""
    account.set_aside -= units(entry.amount) if entry.state is ReservationState.GRANTED else 0
    account.waiting -= entry.state is ReservationState.WAITING


async def grant_waiting(session: AsyncSession, account_id: int, reading: BalanceReading) -> list[int]:
    """Grant what the reading allows, in line. Returns the operations that were granted money just now."""
    account = await locked_account(session, account_id)
    left, now = free(account, reading), utc_now()
    granted: list[int] = []
    async for entry in _in_line(session, account):
        if _refused_lately(entry, reading.balance.amount, now):
            continue  # it has the money by our reckoning and not by the upstream's; the others need not wait for that
        if entry.amount > left:
            break
        left -= entry.amount
        _uncount(account, entry)
        entry.state = ReservationState.GRANTED
        entry.granted_at = now
        _count(account, entry)
        session.add(entry)
        granted.append(entry.operation_id)
    account.balance = reading.balance.amount
    account.balance_at = now
    session.add(account)
    await session.flush()
    return granted


async def line_position(
    session: AsyncSession, account: UpstreamAccount, operation: int, reading: BalanceReading
) -> LinePosition:
    """How it stands now. `account` may be of an earlier moment."""
    account = await locked_account(session, account.id)
    entry = await reservation_of(session, operation)
    if entry is None:
        raise NotFound("reservation of operation", operation)
    ahead, renewals = await _ahead(session, entry) if account.waiting else (0, 0)
    refused = _refused_lately(entry, reading.balance.amount, utc_now())
    again = entry.refused_at + REFUSAL_PATIENCE if refused and entry.refused_at is not None else None
    granted = entry.state is ReservationState.GRANTED
    return LinePosition(granted, entry.amount, free(account, reading), ahead, renewals, refused, again)


async def recount(session: AsyncSession, account_id: int) -> bool:
    """Count the sums anew from the reservations. False, and a line in the log: they were not right, and are now.

    Whoever changes reservations by hand in the database is the one way to that.
    """
    account = await locked_account(session, account_id)
    found = await session.exec(
        select(Reservation).where(
            Reservation.account_id == account_id,
            col(Reservation.state).in_([ReservationState.WAITING, ReservationState.GRANTED]),
        )
    )
    in_flight = found.all()
    set_aside = sum(units(one.amount) for one in in_flight if one.state is ReservationState.GRANTED)
    waiting = sum(one.state is ReservationState.WAITING for one in in_flight)
    if (account.set_aside, account.waiting) == (set_aside, waiting):
        return True
    log.warning(
        "account %s: its reservations add up to %s set aside and %d in line, but %s and %d were recorded; corrected",
        account.name,
        of_units(set_aside),
        waiting,
        of_units(account.set_aside),
        account.waiting,
    )
    account.set_aside, account.waiting = set_aside, waiting
    session.add(account)
    await session.flush()
    return False


async def first_waiting(session: AsyncSession, account_id: int) -> int | None:
    """The operation at the head of the line."""
    found = await session.exec(
        select(Reservation)
        .where(Reservation.account_id == account_id, Reservation.state == ReservationState.WAITING)
        .order_by(*_LINE)
        .limit(1)
    )
    head = found.first()
    return head.operation_id if head is not None else None


async def charge(session: AsyncSession, account_id: int, operation: int) -> None:
    """The upstream has charged this order: its money is in the balance now, no longer set aside.

    Also if the money had been set free before, because the upstream had said no, and had charged all the same.
    """
    account = await locked_account(session, account_id)
    entry = await reservation_of(session, operation)
    if entry is None or entry.release_number is not None:
        return
    _uncount(account, entry)
    account.charged += units(entry.amount)
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
    account = await locked_account(session, entry.account_id)
    entry = await reservation_of(session, operation)  # money may have been given out while the account was waited for
    if entry is None:
        return
    _uncount(account, entry)
    session.add(account)
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


async def _in_line(session: AsyncSession, account: UpstreamAccount) -> AsyncIterator[Reservation]:
    """Those who wait, in line and locked; read as far as they are asked for."""
    behind: Reservation | None = None
    while account.waiting:
        found = await session.exec(
            select(Reservation)
            .where(
                Reservation.account_id == account.id,
                Reservation.state == ReservationState.WAITING,
                _after(behind) if behind is not None else true(),
            )
            .order_by(*_LINE)
            .limit(LINE)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        line = found.all()
        for entry in line:
            yield entry
        if len(line) < LINE:
            return
        behind = line[-1]


_LINE = col(Reservation.place), col(Reservation.operation_id)


def _after(one: Reservation) -> ColumnElement[bool]:
    place, number = _LINE
    return or_(place > one.place, and_(place == one.place, number > one.operation_id))


async def _ahead(session: AsyncSession, entry: Reservation) -> tuple[int, int]:
    """How many are before it in line, and how many of them are prolongations."""
    place, number = _LINE
    found = await session.exec(
        select(func.count(), func.count().filter(place < ORDINARY_PLACE)).where(
            Reservation.account_id == entry.account_id,
            Reservation.state == ReservationState.WAITING,
            or_(place < entry.place, and_(place == entry.place, number < entry.operation_id)),
        )
    )
    return found.one()
