"""The walk of the services by the end of their terms, a batch at a time (`orders.renewals`)."""

from temporalio import activity

from models.database import Database
from models.messages import RenewalBatch, RenewalPosition
from orders.renewals.walking import Position, walk
from settings import Settings


class RenewalActivities:
    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._terms = settings.renewal_terms()

    @activity.defn
    async def renew_batch(self, batch: RenewalBatch) -> RenewalPosition:
        """Do what is due for a batch of services. Carried out again, it does nothing twice."""
        after = Position(batch.after_day, batch.after_service) if batch.after_day is not None else None
        walked = await walk(self._database, after, self._terms, at_most=batch.at_most)
        last = walked.position
        return RenewalPosition(
            done=walked.done,
            day=last.ends_on if last is not None else None,
            service=last.service if last is not None else 0,
        )
