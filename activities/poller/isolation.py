"""Runs the poller's reads so that the failure of one stops no other: alone, fanned out, or in the background."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Self

from temporalio import activity
from temporalio.service import RPCError

from activities.poller.health import note_failure, note_success
from activities.poller.watch import ReadResults, Watch
from models.database import Database
from models.outages import outage_of
from temporal.outage import note
from upstreams.errors import UpstreamError


async def isolated(database: Database, watch: Watch, tally: ReadResults, about: str, work: Awaitable[object]) -> bool:
    """Await one read and note how it went. False: it failed unexpectedly, so the caller backs off."""
    try:
        await work
    except UpstreamError as error:
        note_failure(watch, tally, error)
    except RPCError as error:
        note(error, f"poller {watch.name}, {about}")
    except Exception as error:  # of whatever kind: one item may not stop the others
        if outage_of(error):
            raise
        activity.logger.exception("poller %s, %s: postponed after an error", watch.name, about)
        return False
    else:
        await note_success(database, watch, tally)
    return True


async def fan_out(width: int, reads: Iterable[Callable[[], Awaitable[object]]], go_on: Callable[[], bool]) -> None:
    """Run the reads in their order, `width` at a time, until `go_on` returns False. If one raises, those under way are
    cancelled and the error is raised."""
    left = iter(reads)

    async def work() -> None:
        for one in left:
            if not go_on():
                return
            await one()

    workers = [asyncio.create_task(work()) for _ in range(width)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


class BackgroundWork:
    """One long piece of work that runs beside the rounds. It is cancelled at the end of the poller's run."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def busy(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self, work: Coroutine[object, object, None]) -> None:
        self._task = asyncio.create_task(work)

    def raise_failure(self) -> None:
        """Raise the error of the work that has ended, once."""
        if self._task is not None and self._task.done():
            task, self._task = self._task, None
            task.result()
