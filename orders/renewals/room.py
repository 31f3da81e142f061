"""How much of ours may be under way at an account at once, so that a night of renewals holds up no order of a shop."""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import case, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import Stage
from models.order import Operation, Service
from orders.audit import OURSELVES
from orders.renewals.rules import Step

SENDING = frozenset({Step.PROLONG, Step.RETRY, Step.CLOSE})
"""Steps that have something sent to an upstream."""
_MOVING = (
    *(Stage.ACCEPTED, Stage.CHECKING_BALANCE, Stage.SUBMITTING, Stage.RETRYING),
    *(Stage.OUTCOME_UNKNOWN, Stage.AWAITING_CONFIRMATION),
)


class Room:
    """By account; None: what people carry out."""

    def __init__(self, under_way: Mapping[int | None, int], at_once: int) -> None:
        self._under_way = Counter(under_way)
        self._at_once = at_once

    def take(self, account: int | None) -> bool:
        """False: there is none left."""
        if self._under_way[account] >= self._at_once:
            return False
        self._under_way[account] += 1
        return True

    @property
    def full(self) -> set[int | None]:
        return {account for account, count in self._under_way.items() if count >= self._at_once}


async def room_at_accounts(session: AsyncSession, at_once: int) -> Room:
    """Counts those of our own operations that are at work; not those that wait for money or a person.

    Only the stage is a condition, so that a database goes by its index and reads none of those that have ended.
    """
    ours = case((col(Operation.actor) == OURSELVES, 1), else_=0)
    found = await session.exec(
        select(Service.account_id, func.sum(ours))
        .join(Operation, col(Operation.service_id) == col(Service.id))
        .where(col(Operation.stage).in_(_MOVING))
        .group_by(col(Service.account_id))
    )
    return Room({account: int(count) for account, count in found.all()}, at_once)
