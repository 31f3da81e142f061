"""The worker of the yardstick, a process of its own: `python -m benchmarks.bare_worker`. Tuned as the real one is."""

import asyncio
import logging
import signal

from temporalio.worker import PollerBehaviorAutoscaling, Worker

from benchmarks.bare import TASK_QUEUE, BareWorkflow, do_nothing
from process_exit import leave
from temporal.client import connect_client
from temporal.sandbox import workflow_runner


async def run() -> None:
    """Work until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    passed_through = ("benchmarks", "pydantic", "pydantic_core", "annotated_types", "typing_extensions")
    async with Worker(
        await connect_client(),
        task_queue=TASK_QUEUE,
        workflows=[BareWorkflow],
        activities=[do_nothing],
        workflow_runner=workflow_runner(passed_through),
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    ):
        await stopping.wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(run())
    leave(0)
