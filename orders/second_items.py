"""Two items at the upstream for one service: perhaps bought twice. Said once for each, loudly, where people look."""

import logging

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.enums import IncidentKind
from models.order import Service
from orders.history import SUBJECT
from orders.incidents import raise_incident

log = logging.getLogger(__name__)

ACTION = "second_item_with_our_mark"


async def report_second(
    session: AsyncSession, service: Service, number: str, *, operation: int | None = None, by: str = "its mark"
) -> bool:
    """Write down, once for each item, that this one belongs to a service that is another item already: as an incident,
    and in the history of the service. False if it was known."""
    entry = AuditEntry(
        actor="resellflow",
        action=ACTION,
        subject=SUBJECT,
        subject_number=service.id or 0,
        detail={"item": f"{service.upstream_number} → also {number}"},
    )
    earlier = await session.exec(
        select(AuditEntry).where(
            AuditEntry.subject == entry.subject,
            AuditEntry.subject_number == entry.subject_number,
            AuditEntry.action == entry.action,
        )
    )
    if any(one.detail == entry.detail for one in earlier.all()):
        return False
    log.error("item %s carries the mark of service %s, which is another item", number, service.id)
    session.add(entry)
    await raise_incident(
        session,
        IncidentKind.SECOND_ITEM,
        f"service {service.id} is item {service.upstream_number}, and item {number} shows by {by} that it was ordered "
        "for it, too: it may have been paid for twice. Look at both there, and delete the one that is not wanted",
        about=f"{service.account_id}|{service.product_type}|{service.upstream_number}|{number}",
        account=service.account_id,
        service=service.id,
        operation=operation,
        detail={"item": str(service.upstream_number), "second": number},
    )
    return True
