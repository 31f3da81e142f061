"""News for open pages: one look at the counters of the inbox for all browsers of this process."""

import asyncio
import logging
from collections.abc import AsyncIterator

from sqlalchemy.exc import SQLAlchemyError

from orders.inbox.cards import InboxCard, inbox_cards
from storefront.context import Context

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 2.0


class Changes:
    """Whoever listens is woken when the counters have changed. Nothing is read while nobody listens."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._listeners: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None

    async def listen(self) -> AsyncIterator[None]:
        """Once for each change; ends when the server stops."""
        news = asyncio.Event()
        self._listeners.add(news)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            while not self._context.closing.is_set():
                try:
                    async with asyncio.timeout(INTERVAL_SECONDS):
                        await news.wait()
                except TimeoutError:
                    continue
                news.clear()
                yield
        finally:
            self._listeners.discard(news)

    async def _look(self) -> None:
        known: list[InboxCard] | None = None
        while self._listeners and not self._context.closing.is_set():
            try:
                async with self._context.database.read() as session:
                    seen = await inbox_cards(session)
            except SQLAlchemyError as error:
                log.warning("the counters of the inbox can't be read: %s", type(error).__name__)
            else:
                if known is not None and seen != known:
                    for one in self._listeners:
                        one.set()
                known = seen
            await asyncio.sleep(INTERVAL_SECONDS)
