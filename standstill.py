"""Ends a process whose event loop stands still: it is alive for whoever started it, and does nothing any more.

Nothing else would end it. Docker shows a container whose health check fails as unhealthy, and leaves it alone; what
restarts is a process that ends. That its database or Temporal are away is no reason to end: it works again when they
are back, and the loop turns all the while.
"""

import asyncio
import contextlib
import faulthandler
import sys
from collections.abc import AsyncIterator

LIMIT_SECONDS = 120.0
"""Much longer than anything holds the loop up, also on a machine that is short of processors."""
_TURNS_WITHIN_THE_LIMIT = 12


@contextlib.asynccontextmanager
async def ends_at_a_standstill() -> AsyncIterator[None]:
    """Within, a loop that does not turn for LIMIT_SECONDS ends the process: exit status 1, and where each thread stood
    goes to standard error. Holds also where Python itself hangs, because the clock runs outside it.

    A process that was stopped from outside (SIGSTOP, `docker pause`) for longer is ended, too, when it goes on.
    """
    _wind()
    winding = asyncio.create_task(_keep_winding())
    try:
        yield
    finally:
        winding.cancel()
        faulthandler.cancel_dump_traceback_later()


def _wind() -> None:
    faulthandler.dump_traceback_later(LIMIT_SECONDS, exit=True, file=sys.__stderr__ or sys.stderr)


async def _keep_winding() -> None:
    while True:
        await asyncio.sleep(LIMIT_SECONDS / _TURNS_WITHIN_THE_LIMIT)
        _wind()
