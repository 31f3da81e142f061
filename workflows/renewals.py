"""Started by a Temporal Schedule: informs storefronts of terms that end, prolongs what is renewed automatically."""

from temporalio import workflow

from models.messages import RenewalBatch
from workflows import calls

BATCHES = 50
"""A run asks for so many. The next run goes on from there: no history grows with the services that are due."""


@workflow.defn
class Renewals:
    """One run for each time that the schedule names, or several that continue each other."""

    @workflow.run
    async def run(self, batch: RenewalBatch) -> int:
        """Returns the number of services that something was done for by the last run."""
        batches = done = 0
        while True:
            if batches == BATCHES:
                workflow.continue_as_new(batch)
            walked = await calls.renew_batch(batch)
            batches, done = batches + 1, done + walked.done
            if walked.day is None:
                return done
            batch = batch.model_copy(update={"after_day": walked.day, "after_service": walked.service})
