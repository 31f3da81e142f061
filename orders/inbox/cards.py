"""The cards of the inbox: how much there is of each cause, and since when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row, func, literal
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import UtcDateTime
from orders.inbox.causes import Cause
from orders.inbox.sources import SOURCES


@dataclass(frozen=True)
class InboxCard:
    """How much there is of one cause."""

    cause: Cause
    count: int
    oldest: datetime | None
    """Since when the oldest waits; None: there is none."""
    by_upstream: dict[str, int]
    """How many are of which upstream account; most first."""


async def inbox_cards(session: AsyncSession) -> list[InboxCard]:
    """One for each cause, with or without entries, in one statement."""
    counted = []
    for cause, source in SOURCES.items():
        found = source().subquery()
        counted.append(
            sa.select(
                literal(cause.value).label("cause"),
                found.c.upstream,
                func.count().label("entries"),
                func.min(found.c.since, type_=UtcDateTime()).label("oldest"),
            ).group_by(found.c.upstream)
        )
    rows = (await (await session.connection()).execute(sa.union_all(*counted))).all()
    return [_card(cause, [row for row in rows if row.cause == cause.value]) for cause in Cause]


def _card(cause: Cause, rows: Sequence[Row[Any]]) -> InboxCard:
    ordered = sorted(rows, key=lambda row: (-row.entries, row.upstream))
    return InboxCard(
        cause=cause,
        count=sum(row.entries for row in rows),
        oldest=min((row.oldest for row in rows), default=None),
        by_upstream={row.upstream: row.entries for row in ordered},
    )
