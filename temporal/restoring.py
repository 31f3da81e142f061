"""What `resell restored` does: look at both sides, hold the database, end the runs, write the restoration down."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import col, select
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from models.audit import Installation
from models.database import Database
from models.enums import OperationKind
from models.order import Operation
from orders.errors import Refused
from orders.installation import hold
from orders.restoration import numbers, record
from orders.restoration.items import Marked, MarkedItem, accounts_to_read, marked_items
from orders.restoration.unfinished import Unfinished, unfinished
from orders.services import naming
from temporal.known_numbers import known_numbers
from upstreams.connections import Connections
from workflows.search_attributes import ORDER_STAGE, UPSTREAM_NAME

HELD = "`resell restored` has begun and has not ended; run it again"
_ENDED = "the database was restored from a backup; what it knows begins anew from there"
_BATCH = 500
_CLOCKS = timedelta(minutes=1)
"""By how much those of Temporal and of the API may differ."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class OrderRun:
    """A run of an order workflow in our task queue."""

    workflow_id: str
    run_id: str
    service: int
    operation: int
    runs: bool
    is_known: bool
    """The database has this operation."""
    stage: str
    upstream: str
    started_at: datetime


@dataclass(frozen=True)
class Findings:
    """Both sides, as they are before anything is changed."""

    known: dict[str, int]
    """The highest numbers that the sweep reported."""
    seen: dict[str, int]
    """The highest numbers seen anywhere outside the database."""
    lost_numbers: dict[str, int]
    """Those that the database has not given: it is older."""
    runs: list[OrderRun]
    operations: list[Unfinished]
    marked: list[MarkedItem] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)

    @property
    def lost_runs(self) -> list[OrderRun]:
        """The latest run of each order that the database does not know."""
        return list({one.workflow_id: one for one in self.runs if not one.is_known}.values())

    @property
    def given_twice(self) -> frozenset[int]:
        """Openings whose workflow had begun before they were accepted: another order had these numbers, which the
        database has lost. They were accepted on the restored database."""
        begun: dict[int, datetime] = {}
        for one in self.runs:
            begun[one.operation] = min(one.started_at, begun.get(one.operation, one.started_at))
        return frozenset(
            one.operation.id
            for one in self.operations
            if one.operation.kind is OperationKind.OPEN
            and one.is_suspected
            and begun.get(one.operation.id, one.operation.created_at) < one.operation.created_at - _CLOCKS
        )

    @property
    def running(self) -> list[OrderRun]:
        return [one for one in self.runs if one.runs]

    @property
    def orphans(self) -> list[MarkedItem]:
        return [one for one in self.marked if one.is_orphan]


class Restorer:
    def __init__(self, database: Database, client: Client, connections: Connections, task_queue: str) -> None:
        self._database = database
        self._client = client
        self._connections = connections
        self._task_queue = task_queue

    async def look(self, *, without: Collection[str] = (), upstreams: bool = True, say: Say = print) -> Findings:
        """Read both sides, and change nothing. Raises RPCError, the errors of `upstreams.errors`, or InvalidField."""
        known = await known_numbers(self._client)
        runs = await self._runs()
        read = [Marked([], [])]
        if upstreams:
            async with self._database.read() as session:
                accounts = await accounts_to_read(session, without)
            for account, product_types in accounts:
                say(f"reading the lists of upstream {account.name}")
                read.append(await marked_items(self._database, self._connections, account, product_types))
        marked = [item for one in read for item in one.items]
        in_ids = {"service": _last(one.service for one in runs), "operation": _last(one.operation for one in runs)}
        seen = numbers.highest(known, in_ids, {"service": _last(one.service for one in marked)})
        async with self._database.read() as session:
            lost = await numbers.lost(session, seen)
            operations = await unfinished(session)
        incomplete = [words for one in read for words in one.incomplete]
        return Findings(known, seen, lost, runs, operations, marked, incomplete)

    async def restore(self, findings: Findings, *, actor: str) -> record.Restored:
        """Safe to repeat after a crash at any point: the database is held until the last transaction."""
        await self.hold()
        await self._end(findings.running)
        return await record.restored(self._database, findings.seen, actor=actor, given_twice=findings.given_twice)

    async def hold(self) -> None:
        """From now on nothing is accepted or sent, until `restore` has ended."""
        async with self._database.write() as session:
            await hold(session, HELD)

    async def begin_anew(self, findings: Findings, *, actor: str) -> list[Unfinished]:
        """Temporal's state is the older one: only the runs begin anew. Raises Refused if the database is the older, or
        is held."""
        if findings.lost_numbers:
            words = numbers.in_words(findings.lost_numbers)
            raise Refused(f"the database has not given {words} yet, so it is the older one; leave out --temporal-only")
        async with self._database.read() as session:
            held = (await session.get_one(Installation, 1)).held_because
        if held is not None:
            raise Refused(f"the database is held, so it was restored as well ({held}); leave out --temporal-only")
        await self._end(findings.running)
        return await record.workflows_lost(self._database, actor=actor)

    async def _runs(self) -> list[OrderRun]:
        found = []
        async for one in self._client.list_workflows("WorkflowType = 'ServiceOrder'"):
            numbers_in_id = naming.numbers_of(one.id)
            if one.task_queue == self._task_queue and numbers_in_id is not None:
                found.append((one, *numbers_in_id))
        ids = await self._known_ids([operation for *_, operation in found])
        return [
            OrderRun(
                workflow_id=one.id,
                run_id=one.run_id,
                service=service,
                operation=operation,
                runs=one.status is WorkflowExecutionStatus.RUNNING,
                is_known=one.id in ids,
                stage=one.typed_search_attributes.get(ORDER_STAGE, ""),
                upstream=one.typed_search_attributes.get(UPSTREAM_NAME, ""),
                started_at=one.start_time,
            )
            for one, service, operation in sorted(found, key=lambda row: row[0].start_time)
        ]

    async def _known_ids(self, operations: list[int]) -> set[str]:
        """Workflow ids of those of these operations that the database has."""
        ids = set()
        async with self._database.read() as session:
            for some in _batched(operations, _BATCH):
                asked = select(Operation.service_id, Operation.kind, Operation.id).where(col(Operation.id).in_(some))
                rows = (await session.exec(asked)).all()
                ids |= {naming.workflow_id(service, OperationKind(kind), number) for service, kind, number in rows}
        return ids

    async def _end(self, runs: list[OrderRun]) -> None:
        for one in runs:
            handle = self._client.get_workflow_handle(one.workflow_id, run_id=one.run_id)
            try:
                await handle.terminate(reason=_ENDED)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:  # it has ended since it was listed
                    raise


def _batched(numbers: list[int], size: int) -> Iterable[list[int]]:
    return (numbers[start : start + size] for start in range(0, len(numbers), size))


def _last(found: Iterable[int]) -> int:
    return max(found, default=0)
