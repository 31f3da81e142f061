"""What one process, an API or a worker, has lost: Temporal, while it is away; the database, once it is back."""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.client import Client

from models.columns import utc_now
from models.database import Database
from models.enums import IncidentKind
from models.outages import Outage, described, outage_of
from models.readiness import is_read_only
from orders.incidents.conditions import Condition, end_one, keep_one, open_one
from orders.watch import looking
from temporal.outage import outage, probe

log = logging.getLogger(__name__)

AFTER = timedelta(seconds=60)
"""An outage that is over before is in the log alone."""
PATIENCE_SECONDS = 15.0
"""A database that has not answered for so long has not answered: one that stands still keeps its connections."""


class ProcessWatch:
    """`look` is to be awaited every half minute. `role`: `api` or `worker`."""

    def __init__(self, database: Database, client: Client, role: str) -> None:
        self._database = database
        self._client = client
        self._name = f"{role} on {socket.gethostname()} (process {os.getpid()})"
        self._about = f"{role}@{socket.gethostname()}/{os.getpid()}"
        self._no_database_since: datetime | None = None
        self._has_reported_temporal = True
        """Unknown: an earlier process of this name may have done so."""

    async def look(self) -> None:
        """Never raises for want of Temporal or a database: the latter is remembered, and reported when it is back."""
        await probe(self._client)  # a process that has nothing to ask of it would not notice
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                found = Outage.READ_ONLY if await is_read_only(self._database) else None
                if found is None:
                    await self._report()
        except TimeoutError:
            self._lacks_database(Outage.AWAY.words)
        except Exception as error:  # of whatever kind: only an outage is expected, and the next look tries again
            if outage_of(error) is None:
                log.warning("the watch of this process: %s", described(error))
            else:
                self._lacks_database(described(error))
        else:
            if found is not None:
                self._lacks_database(found.words)

    def _lacks_database(self, cause: str) -> None:
        self._no_database_since = self._no_database_since or utc_now()
        log.warning("the watch of this process: %s", cause)

    async def _report(self) -> None:
        away_for = timedelta(seconds=outage.seconds)
        is_away = away_for >= AFTER
        since = self._no_database_since
        if is_away or self._has_reported_temporal or since is not None:
            async with self._database.write() as session:
                await self._report_temporal(session, away_for, is_away)
                if since is not None and utc_now() - since >= AFTER:
                    await self._report_database(session, since)
        self._has_reported_temporal, self._no_database_since = is_away, None

    async def _report_temporal(self, session: AsyncSession, away_for: timedelta, is_away: bool) -> None:
        """Reworded at each look while it lasts, so that the watch sees whether this process still runs."""
        message = (
            f"The {self._name} has not reached Temporal for {away_for.total_seconds():.0f} s. Orders are accepted and "
            "wait; what is under way goes on when it is back"
        )
        await keep_one(session, Condition(IncidentKind.TEMPORAL_LOST, self._about, message), lasts=is_away)

    async def _report_database(self, session: AsyncSession, since: datetime) -> None:
        """Opened and closed at once: it can only be written down when it is over."""
        message = (
            f"The {self._name} had no database from {since:%Y-%m-%d %H:%M:%S} to {utc_now():%H:%M:%S} UTC. Nothing was "
            "accepted or sent by it meanwhile"
        )
        await open_one(session, Condition(IncidentKind.DATABASE_LOST, self._about, message))
        await end_one(session, IncidentKind.DATABASE_LOST, self._about)


async def keep_looking(watch: ProcessWatch, *looks: Callable[[], Awaitable[None]]) -> None:
    """Every half minute, and whatever else is to be looked at by this process. Runs until cancelled."""
    while True:
        await asyncio.sleep(looking.INTERVAL_SECONDS)
        await watch.look()
        for look in looks:
            try:
                await look()
            except Exception as error:  # of whatever kind: without this loop nobody would notice anything
                log.warning("the watch: %s", described(error))
