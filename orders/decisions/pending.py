"""Decisions wait in the database until their order's workflow acts upon them; it gets a word that names one.

That way no history holds who decided, why, and with which values, and nobody who may write to Temporal decides in
another's name: what comes without such a word was sent by hand, and its actor is `temporal`.
"""

import uuid

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.decision import PendingDecision
from models.enums import Role
from models.messages import Decision, DecisionRecord, TaskCompletion, Written
from orders.access.roles import Requester
from orders.errors import Refused

BY_HAND = "temporal"
COMPLETE_TASK = "complete_task"


async def write_down(
    session: AsyncSession, operation: int, decision_kind: str, said: Decision | TaskCompletion, requester: Requester
) -> Written:
    """The word that names it."""
    word = uuid.uuid4().hex
    session.add(
        PendingDecision(
            word=word,
            operation_id=operation,
            kind=decision_kind,
            said=said.model_dump(mode="json"),
            role=requester.role.value,
            name=requester.name,
        )
    )
    await session.flush()
    return Written(word=word)


def sent_by_hand(record: DecisionRecord) -> DecisionRecord:
    """The same, if it names what is written down; else nobody has checked whose decision it is."""
    decision = record.decision
    if isinstance(decision, Written):
        return record
    signed = {"actor": BY_HAND, "reason": _signed(decision.actor, decision.reason)[:2000]}
    return record.model_copy(update={"decision": decision.model_copy(update=signed)})


async def decision_of(
    session: AsyncSession, record: DecisionRecord, requester: Requester
) -> tuple[Decision, Requester]:
    """What was decided, and who. Raises Refused if nobody has written it down for this operation."""
    if isinstance(record.decision, Decision):
        return record.decision, requester
    row = await _row(session, record.decision, record.operation, record.kind.value)
    if row is None:
        raise Refused("no such decision is written in the database: decide anew, by API or command line")
    return Decision.model_validate(row.said), Requester(Role(row.role), row.name)


async def completion_of(
    session: AsyncSession, operation: int, by: TaskCompletion | Written | None
) -> TaskCompletion | None:
    """What the person said who has done the manual work."""
    match by:
        case None:
            return None
        case TaskCompletion():
            return by.model_copy(update={"actor": BY_HAND, "note": _signed(by.actor, by.note)[:2000]})
        case Written():
            row = await _row(session, by, operation, COMPLETE_TASK)
            return TaskCompletion.model_validate(row.said) if row else TaskCompletion(actor=BY_HAND)


async def forget(session: AsyncSession, written: object) -> None:
    """It is acted upon, and in the audit."""
    if isinstance(written, Written):
        await session.exec(delete(PendingDecision).where(col(PendingDecision.word) == written.word))


async def forget_refused(session: AsyncSession, record: DecisionRecord) -> None:
    """It was judged, and refused. Its word stands in a history: sent again later, it must not decide in that name."""
    if isinstance(record.decision, Written):
        row = await _row(session, record.decision, record.operation, record.kind.value)
        if row is not None:
            await session.delete(row)


async def _row(session: AsyncSession, written: Written, operation: int, decision_kind: str) -> PendingDecision | None:
    found = await session.exec(
        select(PendingDecision).where(
            PendingDecision.word == written.word,
            PendingDecision.operation_id == operation,
            PendingDecision.kind == decision_kind,
        )
    )
    return found.one_or_none()


def _signed(actor: str, text: str) -> str:
    """Who sent it by hand may have given a name; nobody has checked it."""
    return text if actor in ("", BY_HAND) else f"(signed {actor!r}) {text}"
