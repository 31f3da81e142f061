"""The walk of the services by the end of their terms, a batch at a time (`orders.renewals`)."""

from collections.abc import Iterable

from temporalio import activity
from temporalio.client import Client

from activities.heartbeat import heartbeating
from models.database import Database
from models.messages import RenewalBatch, RenewalPosition
from orders.errors import Refused
from orders.renewals.walking import Position, Way, walk
from settings import Settings
from temporal.updates import TemporalUnavailable, try_again

WHY = "the term of its service ends, and it is not renewed"


class RenewalActivities:
    def __init__(self, database: Database, client: Client, settings: Settings) -> None:
        self._database = database
        self._client = client
        self._terms, self._at_once = settings.renewal_terms(), settings.renewals_at_once

    @activity.defn
    async def renew_batch(self, batch: RenewalBatch) -> RenewalPosition:
        """Do what is due for a batch of services. Carried out again, it does nothing twice."""
        after = Position(batch.after_day, batch.after_service) if batch.after_day is not None else None
        way = Way(after, batch.at_most, self._at_once, held_only=batch.held_only)
        async with heartbeating():
            walked = await walk(self._database, way, self._terms)
            await self._try_again(walked.again)
        last = walked.position
        return RenewalPosition(
            done=walked.done,
            day=last.ends_on if last is not None else None,
            service=last.service if last is not None else 0,
            held=walked.held,
        )

    async def _try_again(self, numbers: Iterable[int]) -> None:
        """The next walk asks for what no workflow could be asked for now."""
        for number in numbers:
            try:
                await try_again(self._client, self._database, number, WHY)
            except Refused as refusal:
                activity.logger.warning("operation %s can't be tried again: %s", number, refusal)
            except TemporalUnavailable as error:
                activity.logger.warning("operation %s is tried again later: %s", number, error)
                return
