"""Bare workflows, started as orders are placed; apart from their definition, so that their worker stays small."""

import asyncio
import os
import time
from dataclasses import dataclass

from temporalio.client import Client

from benchmarks.bare import TASK_QUEUE, BareWorkflow
from stack.processes import StackFailed


@dataclass(frozen=True)
class BareRun:
    workflow_id: str
    seconds: float


async def run_one(client: Client, number: int, patience: float) -> BareRun:
    """Start, signal, wait for the end. Raises StackFailed when it takes longer than `patience` seconds."""
    began = time.monotonic()
    workflow_id = f"bare-{os.urandom(6).hex()}-{number}"
    try:
        async with asyncio.timeout(patience):
            handle = await client.start_workflow(BareWorkflow.run, number, id=workflow_id, task_queue=TASK_QUEUE)
            await handle.signal(BareWorkflow.confirm, number)
            await handle.result()
    except TimeoutError:
        raise StackFailed(f"a bare workflow isn't done after {patience:g} s") from None
    return BareRun(workflow_id, time.monotonic() - began)
