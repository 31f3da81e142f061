"""The audit as it is shown: who did what to an operation or a service."""

from datetime import datetime

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from orders.errors import existing
from orders.reading.documents import Document
from orders.reading.paging import Page, PageRequest, page_of

_NOUN = "audit"


class AuditView(Document):
    """A change and who made it."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str = Field(description="what it was done to, e.g. operation")
    subject_number: int
    detail: dict[str, str]


def shown_entry(entry: AuditEntry) -> AuditView:
    return AuditView(
        number=entry.id,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        subject_number=entry.subject_number,
        detail=entry.detail,
    )


async def list_audit(session: AsyncSession, ask: PageRequest, *, subject: str, number: int) -> Page[AuditView]:
    """A page of what was done to `subject` ("operation", "service") `number`. Raises InvalidField for the cursor."""
    query = select(AuditEntry).where(
        AuditEntry.subject == subject,
        AuditEntry.subject_number == existing(subject, number),
        col(AuditEntry.id) < ask.before(_NOUN),
    )
    rows = (await session.exec(query.order_by(col(AuditEntry.id).desc()).limit(ask.limit + 1))).all()
    return page_of(_NOUN, ask, rows, lambda row: row.id, shown_entry)
