"""Tells streams that there is something new of their operation: one look at the database for all of them."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import Context

from sqlalchemy import func
from sqlmodel import col, select

from models.database import Database
from models.order import Operation, Service, StageEntry
from models.outages import described, outage_of

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.5
"""Between two looks. A look costs about a millisecond for some hundred operations, whoever follows them."""
AT_ONCE = 500
"""Operations that a statement asks for."""

State = tuple[str | None, int | None]
"""The owner and the newest entry of an operation's stages."""


class Following:
    """All streams of a process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._followers: dict[int, set[asyncio.Event]] = {}
        self._known: dict[int, State | None] = {}
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def of(self, operation: int) -> Iterator[asyncio.Event]:
        """Set whenever a stage was entered or the owner changed, and once at the beginning."""
        news = asyncio.Event()
        self._followers.setdefault(operation, set()).add(news)
        self._known.pop(operation, None)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), context=Context())  # it outlives this request
        try:
            yield news
        finally:
            self._followers[operation].discard(news)
            if not self._followers[operation]:
                del self._followers[operation]
                self._known.pop(operation, None)

    def wake(self) -> None:
        """All of them: the server stops."""
        for followers in self._followers.values():
            for news in followers:
                news.set()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while self._followers:
            await asyncio.sleep(INTERVAL_SECONDS)
            try:
                operations = list(self._followers)
                for start in range(0, len(operations), AT_ONCE):
                    await self._look(operations[start : start + AT_ONCE])
            except Exception as error:  # whatever it is: without the looks all streams would be silent for ever
                log.warning("streams wait: %s", described(error), exc_info=None if outage_of(error) else error)

    async def _look(self, operations: Sequence[int]) -> None:
        newest = (
            select(func.max(StageEntry.id)).where(StageEntry.operation_id == Operation.id).correlate(Operation)
        ).scalar_subquery()
        async with self._database.read() as session:
            found = await session.exec(
                select(Operation.id, Service.owner, newest)
                .outerjoin(Service, col(Service.id) == Operation.service_id)
                .where(col(Operation.id).in_(operations))
            )
            states: dict[int, State] = {number: (owner, entry) for number, owner, entry in found.all()}
        for operation in operations:
            state = states.get(operation)
            if operation not in self._known or self._known[operation] != state:
                self._known[operation] = state
                for news in self._followers.get(operation, ()):
                    news.set()
