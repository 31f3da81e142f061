"""One decision about many operations: a preview writes down which, and a run touches no others.

Each is decided about as it would be singly, with the same rights and the same checks. A run may be repeated: what is
done stays done, and what is left goes on.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, and_, insert, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.batch import BatchMember, OperationBatch
from models.columns import utc_now
from models.database import Database
from models.enums import MemberState, OperationKind, Stage, TaskMode, TaskState
from models.messages import Decision, DecisionKind, DecisionResult
from models.order import Operation, Task
from orders import audit
from orders.access.roles import Requester
from orders.decisions.allowed import PRICE, REASON, Denied, judge
from orders.decisions.facts import facts_of_all
from orders.errors import InvalidField, NotFound, Refused
from orders.references import SoughtReference
from orders.tasks import work
from orders.tasks.work import Person
from orders.text import Prose, Words

NOUN = "batch"
MOST = 1000
SLICE = 25
"""Operations decided about by one request, at most: it is answered within a proxy's patience."""
_ABANDONED = timedelta(minutes=5)
"""A run that took an operation and has said nothing for so long has died."""

ASSIGN = "assign"
"""Gives the operation's task to a person. All other actions are decisions about the operation."""
Action = Literal["retry", "look_now", "cancel", "accept_price", "assign"]
Decide = Callable[[int, DecisionKind, Decision], Awaitable[DecisionResult]]


class BatchFilter(BaseModel):
    """Each is a set of values: an operation needs one of each that is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: list[Stage] = Field(default_factory=list, max_length=50)
    kind: list[OperationKind] = Field(default_factory=list, max_length=50)
    service: list[int] = Field(default_factory=list, max_length=MOST, description="numbers of services")
    operation: list[int] = Field(default_factory=list, max_length=MOST, description="numbers of operations")
    upstream: list[Words] = Field(default_factory=list, max_length=50, description="names of upstream accounts")
    reference: list[SoughtReference] = Field(default_factory=list, max_length=50)


class BatchRequest(BaseModel):
    """What is to be decided about which operations. Nothing is done before a run names the preview."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filter: BatchFilter
    action: Action
    reason: Prose = Field(max_length=1900, description="why; written to the audit log of each")
    assignee: Person | None = Field(
        default=None, description="for `assign`, and needed there: the person who has the tasks from then on"
    )
    dry_run: Literal[True] = Field(description="always true: this is the preview, which a run names")


async def preview(database: Database, asked: BatchRequest, requester: Requester) -> int:
    """Write down what the action would touch, and what will not go. Returns the number of the batch. Raises
    InvalidField for a filter that is empty, finds nothing or too many, and for an assignee without `assign`."""
    wanted = asked.filter.model_dump(mode="json", exclude_defaults=True)
    if not wanted:
        raise InvalidField("filter", "is empty; name stage, kind, service, operation, upstream or reference")
    if (asked.action == ASSIGN) is (asked.assignee is None):
        raise InvalidField("assignee", f"is needed for the action {ASSIGN!r}, and only there")
    async with database.write() as session:
        query = select(Operation).where(*_conditions(asked.filter)).order_by(col(Operation.id)).limit(MOST + 1)
        operations = (await session.exec(query)).all()
        if not operations:
            raise InvalidField("filter", "finds no operation")
        if len(operations) > MOST:
            raise InvalidField("filter", f"finds more than {MOST} operations; narrow it down, and do them in parts")
        batch = OperationBatch(
            actor=requester.name,
            action=asked.action,
            reason=asked.reason,
            wanted=wanted,
            assignee=asked.assignee or "",
        )
        session.add(batch)
        await session.flush()
        obstacles = await _obstacles(session, operations, asked, requester)
        priced = asked.action == "accept_price"
        members = [
            BatchMember(
                batch_id=batch.id,
                operation_id=one.id,
                stage_since=one.stage_since,
                price=str(one.cost) if one.cost is not None and priced else "",
                state=MemberState.EXCLUDED if obstacles[one.id] else MemberState.PLANNED,
                message=obstacles[one.id],
            )
            for one in operations
        ]
        rows = [one.model_dump(exclude={"id"}) for one in members]
        await (await session.connection()).execute(insert(BatchMember), rows)
        return batch.id


async def _obstacles(
    session: AsyncSession, operations: Sequence[Operation], asked: BatchRequest, requester: Requester
) -> dict[int, str]:
    """Why each will not go; empty: it will."""
    if asked.action == ASSIGN:
        found = await session.exec(select(Task).where(col(Task.operation_id).in_([one.id for one in operations])))
        tasks = {task.operation_id: task for task in found.all()}
        return {one.id: _why_not_given(tasks.get(one.id)) for one in operations}
    kind, facts = DecisionKind(asked.action), await facts_of_all(session, operations)
    found_out: dict[int, str] = {}
    for one in operations:
        permission = judge(facts[one.id], kind, requester)
        found_out[one.id] = permission.why if isinstance(permission, Denied) else _lacking(permission.needs)
    return found_out


def _why_not_given(task: Task | None) -> str:
    if task is None or task.state is not TaskState.OPEN:
        return "it has no open task"
    return "" if task.mode is TaskMode.MANUAL else "its task is automatic: nobody needs to act on it"


def _conditions(wanted: BatchFilter) -> list[ColumnElement[bool]]:
    sets: list[tuple[Any, Sequence[object]]] = [
        (Operation.stage, wanted.stage),
        (Operation.kind, wanted.kind),
        (Operation.service_id, wanted.service),
        (Operation.id, wanted.operation),
        (Operation.upstream_name, wanted.upstream),
        (Operation.reference, wanted.reference),
    ]
    return [col(column).in_(values) for column, values in sets if values]


def _lacking(needs: Sequence[str]) -> str:
    more = [need for need in needs if need != REASON]
    return f"needs {', '.join(more)}: decide about it singly" if more else ""


@dataclass(frozen=True)
class _Run:
    """What a batch does to each of its operations."""

    batch: int
    action: str
    reason: str
    assignee: str
    decide: Decide
    requester: Requester


async def run(database: Database, number: int, decide: Decide, requester: Requester) -> None:
    """Decide about the next operations of the preview. Raises NotFound, also for another person's preview, and what
    `decide` raises where Temporal is away: what is left is done by the next run."""
    async with database.write() as session:
        batch = await session.get(OperationBatch, number, with_for_update=True)
        if batch is None or batch.actor != requester.name:
            raise NotFound(NOUN, number)
        if batch.begun_at is None:
            batch.begun_at = utc_now()
            query = select(BatchMember.operation_id).where(
                BatchMember.batch_id == number, BatchMember.state != MemberState.EXCLUDED
            )
            planned = ", ".join(map(str, sorted((await session.exec(query)).all())))
            facts = {"action": batch.action, "reason": batch.reason, "assignee": batch.assignee or None}
            audit.record(
                session,
                "operation_batch",
                number,
                "batch_run",
                by=requester.name,
                facts=facts | {"operations": planned},
            )
            session.add(batch)
        reason = f"{batch.reason} (batch {number})"
        running = _Run(number, batch.action, reason, batch.assignee, decide, requester)
    for _ in range(SLICE):
        taken = await _take(database, number)
        if taken is None:
            return
        member, again = taken
        try:
            state, message = await _carry_out(database, member, running, again=again)
        except BaseException:
            await _note(database, member, MemberState.PLANNED, "")
            raise
        await _note(database, member, state, message)


async def _take(database: Database, number: int) -> tuple[BatchMember, bool] | None:
    """The next one, taken: no other run decides about it. With it, whether a run had taken it that died."""
    now = utc_now()
    free = or_(
        col(BatchMember.state) == MemberState.PLANNED,
        and_(col(BatchMember.state) == MemberState.TAKEN, col(BatchMember.taken_at) < now - _ABANDONED),
    )
    async with database.write() as session:
        query = select(BatchMember).where(BatchMember.batch_id == number, free).order_by(col(BatchMember.id)).limit(1)
        member = (await session.exec(query.with_for_update(skip_locked=True))).one_or_none()
        if member is None:
            return None
        again = member.state is MemberState.TAKEN
        member.state, member.taken_at = MemberState.TAKEN, now
        session.add(member)
        return member, again


async def _carry_out(database: Database, member: BatchMember, running: _Run, *, again: bool) -> tuple[MemberState, str]:
    async with database.read() as session:
        operation = await session.get_one(Operation, member.operation_id)
        query = select(Task.id).where(Task.operation_id == member.operation_id)
        task = (await session.exec(query)).first() if running.action == ASSIGN else None
        if again and await _was_carried_out(session, member.operation_id, task, running):
            return MemberState.DONE, f"{operation.stage.value}: by a run that was interrupted"
    if operation.stage_since != member.stage_since:
        return MemberState.REFUSED, f"it has gone on since the preview: it is {operation.stage.value} now"
    try:
        if running.action == ASSIGN:
            return MemberState.DONE, await _give(database, task, running)
        parameters = {PRICE: member.price} if member.price else {}
        decision = Decision(actor=running.requester.name, reason=running.reason, parameters=parameters)
        result = await running.decide(member.operation_id, DecisionKind(running.action), decision)
    except (Refused, InvalidField, NotFound) as error:
        return MemberState.REFUSED, str(error)
    return MemberState.DONE, f"{result.stage.value}: {result.message}"


async def _give(database: Database, task: int | None, running: _Run) -> str:
    """Raises Refused where the task has ended."""
    by = work.By(actor=running.requester.name, reason=running.reason)
    async with database.write() as session:
        await work.hand_over(session, task or 0, running.assignee, by)
    return f"task {task} is {running.assignee}'s"


async def _was_carried_out(session: AsyncSession, operation: int, task: int | None, running: _Run) -> bool:
    """The audit says so: an entry with the batch's reason, from before the run died."""
    subject = ("operation", operation, running.action) if task is None else ("task", task, work.HANDED_OVER)
    entries = await session.exec(
        select(AuditEntry).where(
            AuditEntry.subject == subject[0],
            AuditEntry.subject_number == subject[1],
            AuditEntry.action == subject[2],
            AuditEntry.actor == running.requester.name,
        )
    )
    return any(entry.detail.get("reason") == running.reason for entry in entries.all())


async def _note(database: Database, member: BatchMember, state: MemberState, message: str) -> None:
    async with database.write() as session:
        await session.exec(
            update(BatchMember)
            .where(col(BatchMember.id) == member.id, col(BatchMember.state) == MemberState.TAKEN)
            .values(state=state, message=message)
        )
