"""The safety net: starts every order that was accepted and not started, and keeps the pollers alive."""

from temporalio import workflow

from models.messages import SweepInput
from workflows import calls


@workflow.defn
class OrderSweep:
    """One per installation. Like the pollers one long activity, so that looking every other second costs no history."""

    @workflow.run
    async def run(self, sweep: SweepInput) -> None:
        workflow.set_current_details("Starts accepted orders whose workflow is missing, and pollers that do not run.")
        lap = await calls.sweep_orders(sweep)
        workflow.continue_as_new(sweep.model_copy(update={"numbers": lap.numbers or sweep.numbers}))
