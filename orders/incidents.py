"""Incidents: what must not happen and has happened, or may have. Written down once, and said loudly."""

import logging

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import IncidentKind
from models.incident import Incident

log = logging.getLogger(__name__)


async def raise_incident(
    session: AsyncSession,
    kind: IncidentKind,
    message: str,
    *,
    about: str,
    account: int | None = None,
    service: int | None = None,
    operation: int | None = None,
    detail: dict[str, str] | None = None,
) -> bool:
    """Write an incident down, in the transaction of what it is about. False if it was known already.

    `about` tells incidents of one kind apart, e.g. the numbers of the items; `message` says what happened and what a
    person should do. Nothing of it may be a secret.
    """
    fingerprint = f"{kind.value}|{about}"[:255]
    known = await session.exec(select(Incident.id).where(Incident.fingerprint == fingerprint))
    if known.first() is not None:
        return False
    log.error("incident %s: %s", kind.value, message)
    session.add(
        Incident(
            kind=kind,
            fingerprint=fingerprint,
            account_id=account,
            service_id=service,
            operation_id=operation,
            message=message,
            detail=detail or {},
        )
    )
    await session.flush()
    return True
