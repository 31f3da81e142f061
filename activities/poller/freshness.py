"""Drops answers of the upstream that may be stale, where several reads of one account run at once.

Lists, heads of lists and forms are requested concurrently, so an answer may be older than one that came before it. The
upstream does not report when it read its data. We know only when we asked and when an answer was recorded. An answer is
recorded only if nothing about its item was recorded since it was requested; otherwise it is dropped and requested
again. Answers are recorded one at a time, behind the account's lock.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager


class Freshness:
    """The reads of one account. Its clock counts reads and records, not seconds."""

    def __init__(self) -> None:
        self._clock = 0
        self._under_way: dict[int, int] = {}
        self._items: dict[tuple[str, str], int] = {}
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[int]:
        """Enclose a request and the recording of its answer. Yields the moment of the request."""
        self._clock += 1
        asked = self._clock
        self._under_way[asked] = asked
        try:
            yield asked
        finally:
            del self._under_way[asked]
            self._forget_old()

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[None]:
        """Let one answer at a time be compared and recorded."""
        async with self._lock:
            yield

    def nothing_since(self, asked: int) -> bool:
        """Nothing about any item was recorded since `asked`."""
        return asked >= max(self._items.values(), default=0)

    def is_stale(self, asked: int, product_type: str, number: str) -> bool:
        """Something about the item was recorded since `asked`."""
        return asked < self._items.get((product_type, number), 0)

    def recorded(self, product_type: str, numbers: Iterable[str]) -> None:
        """Changes of these items were recorded. A read that brought no change need not call this."""
        self._clock += 1
        self._items |= {(product_type, number): self._clock for number in numbers}

    def _forget_old(self) -> None:
        """Forget records that are older than every request under way."""
        oldest = min(self._under_way.values(), default=self._clock + 1)
        self._items = {item: at for item, at in self._items.items() if at > oldest}
