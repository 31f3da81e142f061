"""Items at the upstream that an order of ours made and that nobody counts on: a second one, or one that was refused and
is paid for all the same. Said once for each, loudly, where people look."""

import logging

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.enums import IncidentKind, Stage, UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Operation, Service
from orders import audit
from orders.incidents.record import raise_incident, reword_incident
from orders.lifecycle.stages import enter
from orders.services.history import SUBJECT

log = logging.getLogger(__name__)

ACTION = "second_item_with_our_mark"


async def report_second(
    session: AsyncSession, service: Service, number: str, *, operation: int | None = None, by: str = "its mark"
) -> bool:
    """Write down, once for each item, that this one belongs to a service that is another item already: as an incident,
    and in the history of the service. False if it was known."""
    entry = audit.entry(SUBJECT, service.id, ACTION, facts={"item": f"{service.upstream_number} → also {number}"})
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
        about=_both(service, str(service.upstream_number), number),
        account=service.account_id,
        service=service.id,
        operation=operation,
        detail={"item": str(service.upstream_number), "second": number},
    )
    return True


async def report_one_left(session: AsyncSession, service: Service, before: str) -> None:
    """The item that the service was is gone, and it is the second one now: nobody may be asked to delete that."""
    number = str(service.upstream_number)
    await reword_incident(
        session,
        IncidentKind.SECOND_ITEM,
        f"service {service.id} was item {before}, which is gone from the upstream, and is item {number} now, the only "
        "one that is left: do not delete it. It may have been paid for twice: look at what was charged there",
        about=_both(service, before, number),
    )


def _both(service: Service, first: str, second: str) -> str:
    return f"{service.account_id}|{service.product_type}|{first}|{second}"


async def report_not_closed(
    session: AsyncSession, service: Service, operation: int, snapshot: UpstreamSnapshot
) -> None:
    """A person says that the service is closed, and its item was still there when it was last seen."""
    await raise_incident(
        session,
        IncidentKind.PAID_LEFTOVER,
        f"service {service.id} was marked as closed by a person, and its item {snapshot.number} was still at the "
        "upstream when it was last seen: it may still cost money. Close it there",
        about=f"{service.account_id}|{snapshot.product_type}|{snapshot.number}|closed",
        account=service.account_id,
        service=service.id,
        operation=operation,
        detail={"item": snapshot.number},
    )


WAITS_FOR_A_PERSON = (Stage.NEEDS_ATTENTION, Stage.AWAITING_MANUAL_TASK)


async def report_paid(session: AsyncSession, service: Service, snapshot: UpstreamSnapshot) -> bool:
    """An item carries the mark of a service whose order has been called off, or waits for a person: it was paid for all
    the same. The operation names it from now on. False if that is known, or if the order continues on its own."""
    if snapshot.status in (UpstreamStatus.ORDERED, UpstreamStatus.DELETED, UpstreamStatus.UNKNOWN):
        return False
    found = await session.exec(
        select(Operation).where(Operation.service_id == service.id).order_by(col(Operation.id).desc()).limit(1)
    )
    operation = found.one_or_none()
    if operation is None or not (operation.stage.is_final or operation.stage in WAITS_FOR_A_PERSON):
        return False
    number, waits = snapshot.number, operation.stage in WAITS_FOR_A_PERSON
    if waits:
        found_as = f"whose order waits for a person ({operation.stage.value})"
        advice = (
            "Look at it there. If the outcome of the request was not known, it is adopted automatically; otherwise "
            "retry (nothing is sent again), or mark the order done with this item"
        )
    else:
        found_as = f"whose order has ended ({operation.stage.value})"
        advice = (
            "Look at it there. If the customer is to have it, `resell link` it to that service, or `resell adopt` it; "
            "else close it there and ask for the money back"
        )
    news = await raise_incident(
        session,
        IncidentKind.PAID_LEFTOVER,
        f"item {number} shows that it was made for service {service.id}, {found_as}: it may be paid for. {advice}",
        about=f"{service.account_id}|{snapshot.product_type}|{number}",
        account=service.account_id,
        service=service.id,
        operation=operation.id,
        detail={"item": number},
    )
    if news and waits and await _is_free(session, operation):
        reason = (
            f"item {number} with our mark is at the upstream now: this order was made there; before: {operation.reason}"
        )
        await enter(session, operation, operation.stage, reason, failure=operation.failure_class)
    return news


async def _is_free(session: AsyncSession, operation: Operation) -> bool:
    """Lock the operation, unless somebody has it: they may wait for the item, which the caller has locked. The incident
    says it all the same."""
    query = select(Operation.id).where(Operation.id == operation.id)
    return (await session.exec(query.with_for_update(key_share=True, skip_locked=True))).first() is not None
