"""A batch as it is shown: what it is about, and what became of each operation."""

from collections import Counter
from datetime import datetime
from typing import Any

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.batch import BatchMember, OperationBatch
from models.enums import MemberState
from orders.decisions.batches import NOUN
from orders.errors import NotFound, existing
from orders.reading.documents import Document


class MemberView(Document):
    operation: int = Field(description="number of the operation")
    state: MemberState
    message: str = Field(description="why it will not go, or what became of it")


class BatchView(Document):
    """A preview, and its run."""

    number: int
    action: str
    reason: str
    assignee: str | None = Field(description="who gets the tasks; null for other actions than `assign`")
    filter: dict[str, Any]
    actor: str = Field(description="who has asked for the preview, and alone may run it")
    created_at: datetime
    begun_at: datetime | None = Field(description="when it was run first; null: it is a preview")
    counts: dict[MemberState, int]
    finished: bool = Field(description="nothing is left to do; otherwise run it again")
    items: list[MemberView] = Field(description="by number of the operation; what came later is not touched")


async def find_batch(session: AsyncSession, number: int) -> BatchView:
    """Raises NotFound."""
    batch = await session.get(OperationBatch, existing(NOUN, number))
    if batch is None:
        raise NotFound(NOUN, number)
    query = select(BatchMember).where(BatchMember.batch_id == number).order_by(col(BatchMember.operation_id))
    members = (await session.exec(query)).all()
    counts = Counter(one.state for one in members)
    return BatchView(
        number=batch.id,
        action=batch.action,
        reason=batch.reason,
        assignee=batch.assignee or None,
        filter=batch.wanted,
        actor=batch.actor,
        created_at=batch.created_at,
        begun_at=batch.begun_at,
        counts=dict(counts),
        finished=not (counts[MemberState.PLANNED] or counts[MemberState.TAKEN]),
        items=[MemberView(operation=one.operation_id, state=one.state, message=one.message) for one in members],
    )
