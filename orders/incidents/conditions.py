"""Incidents about something that lasts: each is opened once, updated while it lasts, and closed when it is over.

A person may close one before: it is not opened again until the condition was over and comes back.
"""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import IncidentKind
from models.incident import Incident
from orders.audit import OURSELVES
from orders.incidents.record import close_incident
from orders.webhooks.outbox import incident_raised

log = logging.getLogger(__name__)

OVER = "it is over; closed automatically"


@dataclass(frozen=True)
class Condition:
    """Something that lasts now."""

    kind: IncidentKind
    about: str
    """Distinguishes the conditions of one kind, e.g. the name of an account."""
    message: str
    """What is so and what a person should do. A changed message updates the incident."""
    account: int | None = None
    service: int | None = None
    operation: int | None = None
    detail: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.kind.value}|{self.about}"[:200]


async def report(session: AsyncSession, kinds: Collection[IncidentKind], lasting: Iterable[Condition]) -> None:
    """Exactly these conditions of these kinds last now. One query if nothing is new and nothing is over."""
    found = {one.key: one for one in lasting}
    query = select(Incident).where(col(Incident.condition).is_not(None), col(Incident.kind).in_(kinds))
    known = {str(row.condition): row for row in (await session.exec(query)).all()}
    for key, incident in known.items():
        if key not in found:
            await _end(session, incident)
        else:
            _update(session, incident, found[key])
    for key in found.keys() - known.keys():
        await open_one(session, found[key])


async def open_one(session: AsyncSession, condition: Condition) -> bool:
    """False: another process opened it just before, or a person has closed it while it lasts."""
    known = await session.exec(select(Incident.id).where(Incident.condition == condition.key))
    if known.first() is not None:
        return False
    incident = Incident(
        kind=condition.kind,
        fingerprint=f"{condition.key}|{utc_now().isoformat()}",
        condition=condition.key,
        account_id=condition.account,
        service_id=condition.service,
        operation_id=condition.operation,
        message=condition.message,
        detail=condition.detail,
    )
    try:
        async with session.begin_nested():
            session.add(incident)
    except IntegrityError:
        return False
    log.error("incident %s: %s", condition.kind.value, condition.message)
    incident_raised(session, incident)
    return True


async def keep_one(session: AsyncSession, condition: Condition, *, lasts: bool) -> None:
    """Open, update or close the incident of one condition."""
    if not lasts:
        await end_one(session, condition.kind, condition.about)
        return
    found = await session.exec(select(Incident).where(Incident.condition == condition.key))
    incident = found.one_or_none()
    if incident is None:
        await open_one(session, condition)
    else:
        _update(session, incident, condition)


def _update(session: AsyncSession, incident: Incident, condition: Condition) -> None:
    if incident.closed_at is None and incident.message != condition.message:
        incident.message, incident.detail, incident.updated_at = condition.message, condition.detail, utc_now()
        session.add(incident)


async def end_one(session: AsyncSession, kind: IncidentKind, about: str) -> None:
    """This condition is over. Nothing if it did not last."""
    key = Condition(kind, about, "").key
    found = await session.exec(select(Incident).where(Incident.condition == key))
    incident = found.one_or_none()
    if incident is not None:
        await _end(session, incident)


async def end_unrenewed(session: AsyncSession, kind: IncidentKind, before: datetime) -> None:
    """End incidents whose message nobody has renewed since `before`, where each look renews it: the process that
    reported it has ended."""
    found = await session.exec(
        select(Incident).where(
            Incident.kind == kind,
            col(Incident.condition).is_not(None),
            col(Incident.closed_at).is_(None),
            func.coalesce(Incident.updated_at, Incident.at) < before,
        )
    )
    for incident in found.all():
        await _end(session, incident)


async def _end(session: AsyncSession, incident: Incident) -> None:
    incident.condition = None
    session.add(incident)
    if incident.closed_at is None:
        log.warning("incident %s (%s) is over", incident.id, incident.kind.value)
        await close_incident(session, incident.id, actor=OURSELVES, note=OVER)
