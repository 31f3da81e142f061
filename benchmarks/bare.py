"""The yardstick: a workflow with one activity and one signal, and nothing else."""

from datetime import timedelta

from temporalio import activity, workflow

TASK_QUEUE = "bare"


@activity.defn
async def do_nothing(number: int) -> int:
    return number


@workflow.defn
class BareWorkflow:
    """Ends when its activity has returned and its signal has come."""

    def __init__(self) -> None:
        self._confirmed = False

    @workflow.run
    async def run(self, number: int) -> int:
        result = await workflow.execute_activity(do_nothing, number, start_to_close_timeout=timedelta(seconds=10))
        await workflow.wait_condition(lambda: self._confirmed)
        return result

    @workflow.signal
    def confirm(self, number: int) -> None:
        self._confirmed = True
