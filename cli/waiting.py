"""Following an operation through its stages, as the database shows them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import select

from models.enums import Stage
from models.order import Operation, Service
from orders.decisions.allowed import person_may
from orders.decisions.facts import facts_of
from orders.errors import NotFound
from orders.views import BEFORE_ALL, StagePassed, stages_after

if TYPE_CHECKING:
    from models.database import Database

LOOK_SECONDS = 0.2
WAIT_ENDS = frozenset({Stage.COMPLETED, Stage.CANCELLED, Stage.NEEDS_ATTENTION, Stage.AWAITING_MANUAL_TASK})
"""From this stage on nothing happens automatically."""


@dataclass(frozen=True)
class Followed:
    """An operation, its service, and the stages that were seen."""

    operation: Operation
    service: Service
    person_may: str
    stages: tuple[StagePassed, ...] = ()

    @property
    def completed(self) -> bool:
        return self.operation.stage is Stage.COMPLETED

    def end(self) -> list[str]:
        """How it ended, in words."""
        operation, service = self.operation, self.service
        if not self.completed:
            return [
                f"{operation.stage.value}; a person may: {self.person_may}",
                f"more: resell operations show {operation.id}",
            ]
        seconds = ((operation.ended_at or operation.stage_since) - operation.created_at).total_seconds()
        item = f" as item {service.upstream_number}" if service.upstream_number else ""
        still_wrong = [operation.reason] if operation.reason else []
        return [f"service {service.id} is {service.status.value}{item} after {seconds:.1f} s", *still_wrong]


async def look(database: "Database", operation: int, stages: tuple[StagePassed, ...] = ()) -> Followed:
    """The operation as it is now. Raises NotFound."""
    async with database.read() as session:
        found = await session.get(Operation, operation)
        if found is None:
            raise NotFound("operation", operation)
        may = person_may(await facts_of(session, found))
        return Followed(found, await session.get_one(Service, found.service_id), may, stages)


async def follow(database: "Database", operation: int, say: Callable[[str], None]) -> Followed:
    """Print each stage and its time (UTC) when it begins, until nothing happens automatically. Raises NotFound."""
    await look(database, operation)
    entries: list[StagePassed] = []
    async for entry in _stages_entered(database, operation):
        entries.append(entry)
        say(f"{entry.at:%H:%M:%S}  {entry.stage.value}{f': {entry.reason}' if entry.reason else ''}")
    return await look(database, operation, tuple(entries))


async def _stages_entered(database: "Database", operation: int) -> AsyncIterator[StagePassed]:
    """Every stage entered so far and then each as it is entered, until the operation ends or needs a person."""
    last = BEFORE_ALL
    while True:
        # The stage is read first: whatever led to it has its entry by then.
        async with database.read() as session:
            stage = (await session.exec(select(Operation.stage).where(Operation.id == operation))).one()
            entered = await stages_after(session, operation, last)
        for entry in entered:
            last = entry.id
            yield entry
        if stage in WAIT_ENDS and not entered:
            return
        if not entered:
            await asyncio.sleep(LOOK_SECONDS)
