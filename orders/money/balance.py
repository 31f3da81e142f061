"""Balances, read once for all orders that ask at the same moment."""

import asyncio
import time
from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import col

from models.catalogue import UpstreamAccount
from models.database import Database
from orders.money.funds import BalanceReading
from upstreams.port import Upstream

FRESH_SECONDS = 1.0


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

        Raises the errors of `upstreams.errors`.
        """
        slot = self._slots.setdefault(account.id, _Slot(asyncio.Lock()))
        asked = time.monotonic()
        async with slot.lock:
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

    async def _remember(self, account_id: int, learned: dict[str, object]) -> None:
        async with self._database.write() as session:
            await session.exec(
                update(UpstreamAccount).where(col(UpstreamAccount.id) == account_id).values(learned=learned)
            )
