"""Following an operation through its stages, as the database shows them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from sqlmodel import select

from models.enums import ServiceStatus, Stage
from models.money import Money
from models.order import Operation, Service
from orders.decisions.allowed import person_may
from orders.decisions.facts import facts_of
from orders.errors import NotFound
from orders.views import BEFORE_ALL, StagePassed, stages_after

if TYPE_CHECKING:
    from models.database import Database
    from orders.views import OperationDetail, ServiceView

LOOK_SECONDS = 0.2
WAIT_ENDS = frozenset({Stage.COMPLETED, Stage.CANCELLED, Stage.NEEDS_ATTENTION, Stage.AWAITING_MANUAL_TASK})
"""From this stage on nothing happens automatically."""


_STORED = Decimal("0.0001")
"""How exactly the database keeps a sum, so that programs read the same over an API."""


@dataclass(frozen=True)
class Followed:
    """An operation, its service, and the stages that were seen."""

    number: int
    stage: Stage
    reason: str
    seconds: float
    """From the request to the last stage."""
    cost: Money | None
    service: int
    status: ServiceStatus
    upstream_number: str | None
    person_may: str
    stages: tuple[StagePassed, ...] = ()

    @classmethod
    def of_rows(cls, operation: Operation, service: Service, may: str, stages: tuple[StagePassed, ...]) -> Self:
        return cls(
            operation.id,
            operation.stage,
            operation.reason,
            ((operation.ended_at or operation.stage_since) - operation.created_at).total_seconds(),
            operation.cost,
            service.id,
            service.status,
            service.upstream_number,
            may,
            stages,
        )

    @classmethod
    def of_views(cls, operation: "OperationDetail", service: "ServiceView") -> Self:
        """From the documents of an API."""
        return cls(
            operation.number,
            operation.stage,
            operation.stages[-1].reason if operation.stages else "",
            ((operation.ended_at or operation.stage_since) - operation.created_at).total_seconds(),
            operation.cost and Money(amount=operation.cost.amount.quantize(_STORED), currency=operation.cost.currency),
            service.number,
            service.status,
            service.upstream.number if service.upstream else None,
            operation.person_may,
        )

    def having(self, stages: Iterable[StagePassed]) -> Self:
        return replace(self, stages=tuple(stages))

    @property
    def completed(self) -> bool:
        return self.stage is Stage.COMPLETED

    def end(self) -> list[str]:
        """How it ended, in words."""
        if not self.completed:
            return [
                f"{self.stage.value}; a person may: {self.person_may}",
                f"more: resell operations show {self.number}",
            ]
        item = f" as item {self.upstream_number}" if self.upstream_number else ""
        still_wrong = [self.reason] if self.reason else []
        return [f"service {self.service} is {self.status.value}{item} after {self.seconds:.1f} s", *still_wrong]


def stage_line(entry: StagePassed) -> str:
    return f"{entry.at:%H:%M:%S}  {entry.stage.value}{f': {entry.reason}' if entry.reason else ''}"


async def look(database: "Database", operation: int, stages: tuple[StagePassed, ...] = ()) -> Followed:
    """The operation as it is now. Raises NotFound."""
    async with database.read() as session:
        found = await session.get(Operation, operation)
        if found is None:
            raise NotFound("operation", operation)
        may = person_may(await facts_of(session, found))
        return Followed.of_rows(found, await session.get_one(Service, found.service_id), may, stages)


async def follow(database: "Database", operation: int, say: Callable[[str], None]) -> Followed:
    """Print each stage and its time (UTC) when it begins, until nothing happens automatically. Raises NotFound."""
    await look(database, operation)
    entries: list[StagePassed] = []
    async for entry in _stages_entered(database, operation):
        entries.append(entry)
        say(stage_line(entry))
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
