"""What the sweep looks for every other second: operations that nobody started, and those that were called off.

`look` asks for all of it in one statement, which most of the time finds nothing. Only for what it finds is more asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import UtcDateTime, utc_now
from models.enums import IntentState, Stage
from models.order import RUNNING, Intent, Operation
from orders.installation import held_column
from orders.restoration import numbers

JUST_ACCEPTED = timedelta(seconds=5)
"""Who accepted an operation starts it too, within so long; then its first activity notes that it runs."""
REMEMBERED = timedelta(days=7)
"""How long the sweep continues to notify a workflow that does not know that its order was called off."""
BATCH = 200


def _just_now() -> datetime:
    return utc_now() - JUST_ACCEPTED


def _remembered_since() -> datetime:
    return utc_now() - REMEMBERED


# Accepted just now, and not one whose turn in the queue has come: that one is the sweep's to start.
_IS_BEING_STARTED = sa.and_(
    col(Operation.created_at) > sa.bindparam("just_now", callable_=_just_now, type_=UtcDateTime()),
    col(Operation.stage_since) == col(Operation.created_at),
    col(Operation.stage) == Stage.ACCEPTED,
)
_UNSTARTED = (
    select(Operation.id, Operation.stage_since)
    .where(RUNNING, col(Operation.workflow_started_at).is_(None), ~_IS_BEING_STARTED)
    .order_by(col(Operation.id))
    .limit(BATCH)
)
_UNSETTLED = (
    select(Intent.id)
    .where(Intent.operation_id == Operation.id, col(Intent.state).in_([IntentState.PREPARED, IntentState.UNKNOWN]))
    .exists()
)
_CALLED_OFF = select(Operation).where(
    col(Operation.called_off_at) > sa.bindparam("since", callable_=_remembered_since, type_=UtcDateTime()),
    col(Operation.workflow_started_at).is_not(None),
    ~_UNSETTLED,
)


@dataclass(frozen=True)
class SweepLook:
    """What there is to be done. `given`: see `orders.restoration.numbers`."""

    held_because: str | None
    unstarted: bool
    called_off: bool
    given: dict[str, int]


async def look(session: AsyncSession) -> SweepLook:
    """One statement, which reads a row of each index that it needs."""
    row = (await (await session.connection()).execute(_look())).one()
    held_because, unstarted, called_off, *highest = row
    return SweepLook(held_because, bool(unstarted), bool(called_off), numbers.read(highest))


@cache
def _look() -> sa.Select[Any]:
    return sa.select(
        held_column(),
        _UNSTARTED.with_only_columns(col(Operation.id)).exists(),
        _CALLED_OFF.with_only_columns(col(Operation.id)).exists(),
        *numbers.columns(),
    )


async def unstarted(session: AsyncSession) -> list[int]:
    """Operations that nobody started, at most a batch of them, those first that wait longest."""
    waiting = (await session.exec(_UNSTARTED)).all()
    return [number for number, _ in sorted(waiting, key=lambda row: row[1])]


async def called_off(session: AsyncSession) -> Sequence[Operation]:
    """Operations that were called off while their workflows ran, except those whose request may be under way."""
    return (await session.exec(_CALLED_OFF)).all()
