"""How activities keep in touch: heartbeats, so that a worker's death is noticed in seconds; pauses that a stop ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from temporalio import activity

INTERVAL_SECONDS = 2.0


@asynccontextmanager
async def heartbeating(details: Callable[[], object] | None = None) -> AsyncIterator[None]:
    """Beat until the block is left, each time with what `details` says then. Without details the first beat comes after
    the interval: most activities have ended by then, and each beat is a request to the server."""

    async def beat() -> None:
        if details is None:
            await asyncio.sleep(INTERVAL_SECONDS)
        while True:
            activity.heartbeat(*([details()] if details else []))
            await asyncio.sleep(INTERVAL_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


async def pause(seconds: float) -> None:
    """Sleep, but wake when the worker is asked to stop."""
    with suppress(TimeoutError):
        await asyncio.wait_for(activity.wait_for_worker_shutdown(), seconds)
