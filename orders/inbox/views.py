"""The inbox as it is shown: a card for each cause, and the list of entries, oldest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy import ColumnElement, Row
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from orders.access.roles import Requester
from orders.inbox.causes import RANK, Cause
from orders.inbox.sources import SOURCES
from orders.lifecycle.views import OperationView, operations_by_number
from orders.reading.documents import Document, WorkflowLinks
from orders.reading.paging import cursor_text, no_cursor, text_of_cursor
from orders.tasks.views import age

_NOUN = "inbox"
LIMIT = 50


class InboxEntry(Document):
    """One thing that needs a person."""

    cause: Cause
    key: int = Field(description="number of the operation, task, incident, drift, account or snapshot, by cause")
    since: datetime
    upstream: str = Field(description="name of the upstream account; empty: it belongs to none")
    failure_class: str
    assignee: str
    customer: str
    service: int | None
    operation: int | None
    what: str = Field(description="kind of operation, incident or drift; title of a task; name or number of an item")
    why: str = Field(description="the cause in words")
    shown: OperationView | None = Field(description="the operation, where the entry is one")


class InboxPage(Document):
    entries: list[InboxEntry]
    next_cursor: str | None


@dataclass(frozen=True)
class InboxFilter:
    """Which entries are wanted. Empty: whichever."""

    cause: Cause | None = None
    upstream: str = ""
    failure_class: str = ""
    older_than: str = ""
    """90m, 24h, 3d."""
    assignee: str = ""
    """`-`: nobody has it in hand."""
    customer: str = ""


async def inbox_page(
    session: AsyncSession,
    links: WorkflowLinks,
    requester: Requester,
    wanted: InboxFilter,
    cursor: str | None = None,
    limit: int = LIMIT,
) -> InboxPage:
    """The entries that match, oldest first. Raises InvalidField for a wrong age or cursor."""
    connection = await session.connection()
    seen = None if cursor is None else _read(cursor)
    oldest = utc_now() - age("older_than", wanted.older_than) if wanted.older_than else None
    rows: list[tuple[Cause, Row[Any]]] = []
    for cause in [wanted.cause] if wanted.cause else Cause:
        found = SOURCES[cause]().subquery()
        query = sa.select(found).where(*_conditions(found.c, wanted, oldest))
        if seen is not None:
            query = query.where(_after(found.c, cause, *seen))
        page = await connection.execute(query.order_by(found.c.since, found.c.key).limit(limit + 1))
        rows += [(cause, row) for row in page.all()]
    rows.sort(key=lambda one: (one[1].since, RANK[one[0]], one[1].key))
    shown = rows[:limit]
    numbers = {row.operation for cause, row in shown if row.operation is not None}
    operations = await operations_by_number(session, links, numbers, requester) if numbers else {}
    entries = [_entry(cause, row, operations) for cause, row in shown]
    return InboxPage(entries=entries, next_cursor=_cursor(*shown[-1]) if len(rows) > limit else None)


def _conditions(found: Any, wanted: InboxFilter, oldest: datetime | None) -> list[ColumnElement[bool]]:
    exact = {"upstream": wanted.upstream, "failure": wanted.failure_class, "customer": wanted.customer,
             "assignee": wanted.assignee}  # fmt: skip
    conditions = [found[name] == ("" if value == "-" else value) for name, value in exact.items() if value]
    return conditions if oldest is None else [*conditions, found.since < oldest]


def _after(found: Any, cause: Cause, since: datetime, rank: int, key: int) -> ColumnElement[bool]:
    """What comes after the last entry of the page before."""
    own = RANK[cause]
    same_moment = found.key > key if own == rank else sa.literal(own > rank)
    return sa.or_(found.since > since, sa.and_(found.since == since, same_moment))


def _cursor(cause: Cause, row: Row[Any]) -> str:
    return cursor_text(_NOUN, f"{row.since.isoformat()} {RANK[cause]} {row.key}")


def _read(cursor: str) -> tuple[datetime, int, int]:
    try:
        since, rank, key = text_of_cursor(_NOUN, cursor).split(" ")
        moment = datetime.fromisoformat(since)
        if moment.tzinfo is None:
            raise no_cursor()
        return moment, int(rank), int(key)
    except ValueError:
        raise no_cursor() from None


def _entry(cause: Cause, row: Row[Any], operations: dict[int, OperationView]) -> InboxEntry:
    shown = operations.get(row.operation) if row.operation is not None else None
    is_operation = cause in (Cause.DECIDE, Cause.UNCLEAR, Cause.MONEY, Cause.SLOW)
    return InboxEntry(
        cause=cause,
        key=row.key,
        since=row.since,
        upstream=row.upstream,
        failure_class=row.failure,
        assignee=row.assignee,
        customer=row.customer,
        service=row.service,
        operation=row.operation,
        what=row.what,
        why=shown.waits_for if is_operation and shown else row.why,
        shown=shown,
    )
