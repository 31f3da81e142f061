"""Numbers of all items of a type, for what was there before an order was sent.

Where marks distinguish items they are read once for all orders that ask at about the same time: an item that came since
is looked at by its mark. Where they do not, each order reads them for itself, right before it is sent.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from upstreams.port import ListedRow, Upstream

SHARED_SECONDS = 30.0
"""Numbers that were read serve others for this long."""


@dataclass
class _Reading:
    task: asyncio.Task[list[str]]
    ended_at: float | None = None

    @property
    def is_of_use(self) -> bool:
        if self.ended_at is None:
            return True
        failed = self.task.cancelled() or self.task.exception() is not None
        return not failed and time.monotonic() - self.ended_at < SHARED_SECONDS


_readings: WeakKeyDictionary[Upstream, dict[str, _Reading]] = WeakKeyDictionary()


async def shared_numbers(upstream: Upstream, product_type: str) -> list[str]:
    """Raises the errors of `upstreams.errors`."""
    readings = _readings.setdefault(upstream, {})
    reading = readings.get(product_type)
    if reading is None or not reading.is_of_use:
        reading = readings[product_type] = _Reading(asyncio.create_task(numbers(upstream, product_type)))
        reading.task.add_done_callback(lambda _: _note_end(reading))
    return await asyncio.shield(reading.task)


def _note_end(reading: _Reading) -> None:
    reading.ended_at = time.monotonic()
    if not reading.task.cancelled():
        reading.task.exception()  # an error counts as seen even if all who asked have been cancelled meanwhile


async def numbers(upstream: Upstream, product_type: str) -> list[str]:
    """Read now, in memory of no more than the numbers. Raises the errors of `upstreams.errors`."""
    found: dict[str, None] = {}

    async def take(rows: Sequence[ListedRow], _total: int | None) -> None:
        found.update((row.number, None) for row in rows)

    await upstream.walk_items(product_type, take)
    return list(found)
