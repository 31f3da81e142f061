"""Balances: read once for all orders that ask at the same moment, and judged by the modules' minimal balance."""

import asyncio
import logging
import time
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import ProcessingModule, UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import ModuleKind
from models.money import Money
from orders.money.funds import BalanceReading, free, locked_account
from orders.webhooks import outbox
from upstreams.errors import Busy
from upstreams.port import Upstream

log = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 5.0
"""How long an order waits for another reading to end."""


@dataclass
class _Slot:
    lock: asyncio.Lock
    reading: BalanceReading | None = None
    read_at: float = 0.0


class BalanceReader:
    """A reading serves every order of the account for a second; orders.money.funds keeps it exact."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._slots: dict[int, _Slot] = {}

    async def reading(self, account: UpstreamAccount, upstream: Upstream, *, fresh: bool = False) -> BalanceReading:
        """`account` as it was just read: its sum of charges is the note that belongs to the balance.

        Raises the errors of `upstreams.errors`; Busy, if another reading lasts too long to be waited for.
        """
        slot = self._slots.setdefault(account.id, _Slot(asyncio.Lock()))
        asked = time.monotonic()
        try:
            await asyncio.wait_for(slot.lock.acquire(), LONGEST_WAIT_SECONDS)
        except TimeoutError:
            raise Busy(f"Upstream {account.name}, balance: not sent, another reading of it is under way.") from None
        try:
            age_allowed = 0.0 if fresh else FRESH_SECONDS
            if slot.reading is not None and slot.read_at > asked - age_allowed:
                return slot.reading
            began = time.monotonic()
            balance = await upstream.balance()
            slot.reading = BalanceReading(balance.amount, account.charged)
            slot.read_at = began
            learned = upstream.learned.model_dump(mode="json")
            if learned != account.learned:
                await self._remember(account.id, learned)
            return slot.reading
        finally:
            slot.lock.release()

    async def _remember(self, account_id: int, learned: dict[str, object]) -> None:
        async with self._database.write() as session:
            await session.exec(
                update(UpstreamAccount).where(col(UpstreamAccount.id) == account_id).values(learned=learned)
            )


async def note_balance(database: Database, account_id: int, reading: BalanceReading) -> None:
    """Write a reading down although nobody orders, and report where it is less than wanted, or enough again."""
    async with database.write() as session:
        account = await locked_account(session, account_id)
        account.balance, account.balance_at = reading.balance.amount, utc_now()
        session.add(account)
        await judge_minimum(session, account, reading)


async def judge_minimum(session: AsyncSession, account: UpstreamAccount, reading: BalanceReading) -> None:
    """Report once when less is free than a processing module wants at least, and once when it is there again.

    Orders are not held back by it. Free is what the next order could have: balance and credit, without what is set
    aside. `account` is locked; it keeps since when too little is free.
    """
    found = await session.exec(
        select(ProcessingModule)
        .where(
            ProcessingModule.account_id == account.id,
            ProcessingModule.kind == ModuleKind.UPSTREAM,
            col(ProcessingModule.minimal_balance).is_not(None),
        )
        .order_by(col(ProcessingModule.name))
    )
    left = free(account, reading)
    wanting = [module for module in found.all() if is_low(module, left)]
    if bool(wanting) == (account.low_balance_since is not None):
        return
    account.low_balance_since = utc_now() if wanting else None
    session.add(account)
    money = Money(amount=left, currency=account.currency)
    outbox.balance_changed(session, account, money, {one.name: _minimum(one, account) for one in wanting})
    if wanting:
        names = ", ".join(f"{one.name} wants {_minimum(one, account)}" for one in wanting)
        log.warning("upstream %s: %s are free, and %s: top it up; orders go on meanwhile", account.name, money, names)
    else:
        log.warning("upstream %s: %s are free, and that is enough again", account.name, money)


def is_low(module: ProcessingModule, left: Decimal) -> bool:
    """Whether less than its minimal balance is free on the account."""
    return module.minimal_balance is not None and left < module.minimal_balance


def _minimum(module: ProcessingModule, account: UpstreamAccount) -> Money:
    return Money(amount=module.minimal_balance or Decimal(0), currency=account.currency)
