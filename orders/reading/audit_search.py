"""The whole audit, searched: who did what, to what, and when."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field
from sqlalchemy import ColumnElement, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.database import Database
from models.numbers import HIGHEST_NUMBER
from orders.errors import InvalidField, existing
from orders.reading.audit import AuditView, shown_entry
from orders.reading.filters import newest
from orders.reading.paging import HIGHEST_LIMIT, Page, PageRequest, page_of

_NOUN = "audit"
_OUT_OF_ORDER = timedelta(hours=1)
"""Within this time entries may be numbered otherwise than they were written."""


class AuditRow(AuditView):
    """An entry with the values that it changed."""

    changes: dict[str, list[str]] = Field(description="field -> [before, after]")


@dataclass(frozen=True)
class AuditWanted:
    """Which entries. Empty or None: whichever. Of several values an entry has one."""

    actor: Sequence[str] | None = None
    action: Sequence[str] | None = None
    subject: str = ""
    """Kind of thing, as `operation`; with `subject_number` alone."""
    subject_number: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    """The moment itself is not among them."""


def thing(field: str, text: str) -> tuple[str, int | None]:
    """`operation 7` as kind and number; ("", None) for no text. Raises InvalidField naming the field."""
    if not text:
        return "", None
    subject, _, number = text.rpartition(" ")
    if not subject.strip() or not (number.isascii() and number.isdigit() and len(number) < 19):
        raise InvalidField(field, f"{text!r} is no kind of thing with its number: operation 7, service 3")
    return subject.strip().replace(" ", "_"), int(number)


async def search_audit(session: AsyncSession, ask: PageRequest, wanted: AuditWanted) -> Page[AuditRow]:
    """A page, newest first. Raises InvalidField for the cursor, NotFound for a number that none can have."""
    rows: list[AuditEntry] = await newest(
        session,
        select(AuditEntry).where(*_conditions(wanted)),
        col(AuditEntry.id),
        lambda row: row.id,
        ask,
        _NOUN,
        (AuditEntry.actor, wanted.actor),
        (AuditEntry.action, wanted.action),
    )
    return page_of(_NOUN, ask, rows, lambda row: row.id, _row)


async def whole_audit(database: Database, wanted: AuditWanted) -> AsyncIterator[list[AuditRow]]:
    """All pages, each read in a transaction of its own. What is written meanwhile is not among them."""
    cursor = None
    while True:
        async with database.read() as session:
            page = await search_audit(session, PageRequest(HIGHEST_LIMIT, cursor), wanted)
        yield page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _conditions(wanted: AuditWanted) -> list[ColumnElement[bool]]:
    """Entries are numbered as they are written, so a time is a number, too, and no page passes all that is too new."""
    entry = AuditEntry
    found = [col(entry.subject) == wanted.subject] if wanted.subject else []
    if wanted.subject_number is not None:
        found.append(col(entry.subject_number) == existing(wanted.subject or _NOUN, wanted.subject_number))
    if wanted.since is not None:
        last_before = (
            select(entry.id)
            .where(col(entry.at) < wanted.since - _OUT_OF_ORDER)
            .order_by(col(entry.at).desc(), col(entry.id).desc())
            .limit(1)
            .scalar_subquery()
        )
        found += [col(entry.at) >= wanted.since, col(entry.id) > func.coalesce(last_before, 0)]
    if wanted.until is not None:
        first_after = (
            select(entry.id)
            .where(col(entry.at) >= wanted.until + _OUT_OF_ORDER)
            .order_by(col(entry.at), col(entry.id))
            .limit(1)
            .scalar_subquery()
        )
        found += [col(entry.at) < wanted.until, col(entry.id) < func.coalesce(first_after, HIGHEST_NUMBER)]
    return found


def _row(entry: AuditEntry) -> AuditRow:
    return AuditRow(**shown_entry(entry).model_dump(), changes=entry.changes)
