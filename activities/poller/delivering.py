"""Signals go out as soon as their events are committed, beside whatever else the poller does."""

import asyncio
from typing import Self

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.poller.isolation import BackgroundWork
from activities.poller.schedule import BACK_OFF_SECONDS, UNAVAILABLE_SECONDS
from activities.poller.watch import Watch
from models.database import Database
from models.outages import described, is_unavailable
from temporal.delivery import deliver
from temporal.outage import note


class Deliverer(BackgroundWork):
    """One task of a run of the poller; what it has not delivered when the run ends, the next run delivers."""

    def __init__(self, database: Database, client: Client, watch: Watch) -> None:
        super().__init__()
        self._database = database
        self._client = client
        self._account_id, self._name, self._waiting = watch.account_id, watch.name, watch.undelivered
        self._waiting.set()  # what an earlier run left

    async def __aenter__(self) -> Self:
        self.start(self._run())
        return self

    async def _run(self) -> None:
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            rest = await self._deliver()
            if rest:
                self._waiting.set()
                await asyncio.sleep(rest)

    async def _deliver(self) -> float:
        """Returns 0, or the seconds after which it is to be tried again."""
        try:
            while await deliver(self._database, self._client, self._account_id):
                pass
        except RPCError as error:
            note(error, f"poller {self._name}, signals")
            return UNAVAILABLE_SECONDS
        except Exception as error:
            if is_unavailable(error):
                activity.logger.warning("poller %s, signals: %s", self._name, described(error))
                return UNAVAILABLE_SECONDS
            activity.logger.exception("poller %s: delivering failed", self._name)
            return BACK_OFF_SECONDS
        return 0.0
