"""What one process, an API or a worker, has lost: Temporal, while it is away; the database, once it is back."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.database import Database
from models.enums import IncidentKind
from models.outages import described, is_unavailable
from orders.incidents.conditions import Condition, end_one, keep_one, open_one
from orders.watch.looking import INTERVAL_SECONDS
from temporal.outage import outage

log = logging.getLogger(__name__)

AFTER = timedelta(seconds=60)
"""An outage that is over before is in the log alone."""


class ProcessWatch:
    """`look` is to be awaited every half minute. `role`: `api` or `worker`."""

    def __init__(self, database: Database, role: str) -> None:
        self._database = database
        self._role = role
        self._about = f"{role}@{socket.gethostname()}"
        self._no_database_since: datetime | None = None
        self._temporal_was_away = True
        """Unknown: an earlier process of this role may have reported it."""

    async def look(self) -> None:
        """Never raises for want of a database: that is remembered, and reported when it is back."""
        try:
            await self._report()
        except Exception as error:  # of whatever kind: only an outage is expected, and the next look tries again
            if is_unavailable(error):
                self._no_database_since = self._no_database_since or utc_now()
            log.warning("the watch of this process: %s", described(error))

    async def _report(self) -> None:
        away_for = outage.seconds
        is_away = away_for >= AFTER.total_seconds()
        since = self._no_database_since
        if not is_away and not self._temporal_was_away and since is None:
            async with self._database.read() as session:
                await session.execute(text("SELECT 1"))
            return
        async with self._database.write() as session:
            message = (
                f"The {self._role} on {socket.gethostname()} can't reach Temporal. Orders are accepted and wait; what "
                "is under way goes on when it is back"
            )
            await keep_one(session, Condition(IncidentKind.TEMPORAL_LOST, self._about, message), lasts=is_away)
            if since is not None and utc_now() - since >= AFTER:
                await self._report_database(session, since)
        self._temporal_was_away, self._no_database_since = is_away, None

    async def _report_database(self, session: AsyncSession, since: datetime) -> None:
        """Opened and closed at once: it can only be written down when it is over."""
        message = (
            f"The {self._role} on {socket.gethostname()} had no database from {since:%Y-%m-%d %H:%M:%S} to "
            f"{utc_now():%H:%M:%S} UTC. Nothing was accepted or sent by it meanwhile"
        )
        await open_one(session, Condition(IncidentKind.DATABASE_LOST, self._about, message))
        await end_one(session, IncidentKind.DATABASE_LOST, self._about)


async def keep_looking(watch: ProcessWatch, *looks: Callable[[], Awaitable[None]]) -> None:
    """Every half minute, and whatever else is to be looked at by this process. Runs until cancelled."""
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        await watch.look()
        for look in looks:
            try:
                await look()
            except Exception as error:  # of whatever kind: without this loop nobody would notice anything
                log.warning("the watch: %s", described(error))
