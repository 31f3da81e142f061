"""No loop without a last attempt: how often a request is sent that turns out to have had no effect.

Waiting has no last attempt (for money, for the upstream to be reachable): there nothing is sent in vain. What is sent,
and is proven to have had no effect, or is put off by the upstream, again and again, needs a person.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.enums import FailureClass, IntentState
from models.messages import DecisionKind
from models.order import Intent

NOT_DONE_AT_MOST = 5
"""Each takes at least the settle window: enough for an outage of minutes, too few to go unnoticed for an hour."""
PUT_OFF_AT_MOST = 10
"""Each names a date and is waited for; one that never comes is no date."""
_PUT_OFF = (IntentState.REFUSED, IntentState.NOT_DONE)
"""How a request ends that was put off: as it was answered, then as it was proven."""
_PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240))
"""At least so long before it is sent again, however early the date was: clocks and time zones differ, by fourteen hours
at the most. The last one goes on."""


async def why_enough(session: AsyncSession, operation: int) -> str:
    """What was tried since a person last decided, in words, if that was often enough; else empty."""
    found = await session.exec(
        select(Intent).where(Intent.operation_id == operation, *await _since_a_decision(session, operation))
    )
    tried = list(found.all())
    not_done = [
        one for one in tried if one.state is IntentState.NOT_DONE and one.failure_class is not FailureClass.NOT_YET
    ]
    if len(not_done) >= NOT_DONE_AT_MOST:
        return f"sent {len(not_done)} times, and each time the upstream shows no effect of it{_story_of(not_done)}"
    put_off = [one for one in tried if one.state in _PUT_OFF and one.failure_class is FailureClass.NOT_YET]
    if len(put_off) >= PUT_OFF_AT_MOST:
        return f"put off by the upstream {len(put_off)} times{_story_of(put_off)}"
    return ""


async def pause_after_put_off(session: AsyncSession, operation: int) -> tuple[int, timedelta]:
    """How often the upstream has put it off since a person last decided, and how long it waits now at least."""
    counted = await session.exec(
        select(func.count())
        .select_from(Intent)
        .where(
            Intent.operation_id == operation,
            col(Intent.state).in_(_PUT_OFF),
            Intent.failure_class == FailureClass.NOT_YET,
            *await _since_a_decision(session, operation),
        )
    )
    times = counted.one()
    return times, _PAUSES[min(max(times, 1), len(_PAUSES)) - 1]


async def _since_a_decision(session: AsyncSession, operation: int) -> list[ColumnElement[bool]]:
    latest = await session.exec(
        select(AuditEntry.at)
        .where(
            AuditEntry.subject == "operation",
            AuditEntry.subject_number == operation,
            col(AuditEntry.action).in_([DecisionKind.RETRY.value, DecisionKind.CORRECT_AND_RETRY.value]),
        )
        .order_by(col(AuditEntry.id).desc())
        .limit(1)
    )
    at = latest.first()
    return [col(Intent.created_at) > at] if at is not None else []


def _story_of(tried: list[Intent]) -> str:
    """The last three show how it went; all are with the operation."""
    last = [f"{one.created_at:%H:%M:%S UTC}: {one.message or one.state.value}" for one in tried[-3:]]
    return f". At {'; at '.join(last)}. Look at the item there, then try again, mark it done or cancel"
