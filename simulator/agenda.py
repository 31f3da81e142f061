"""When a service will change automatically."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from simulator.entities import Item, Status


def own_steps(item: Item) -> Iterator[datetime]:
    """The moments at which something is due with a service."""
    shown = (item.visible_from, item.listed_from)
    own = (item.pending.due if item.pending else None, item.lickey_due, item.refund_due, *shown)
    yield from (moment for moment in own if moment is not None)
    if item.expiredate is not None and item.status in (Status.ACTIVE, Status.SUSPENDED):
        yield datetime(item.expiredate.year, item.expiredate.month, item.expiredate.day, tzinfo=UTC)
