"""Started by a Temporal Schedule: asks the pollers to compare every service with its item at the upstream."""

from temporalio import workflow

from models.messages import ServiceSweepInput
from workflows import calls


@workflow.defn
class ServiceSweep:
    """One run for each time that the schedule names. The pollers do the work, so a run takes a moment."""

    @workflow.run
    async def run(self, sweep: ServiceSweepInput) -> int:
        return await calls.ask_for_sweep(sweep)
