"""Which of two looks at an item counts, where several are under way at once.

Lists, heads of lists and forms are asked for side by side, so that an answer may be older than one that came before it.
Nobody tells when the upstream looked; only when we asked, and when an answer was written down. So a look is written
down only if nothing about its item was written down since it was asked for; else it is dropped and asked for again.
Writing down goes one by one, behind the account's lock.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager


class Looks:
    """The looks at one account. Times are counted in looks, not in seconds."""

    def __init__(self) -> None:
        self._clock = 0
        self._under_way: dict[int, int] = {}
        self._items: dict[tuple[str, str], int] = {}
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[int]:
        """From before the question leaves until its answer is written down; yields when it was asked."""
        self._clock += 1
        asked = self._clock
        self._under_way[asked] = asked
        try:
            yield asked
        finally:
            del self._under_way[asked]
            self._forget()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """One answer at a time is compared and written down."""
        async with self._lock:
            yield

    def overtaken(self, asked: int, product_type: str, number: str) -> bool:
        """Something about the item was written down since."""
        return asked < self._items.get((product_type, number), 0)

    def wrote(self, product_type: str, numbers: Iterable[str]) -> None:
        """What was seen of these items is written down. Nothing need be said of a look that brought no change."""
        self._clock += 1
        self._items |= {(product_type, number): self._clock for number in numbers}

    def _forget(self) -> None:
        """What no answer under way can be older than."""
        oldest = min(self._under_way.values(), default=self._clock + 1)
        self._items = {item: at for item, at in self._items.items() if at > oldest}
