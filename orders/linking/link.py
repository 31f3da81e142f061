"""Linking: a service that is there is this item from now on. Nothing is bought."""

from sqlalchemy.exc import IntegrityError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.database import Database
from models.enums import OperationKind, Stage
from models.order import Service
from orders.audit import LINKED
from orders.errors import Refused
from orders.linking.fit import (
    check_free,
    differences,
    differing_mark,
    differing_service,
    origin_of_request,
    outcome_of,
    renewed_by,
    running_of,
)
from orders.linking.item import ReadItem, locked_snapshot
from orders.linking.requests import LinkRequest, Outcome
from orders.linking.target import Target
from orders.services.history import changing
from orders.services.state import apply_snapshot
from orders.settlement import intents


async def link(
    database: Database, target: Target, number: int, request: LinkRequest, seen: ReadItem, actor: str
) -> Outcome:
    """The service is this item from now on. Raises Refused or InvalidField, and changes nothing then."""
    request.checked()
    try:
        return await _link(database, target, number, request, seen, actor)
    except IntegrityError:  # somebody else linked it, or the poller saw it for the first time, just now
        return await _link(database, target, number, request, seen, actor)


async def _link(
    database: Database, target: Target, number: int, request: LinkRequest, seen: ReadItem, actor: str
) -> Outcome:
    async with database.write() as session:
        snapshot = await locked_snapshot(session, target, seen)
        service = await _locked_service(session, number)
        await _check_nothing_runs(session, service, seen.form.number)
        differing = differences(target, seen.form, service.period_months, service.renewed_by)
        differing += differing_service(service, seen.form)
        differing += await differing_mark(session, target, seen.form, service)
        await check_free(session, target, seen.form, number)
        outcome = outcome_of(target, request, seen.form, differing, service)
        if request.dry_run:
            await session.rollback()
            return outcome
        origin = origin_of_request(actor, LINKED, request, differing)
        async with changing(session, service, origin):
            if service.upstream_number not in (None, seen.form.number):
                await intents.orphan_item(session, service)
                service.upstream_number = None
            service.renewed_by = renewed_by(seen.form, service.renewed_by)
            apply_snapshot(service, snapshot)
            await intents.tie(session, service, snapshot.number, origin)
        return outcome


async def _check_nothing_runs(session: AsyncSession, service: Service, item: str) -> None:
    running = await running_of(session, service.id)
    if running is None:
        return
    if running.stage is not Stage.NEEDS_ATTENTION:
        raise Refused(
            f"operation {running.id} of service {service.id} is in stage {running.stage.value}; wait for its end"
        )
    named = f" --upstream-number {item}" if running.kind is OperationKind.OPEN else ""
    raise Refused(
        f"operation {running.id} of service {service.id} needs attention: decide about that first, by "
        f"`resell operations mark-done {running.id}{named} --reason …`"
    )


async def _locked_service(session: AsyncSession, number: int) -> Service:
    query = select(Service).where(Service.id == number).with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).one()
