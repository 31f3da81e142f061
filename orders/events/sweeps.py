"""The sweep: when each list was asked to be compared row by row, and what that found which the poller had missed."""

from collections.abc import Collection
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import ProcessingModule, UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import IncidentKind, ModuleKind, ServiceStatus
from models.order import Service
from models.sweep import ListSweep
from orders.incidents.record import raise_incident, reword_incident

SLICE = 1000
"""Services that are read at once."""
NAMED_AT_MOST = 20
"""Items that an incident names."""


async def ask(session: AsyncSession, by: str) -> int:
    """Ask for a sweep of every list that the catalogue uses. Returns how many; the pollers do it."""
    found = await session.exec(
        select(ProcessingModule.account_id, ProcessingModule.product_type)
        .where(ProcessingModule.kind == ModuleKind.UPSTREAM, col(ProcessingModule.account_id).is_not(None))
        .distinct()
    )
    lists = [(account, product_type) for account, product_type in found.all() if account is not None]
    for account, product_type in sorted(lists):
        row = await session.get(ListSweep, (account, product_type), with_for_update=True)
        if row is None:
            row = ListSweep(account_id=account, product_type=product_type, asked_by=by)
        row.asked_at, row.asked_by, row.missed = utc_now(), by, None
        session.add(row)
    return len(lists)


async def due(session: AsyncSession, account_id: int) -> dict[str, datetime]:
    """Product type -> when a sweep was asked for that has not ended."""
    found = await session.exec(select(ListSweep).where(ListSweep.account_id == account_id))
    return {row.product_type: row.asked_at for row in found.all() if is_due(row)}


def is_due(row: ListSweep) -> bool:
    """It was asked for and has not ended."""
    return row.ended_at is None or row.ended_at < row.asked_at


async def not_shown(
    database: Database,
    account_id: int,
    product_type: str,
    shown: Collection[str],
    known: Collection[str],
    *,
    complete: bool,
) -> list[str]:
    """Numbers of the items of our services that the list did not show. What a complete list does not show any more is
    found by ordinary looks, so then only those count that were never seen."""
    missing: list[str] = []
    last = 0
    while True:
        async with database.read() as session:
            found = await session.exec(
                select(Service.id, Service.upstream_number)
                .where(
                    Service.account_id == account_id,
                    Service.product_type == product_type,
                    Service.status != ServiceStatus.CLOSED,
                    col(Service.upstream_number).is_not(None),
                    col(Service.id) > last,
                )
                .order_by(col(Service.id))
                .limit(SLICE)
            )
            rows = found.all()
        for service, number in rows:
            last = service or 0
            if number and number not in shown and not (complete and number in known):
                missing.append(number)
        if len(rows) < SLICE:
            return missing


async def record_end(
    session: AsyncSession,
    account_id: int,
    product_type: str,
    asked_at: datetime,
    *,
    compared: int,
    unlisted: int,
    seconds: float,
) -> None:
    """The list was read to its end. A sweep that was asked for meanwhile is still due."""
    row = await session.get_one(ListSweep, (account_id, product_type), with_for_update=True)
    row.ended_at = utc_now() if row.asked_at == asked_at else asked_at
    row.compared, row.missed, row.unlisted, row.seconds = compared, row.missed or 0, unlisted, round(seconds, 3)
    session.add(row)


async def note_missed(session: AsyncSession, account_id: int, product_type: str, items: Collection[str]) -> None:
    """Count changes that the poller should have seen, in the transaction that takes them over; one incident for each
    sweep of a list that finds any."""
    if not items:
        return
    row = await session.get_one(ListSweep, (account_id, product_type), with_for_update=True)
    row.missed = (row.missed or 0) + len(items)
    row.missed_in_all += len(items)
    session.add(row)
    account = await session.get_one(UpstreamAccount, account_id)
    named = ", ".join(list(items)[:NAMED_AT_MOST])
    changes = "1 change was" if row.missed == 1 else f"{row.missed} changes were"
    message = (
        f"{changes} found by the sweep of {product_type} at upstream {account.name} that the poller should have seen "
        f"(items {named}). Our services show them now. Find out why they were missed: look at the worker's log and at "
        "the upstream's list"
    )
    about = f"{account_id}|{product_type}|{row.asked_at.isoformat()}"
    detail = {"upstream": account.name, "product_type": product_type, "items": named}
    kind = IncidentKind.MISSED_CHANGES
    if not await raise_incident(session, kind, message, about=about, account=account_id, detail=detail):
        await reword_incident(session, kind, message, about=about)
