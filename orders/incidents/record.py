"""Incidents: what must not happen and has happened, or may have. Written down once, and said loudly."""

import logging
from collections.abc import Collection
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import IncidentKind
from models.incident import Incident
from orders import audit
from orders.errors import InvalidField, NotFound, Refused
from orders.text import Prose
from orders.webhooks.outbox import incident_closed, incident_raised

log = logging.getLogger(__name__)

NOUN = "incident"
_NOTE: TypeAdapter[str] = TypeAdapter(Annotated[Prose, Field(max_length=2000)])


async def raise_incident(
    session: AsyncSession,
    incident_kind: IncidentKind,
    message: str,
    *,
    about: str,
    account: int | None = None,
    service: int | None = None,
    operation: int | None = None,
    detail: dict[str, str] | None = None,
) -> bool:
    """Write an incident down, in the transaction of what it is about. False if it was known already.

    `about` distinguishes incidents of one kind, e.g. the numbers of the items; `message` says what happened and what a
    person should do. Nothing of it may be a secret.
    """
    fingerprint = _fingerprint(incident_kind, about)
    known = await session.exec(select(Incident.id).where(Incident.fingerprint == fingerprint))
    if known.first() is not None:
        return False
    entry = Incident(
        kind=incident_kind,
        fingerprint=fingerprint,
        account_id=account,
        service_id=service,
        operation_id=operation,
        message=message,
        detail=detail or {},
    )
    try:
        async with session.begin_nested():
            session.add(entry)
    except IntegrityError:
        return False  # another transaction wrote the same one a moment before: what this one is about is still kept
    log.error("incident %s: %s", incident_kind.value, message)
    incident_raised(session, entry)
    return True


async def reword_incident(session: AsyncSession, incident_kind: IncidentKind, message: str, *, about: str) -> None:
    """It has come otherwise: what a person who has not looked yet should know and do now. Nothing if it is closed."""
    found = await session.exec(
        select(Incident).where(
            Incident.fingerprint == _fingerprint(incident_kind, about), col(Incident.closed_at).is_(None)
        )
    )
    incident = found.one_or_none()
    if incident is not None:
        incident.message, incident.updated_at = message, utc_now()
        session.add(incident)


def _fingerprint(incident_kind: IncidentKind, about: str) -> str:
    return f"{incident_kind.value}|{about}"[:255]


def checked_note(note: str) -> str:
    """What a person says of it. Raises InvalidField."""
    try:
        return _NOTE.validate_python(note.strip())
    except ValidationError:
        raise InvalidField("note", "must say in 1 to 2000 characters what it was, and what was done about it") from None


async def close_put_right(
    session: AsyncSession, kinds: Collection[IncidentKind], service: int, *, actor: str, note: str
) -> None:
    """What they are about is seen to be right again: nobody need look any more."""
    found = await session.exec(
        select(Incident.id).where(
            Incident.service_id == service, col(Incident.kind).in_(kinds), col(Incident.closed_at).is_(None)
        )
    )
    for number in found.all():
        await close_incident(session, number, actor=actor, note=note)


async def close_incident(session: AsyncSession, number: int, *, actor: str, note: str) -> None:
    """A person has looked: it is explained. Raises NotFound, or Refused if somebody has closed it before."""
    found = await session.exec(select(Incident).where(Incident.id == number).with_for_update())
    incident = found.one_or_none()
    if incident is None:
        raise NotFound(NOUN, number)
    if incident.closed_at is not None:
        raise Refused(
            f"incident {number} was closed by {incident.closed_by} at {incident.closed_at:%Y-%m-%d %H:%M} UTC"
        )
    incident.closed_at, incident.closed_by, incident.closing_note = utc_now(), actor, note
    session.add(incident)
    audit.record(session, NOUN, number, "incident_closed", by=actor, facts={"note": note})
    incident_closed(session, incident)
    await session.flush()
