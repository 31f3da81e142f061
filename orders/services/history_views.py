"""The history of a service as it is shown: every change of a value, newest first."""

from datetime import datetime

from pydantic import Field
from sqlalchemy import true
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.enums import EventKind, Source
from orders.access.ownership import visible_service
from orders.access.roles import OPERATOR, Requester
from orders.errors import existing
from orders.events.views import ValueChange
from orders.reading.documents import Document
from orders.reading.paging import Page, PageRequest, page_of
from orders.services.history import REFUNDED, SUBJECT

_NOUN = "history"
_OF_OUR_MONEY = (REFUNDED, EventKind.COST_CHANGED.value)


class HistoryEntry(Document):
    """Who or what changed which value of a service from what to what, when, and from where."""

    number: int
    at: datetime
    source: Source = Field(description="the origin of the change")
    actor: str = Field(description="who or what: `upstream main`, the name of a token, a person")
    action: str = Field(description="the kind of the event, of the operation, or of the decision")
    changes: dict[str, ValueChange] = Field(
        description="by field; `upstream_…` are the item's own values, which a service does not have. Of `held_back` "
        "nothing was applied"
    )
    event: str | None = Field(description="`event_id` of the change seen at the upstream")
    operation: int | None = Field(description="the operation that changed it, or waited for the change")
    note: str | None = Field(description="why, in a person's words, or other remarks; for operators only")


async def list_history(
    session: AsyncSession, ask: PageRequest, requester: Requester = OPERATOR, *, service: int
) -> Page[HistoryEntry]:
    """A page of what changed of a service. Raises NotFound, or InvalidField for the cursor.

    What we pay for it, and what was paid back, is no news for a shop."""
    await visible_service(session, existing(SUBJECT, service), requester)
    query = (
        select(AuditEntry)
        .where(
            AuditEntry.subject == SUBJECT,
            AuditEntry.subject_number == service,
            col(AuditEntry.id) < ask.before(_NOUN),
        )
        .where(true() if requester.is_staff else col(AuditEntry.action).not_in(_OF_OUR_MONEY))
        .order_by(col(AuditEntry.id).desc())
        .limit(ask.limit + 1)
    )
    return page_of(_NOUN, ask, (await session.exec(query)).all(), lambda row: row.id, _show)


def _show(entry: AuditEntry) -> HistoryEntry:
    detail = dict(entry.detail)
    source, event, operation = (detail.pop(name, None) for name in ("source", "event", "operation"))
    reason = detail.pop("reason", None)
    more = [reason, *(f"{name}: {value}" for name, value in sorted(detail.items()))]
    return HistoryEntry(
        number=entry.id,
        at=entry.at,
        source=Source(source) if source else Source.RESELLFLOW,
        actor=entry.actor,
        action=entry.action,
        changes={name: ValueChange(before=pair[0], after=pair[1]) for name, pair in entry.changes.items()},
        event=event,
        operation=int(operation) if operation else None,
        note="; ".join(filter(None, more)) or None,
    )
