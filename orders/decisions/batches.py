"""One decision about many operations: a preview writes down which, and a run touches no others.

Each is decided about as it would be singly, with the same rights and the same checks. A run may be repeated: what is
done stays done, and what is left goes on.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, and_, or_, update
from sqlmodel import col, select

from models.batch import BatchMember, OperationBatch
from models.columns import utc_now
from models.database import Database
from models.enums import MemberState, OperationKind, Stage
from models.messages import Decision, DecisionKind, DecisionResult
from models.order import Operation
from orders import audit
from orders.access.roles import Requester
from orders.decisions.allowed import PRICE, REASON, Denied, judge
from orders.decisions.facts import facts_of_all
from orders.errors import InvalidField, NotFound, Refused
from orders.references import Reference
from orders.text import Prose, Words

NOUN = "batch"
MOST = 1000
SLICE = 25
"""Operations decided about by one request, at most: it is answered within a proxy's patience."""
_ABANDONED = timedelta(minutes=5)
"""A run that took an operation and has said nothing for so long has died."""

Action = Literal["retry", "look_now", "cancel", "accept_price"]
Decide = Callable[[int, DecisionKind, Decision], Awaitable[DecisionResult]]


class BatchFilter(BaseModel):
    """Each is a set of values: an operation needs one of each that is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: list[Stage] = Field(default_factory=list, max_length=50)
    kind: list[OperationKind] = Field(default_factory=list, max_length=50)
    service: list[int] = Field(default_factory=list, max_length=MOST, description="numbers of services")
    operation: list[int] = Field(default_factory=list, max_length=MOST, description="numbers of operations")
    upstream: list[Words] = Field(default_factory=list, max_length=50, description="names of upstream accounts")
    reference: list[Reference] = Field(default_factory=list, max_length=50)


class BatchRequest(BaseModel):
    """What is to be decided about which operations. Nothing is done before a run names the preview."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filter: BatchFilter
    action: Action
    reason: Prose = Field(max_length=1900, description="why; written to the audit log of each")
    dry_run: Literal[True] = Field(description="always true: this is the preview, which a run names")


async def preview(database: Database, asked: BatchRequest, requester: Requester) -> int:
    """Write down what the action would touch, and what will not go. Returns the number of the batch. Raises
    InvalidField for a filter that is empty, finds nothing or too many."""
    wanted = asked.filter.model_dump(mode="json", exclude_defaults=True)
    if not wanted:
        raise InvalidField("filter", "is empty; name stage, kind, service, operation, upstream or reference")
    kind = DecisionKind(asked.action)
    async with database.write() as session:
        query = select(Operation).where(*_conditions(asked.filter)).order_by(col(Operation.id)).limit(MOST + 1)
        operations = (await session.exec(query)).all()
        if not operations:
            raise InvalidField("filter", "finds no operation")
        if len(operations) > MOST:
            raise InvalidField("filter", f"finds more than {MOST} operations; narrow it down, and do them in parts")
        batch = OperationBatch(actor=requester.name, action=kind.value, reason=asked.reason, wanted=wanted)
        session.add(batch)
        await session.flush()
        facts = await facts_of_all(session, operations)
        for one in operations:
            permission = judge(facts[one.id], kind, requester)
            why = permission.why if isinstance(permission, Denied) else _lacking(permission.needs)
            session.add(
                BatchMember(
                    batch_id=batch.id,
                    operation_id=one.id,
                    stage_since=one.stage_since,
                    price=str(one.cost) if one.cost is not None and kind is DecisionKind.ACCEPT_PRICE else "",
                    state=MemberState.EXCLUDED if why else MemberState.PLANNED,
                    message=why,
                )
            )
        return batch.id


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


async def run(database: Database, number: int, decide: Decide, requester: Requester) -> None:
    """Decide about the next operations of the preview. Raises NotFound, also for another person's preview, and what
    `decide` raises where Temporal is away: what is left is done by the next run."""
    async with database.write() as session:
        batch = await session.get(OperationBatch, number, with_for_update=True)
        if batch is None or batch.actor != requester.name:
            raise NotFound(NOUN, number)
        members = await session.exec(select(BatchMember).where(BatchMember.batch_id == number))
        planned = [str(one.operation_id) for one in members.all() if one.state is not MemberState.EXCLUDED]
        if batch.begun_at is None:
            batch.begun_at = utc_now()
            facts = {"action": batch.action, "reason": batch.reason, "operations": ", ".join(planned)}
            audit.record(session, "operation_batch", number, "batch_run", by=requester.name, facts=facts)
        session.add(batch)
        kind, reason = DecisionKind(batch.action), f"{batch.reason} (batch {number})"
    for _ in range(SLICE):
        member = await _take(database, number)
        if member is None:
            return
        try:
            state, message = await _decide(database, member, kind, reason, decide, requester)
        except BaseException:
            await _note(database, member, MemberState.PLANNED, "")
            raise
        await _note(database, member, state, message)


async def _take(database: Database, number: int) -> BatchMember | None:
    """The next one, taken: no other run decides about it."""
    now = utc_now()
    free = or_(
        col(BatchMember.state) == MemberState.PLANNED,
        and_(col(BatchMember.state) == MemberState.TAKEN, col(BatchMember.taken_at) < now - _ABANDONED),
    )
    async with database.write() as session:
        query = select(BatchMember).where(BatchMember.batch_id == number, free).order_by(col(BatchMember.id)).limit(1)
        member = (await session.exec(query.with_for_update(skip_locked=True))).one_or_none()
        if member is not None:
            member.state, member.taken_at = MemberState.TAKEN, now
            session.add(member)
        return member


async def _decide(
    database: Database, member: BatchMember, kind: DecisionKind, reason: str, decide: Decide, requester: Requester
) -> tuple[MemberState, str]:
    async with database.read() as session:
        operation = await session.get_one(Operation, member.operation_id)
    if operation.stage_since != member.stage_since:
        return MemberState.REFUSED, f"it has gone on since the preview: it is {operation.stage.value} now"
    parameters = {PRICE: member.price} if member.price else {}
    try:
        result = await decide(
            member.operation_id, kind, Decision(actor=requester.name, reason=reason, parameters=parameters)
        )
    except (Refused, InvalidField) as error:
        return MemberState.REFUSED, str(error)
    return MemberState.DONE, f"{result.stage.value}: {result.message}"


async def _note(database: Database, member: BatchMember, state: MemberState, message: str) -> None:
    async with database.write() as session:
        await session.exec(
            update(BatchMember)
            .where(col(BatchMember.id) == member.id, col(BatchMember.state) == MemberState.TAKEN)
            .values(state=state, message=message)
        )
