"""Looks at memory and histories during a run, and whether they stay flat."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from benchmarks.soak.api import Violation
from benchmarks.soak.parts import Installation
from benchmarks.soak.report import Sample
from benchmarks.usage import resident_memory_mib

OURS = ("worker", "poller", "api")
"""The server's memory and the simulator's are not ours to keep flat."""
GROWTH, ALLOWANCE_MIB = 1.25, 40.0
FEWEST = 9
LONGEST_PERMANENT = 2000
"""Events of a permanent workflow: it begins a new run long before."""
PERMANENT = "ExecutionStatus = 'Running' AND OrderStage IS NULL"
LONGEST_ORDER = 500
"""Events of an order, whatever happened to it."""


class Samples:
    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._began = time.monotonic()
        self.taken: list[Sample] = []

    async def run(self, over: asyncio.Event, every: float) -> None:
        while not over.is_set():
            await self.take()
            await asyncio.sleep(every)

    async def take(self) -> None:
        parts = self._installation.parts
        memory = {part.name: resident_memory_mib(part.pid) for part in parts if part.pid is not None}
        self.taken.append(
            Sample(
                second=round(time.monotonic() - self._began, 1),
                memory_mib={name: held for name, held in memory.items() if held is not None},
                lives={part.name: part.lives for part in parts},
                permanent_history_events=await self._longest_permanent(),
            )
        )

    async def _longest_permanent(self) -> int:
        """-1: the server is away."""
        try:
            async with asyncio.timeout(5):
                client = await self._installation.connect()
                return max([await _events(client, one) async for one in client.list_workflows(PERMANENT)], default=0)
        except (RPCError, RuntimeError, TimeoutError):
            return -1


async def _events(client: Client, one: WorkflowExecution) -> int:
    """The list of workflows does not know the length of a history that goes on."""
    return (await client.get_workflow_handle(one.id, run_id=one.run_id).describe()).history_length


async def longest(client: Client, query: str, patience: timedelta = timedelta(seconds=60)) -> int | None:
    """Events of the longest history among these workflows, which have ended; 0: there is none. None: the server gives
    no list within `patience`, as on a machine that does too much. The audit of the books stands all the same."""
    try:
        async with asyncio.timeout(patience.total_seconds()):
            listed = client.list_workflows(query, rpc_timeout=patience)
            return max([one.history_length async for one in listed], default=0)
    except (RPCError, RuntimeError, TimeoutError):
        return None


def growth(samples: Sequence[Sample]) -> list[Violation]:
    """What grew from the middle third of the run to the last. Processes of one name count as one: a new life is
    smaller, so the largest is compared."""
    found = [
        Violation(f"a permanent workflow's history has {one.permanent_history_events} events at second {one.second:g}")
        for one in samples
        if one.permanent_history_events > LONGEST_PERMANENT
    ][:1]
    third = len(samples) // 3
    if len(samples) < FEWEST:
        return found
    middle, last = samples[third : 2 * third], samples[2 * third :]
    for name in OURS:
        before, after = (max(one.memory_mib.get(name, 0.0) for one in part) for part in (middle, last))
        if before and after > before * GROWTH + ALLOWANCE_MIB:  # 0: it was away whenever it was looked at
            found.append(Violation(f"{name} grew from {before:g} MiB in the middle third to {after:g} MiB in the last"))
    return found
