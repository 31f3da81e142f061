"""One restart of a server for several rows: it happens when all of them are at their steps."""

import asyncio
from collections.abc import Awaitable, Callable

OUT_FOR = 3.0
"""Seconds that the server is away."""


class Restart:
    """Rows meet twice: when all are prepared, and when all are at their steps."""

    def __init__(self, rows: int, stop: Callable[[], Awaitable[None]], start: Callable[[], Awaitable[None]]) -> None:
        self._rows = rows
        self._stop = stop
        self._start = start
        self._prepared = 0
        self._there: list[Callable[[], None]] = []
        self._news = asyncio.Condition()
        self._over = False

    async def all_prepared(self) -> None:
        async with self._news:
            self._prepared += 1
            self._news.notify_all()
            await self._news.wait_for(lambda: self._prepared >= self._rows)

    async def gives_up(self) -> None:
        """A row has failed on its way: the others do not wait for it."""
        async with self._news:
            self._rows -= 1
            self._news.notify_all()

    async def with_others(self, go_on: Callable[[], None]) -> None:
        """Returns when the server is back. `go_on` is called while it is away."""
        async with self._news:
            self._there.append(go_on)
            self._news.notify_all()
            await self._news.wait_for(lambda: self._over or len(self._there) >= self._rows)
            if self._over:
                return
            await self._stop()
            for one in self._there:
                one()
            await asyncio.sleep(OUT_FOR)
            await self._start()
            self._over = True
            self._news.notify_all()
