"""Started by a Temporal Schedule: informs storefronts of terms that end, prolongs what is renewed automatically."""

from datetime import timedelta

from temporalio import workflow

from models.messages import RenewalBatch
from workflows import calls

BATCHES = 50
"""A run asks for so many. The next run goes on from there: no history grows with the services that are due."""
PAUSE = timedelta(seconds=3)
"""Before it looks whether there is room for what was held back; twice as long whenever there was none."""
LONGEST_PAUSE = timedelta(seconds=30)
LOOKS = 12
"""After so many in vain the run ends: the upstream does not go on, and the next run of the schedule looks again."""


@workflow.defn
class Renewals:
    """One run for each time that the schedule names, or several that continue each other."""

    @workflow.run
    async def run(self, batch: RenewalBatch) -> int:
        """Returns the number of services that something was done for by the last run."""
        batches = done = in_vain = 0
        while True:
            if batches == BATCHES:
                workflow.continue_as_new(batch)
            walked = await calls.renew_batch(batch)
            batches, done = batches + 1, done + walked.done
            held = batch.held + walked.held
            if walked.day is not None:
                place = {"after_day": walked.day, "after_service": walked.service, "held": held}
                batch = batch.model_copy(update=place)
                continue
            in_vain = 0 if walked.done else in_vain + 1
            if not held or in_vain > LOOKS:
                return done
            pause = min(PAUSE * 2**in_vain, LONGEST_PAUSE)
            await workflow.sleep(pause, summary="until there is room for what was held back")
            batch = RenewalBatch(at_most=batch.at_most, held_only=True)
