"""Incidents as they are shown."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import IncidentKind
from models.incident import Incident
from orders.errors import NotFound, existing
from orders.reading.documents import Document
from orders.reading.filters import newest
from orders.reading.paging import Page, PageRequest, page_of

_NOUN = "incident"


class IncidentView(Document):
    """Something that must not happen has happened, or may have: people look until it is explained, and close it."""

    number: int
    kind: IncidentKind
    open: bool = Field(description="nobody has closed it yet")
    message: str = Field(description="what happened, and what a person should do")
    service: int | None = Field(description="number of the service it is about, if of one")
    operation: int | None = Field(description="number of the operation it is about, if of one")
    detail: dict[str, str] = Field(description="numbers and states, by kind")
    at: datetime = Field(description="when it was noticed")
    updated_at: datetime | None = Field(description="when its message last changed")
    closed_at: datetime | None
    closed_by: str | None
    closing_note: str | None = Field(description="what it was, as said by whoever closed it")


def _show(row: Incident) -> IncidentView:
    return IncidentView(
        number=row.id,
        kind=row.kind,
        open=row.closed_at is None,
        message=row.message,
        service=row.service_id,
        operation=row.operation_id,
        detail=row.detail,
        at=row.at,
        updated_at=row.updated_at,
        closed_at=row.closed_at,
        closed_by=row.closed_by or None,
        closing_note=row.closing_note or None,
    )


async def find_incident(session: AsyncSession, number: int) -> IncidentView:
    """Raises NotFound."""
    row = await session.get(Incident, existing(_NOUN, number))
    if row is None:
        raise NotFound(_NOUN, number)
    return _show(row)


async def list_incidents(
    session: AsyncSession,
    ask: PageRequest,
    *,
    is_open: bool | None = None,
    service: Sequence[int] | None = None,
    kind: Sequence[IncidentKind] | None = None,
) -> Page[IncidentView]:
    """A page of incidents. Raises InvalidField for a wrong cursor."""
    query = select(Incident)
    if is_open is not None:
        closed = col(Incident.closed_at)
        query = query.where(closed.is_(None) if is_open else closed.is_not(None))
    rows: list[Incident] = await newest(
        session,
        query,
        col(Incident.id),
        lambda row: row.id,
        ask,
        _NOUN,
        (Incident.service_id, service),
        (Incident.kind, kind),
    )
    return page_of(_NOUN, ask, rows, lambda row: row.id, _show)


async def open_incidents(session: AsyncSession, services: Iterable[int]) -> dict[int, list[int]]:
    """Service -> the numbers of its open incidents, oldest first."""
    found = await session.exec(
        select(Incident.service_id, Incident.id)
        .where(col(Incident.service_id).in_(list(services)), col(Incident.closed_at).is_(None))
        .order_by(col(Incident.id))
    )
    numbers: dict[int, list[int]] = defaultdict(list)
    for service, number in found.all():
        if service is not None and number is not None:
            numbers[service].append(number)
    return numbers
