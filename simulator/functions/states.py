"""Which services a function may be used on."""

from __future__ import annotations

from simulator.entities import Item, Status
from simulator.errors import bad_value, missed


def living(item: Item, *allowed: Status) -> Item:
    """A deleted service is missed; one in another state than these refuses."""
    if item.status is Status.DELETED:
        raise missed(item.type.value, str(item.id))
    if item.status not in allowed:
        raise bad_value("status", str(item.status.value))
    return item
