"""An item's number is not its identity for ever: numbers are used again, and items come back under other ones."""

import logging

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import OperationKind, ServiceStatus, Source, Stage, UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Operation, Service
from orders.audit import OURSELVES
from orders.services.history import Origin, changing
from orders.services.naming import same_mark, same_name
from orders.services.state import apply_snapshot
from orders.settlement.second_items import report_one_left

log = logging.getLogger(__name__)

NUMBER_USED_AGAIN, MOVED = "number_used_again", "item_moved"


def is_used_again(service: Service, snapshot: UpstreamSnapshot) -> bool:
    """The service that had this number is closed, and what lives under it now is something else: it shows another mark,
    or no mark and another name than the one that we had made up."""
    if service.status is not ServiceStatus.CLOSED or not _lives(snapshot):
        return False
    if snapshot.mark:
        return not same_mark(snapshot.mark, service.mark)
    return bool(snapshot.name) and service.name_is_ours and not same_name(snapshot.name, service.name)


async def give_up(session: AsyncSession, service: Service, snapshot: UpstreamSnapshot) -> None:
    """The closed service has no number any more."""
    log.warning("number %s of service %s, which is closed, is another item now", snapshot.number, service.id)
    async with changing(session, service, Origin(OURSELVES, NUMBER_USED_AGAIN, source=Source.UPSTREAM)):
        service.upstream_number = None
    snapshot.service_id = None
    session.add(service)
    await session.flush()  # before another service takes it


async def move(session: AsyncSession, service: Service, snapshot: UpstreamSnapshot) -> bool:
    """Link the service to this item, which shows its mark, if its own one is proven gone; nobody asked to close it, and
    this one lives. False: it is a second one, as far as is known."""
    if not _lives(snapshot) or snapshot.status == UpstreamStatus.ORDERED:
        return False
    found = await session.exec(
        select(UpstreamSnapshot).where(
            UpstreamSnapshot.account_id == snapshot.account_id,
            UpstreamSnapshot.product_type == snapshot.product_type,
            UpstreamSnapshot.number == service.upstream_number,
        )
    )
    before = found.one_or_none()
    if before is None or not before.gone or await _closing_was_asked_for(session, service):
        return False
    log.warning("service %s was item %s, which is gone, and is item %s now", service.id, before.number, snapshot.number)
    before.service_id, snapshot.service_id = None, service.id
    async with changing(session, service, Origin(OURSELVES, MOVED, source=Source.UPSTREAM)):
        service.upstream_number = snapshot.number
        apply_snapshot(service, snapshot)
    session.add_all([before, service])
    await session.flush()
    await report_one_left(session, service, before.number)
    return True


async def _closing_was_asked_for(session: AsyncSession, service: Service) -> bool:
    found = await session.exec(
        select(Operation.id).where(
            Operation.service_id == service.id,
            Operation.kind == OperationKind.CLOSE,
            col(Operation.stage) != Stage.CANCELLED,
        )
    )
    return found.first() is not None


def _lives(snapshot: UpstreamSnapshot) -> bool:
    return not snapshot.gone and snapshot.status not in (UpstreamStatus.DELETED, UpstreamStatus.UNKNOWN)
