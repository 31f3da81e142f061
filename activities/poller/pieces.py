"""Pieces of work of which none spoils another; several at once, or one beside all others."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable

from temporalio import activity
from temporalio.service import RPCError

from activities.poller.health import note_failure, note_success
from activities.poller.watch import Tally, Watch
from models.database import Database
from models.outages import outage_of
from outage import note
from upstreams.errors import UpstreamError


async def piece(database: Database, watch: Watch, tally: Tally, about: str, work: Awaitable[object]) -> bool:
    """Do one piece. False: it failed in a way that nobody foresaw, and should rest."""
    try:
        await work
    except UpstreamError as error:
        note_failure(watch, tally, error)
    except RPCError as error:
        note(error, f"poller {watch.name}, {about}")
    except Exception as error:  # of whatever kind: one item may not stop the others
        if outage_of(error):
            raise
        activity.logger.exception("poller %s, %s: put off", watch.name, about)
        return False
    else:
        await note_success(database, watch, tally)
    return True


async def at_once(width: int, pieces: Iterable[Callable[[], Awaitable[object]]], go_on: Callable[[], bool]) -> None:
    """Do them in their order, `width` at once, and begin no more when `go_on` says no. If one raises, the others that
    are under way are cancelled, and it is raised."""
    left = iter(pieces)

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


class Aside:
    """One piece of long work beside the rounds, which go on meanwhile. It ends with the run of the poller."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Aside":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def busy(self) -> bool:
        return self._task is not None and not self._task.done()

    def begin(self, work: Coroutine[object, object, None]) -> None:
        self._task = asyncio.create_task(work)

    def look(self) -> None:
        """Raises what it raised, once."""
        if self._task is not None and self._task.done():
            task, self._task = self._task, None
            task.result()
