"""Write down what came back: once for each row of a list, with the books, the history and the webhooks in one
transaction."""

import logging
from decimal import Decimal

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.columns import units, utc_now
from models.database import Database
from models.enums import RefundSource, RefundState, Source
from models.order import Operation, Service
from models.refund import Refund
from orders.errors import NotFound
from orders.money import funds
from orders.money.refunds.finding import Found, Reading
from orders.money.refunds.matching import Match, match
from orders.services.history import REFUNDED, Origin, change_entry
from orders.webhooks import outbox

log = logging.getLogger(__name__)


async def record(database: Database, account_id: int, reading: Reading, problems: str) -> int:
    """All that a look has found. Returns how many sums are new. What nobody could match before is matched again."""
    lowered = reading.lowered()
    new = 0
    for found in (*reading.refunds(), *lowered):
        async with database.write() as session:
            account = await funds.locked_account(session, account_id)
            new += await _record(session, account, found)
    async with database.write() as session:
        missing = {one.row for one in lowered if one.once}
        await _forget_doubts(session, account_id, missing)
        await session.exec(
            update(UpstreamAccount)
            .where(col(UpstreamAccount.id) == account_id)
            .values(
                refunds_read_at=utc_now(),
                refunds_unreadable=problems or None,
                charges_below_zero=reading.side,
            )
        )
    return new


async def _record(session: AsyncSession, account: UpstreamAccount, found: Found) -> bool:
    known = await _known(session, account.id, found)
    if known is not None and known.state is RefundState.DOUBTFUL:
        known.state = RefundState.OPEN  # missed twice in a row
    elif known is not None and known.state is not RefundState.OPEN:
        _watch_the_sum(account, known, found)
        return False
    refund = known or await _new(session, account, found)
    session.add(refund)
    await session.flush()
    if refund.state is RefundState.DOUBTFUL:
        return False
    whose = await match(session, account, refund)
    await _take(session, account, refund, whose)
    return known is None


async def _known(session: AsyncSession, account_id: int, found: Found) -> Refund | None:
    rows = await session.exec(
        select(Refund).where(
            Refund.account_id == account_id, Refund.source == found.source, col(Refund.row) == found.row
        )
    )
    return rows.one_or_none()


async def _new(session: AsyncSession, account: UpstreamAccount, found: Found) -> Refund:
    refund = Refund(
        account_id=account.id,
        source=found.source,
        row=found.row,
        item=found.item,
        text=found.text,
        amount=found.money.amount,
        currency=found.money.currency,
        on_day=found.on,
        state=RefundState.DOUBTFUL if found.once else RefundState.OPEN,
    )
    if found.operation is not None:
        operation = await session.get_one(Operation, found.operation)
        refund.operation_id, refund.service_id = operation.id, operation.service_id
        before = await session.exec(
            select(col(Refund.amount)).where(
                Refund.operation_id == operation.id,
                Refund.source == RefundSource.LOWERED_EXPENSE,
                Refund.state == RefundState.WRITTEN,
            )
        )
        refund.amount -= sum(before.all(), Decimal(0))  # it was lowered before, by less
    return refund


def _watch_the_sum(account: UpstreamAccount, known: Refund, found: Found) -> None:
    if known.source is not RefundSource.LOWERED_EXPENSE and known.money != found.money:
        log.warning(
            "upstream %s: refund %d was written down as %s, and %s %s shows %s now",
            *(account.name, known.id, known.money, known.source.value, known.row, found.money),
        )


async def _take(session: AsyncSession, account: UpstreamAccount, refund: Refund, whose: Match) -> None:
    refund.service_id, refund.why = whose.service, whose.why
    if whose.operation is None:
        refund.operation_id = None
        session.add(refund)
        return
    await write_to(session, account, refund, whose.operation)


async def write_to(session: AsyncSession, account: UpstreamAccount, refund: Refund, number: int) -> None:
    """It is for this operation: its books, the service's history, the webhook. `account` is locked.

    A sum in another currency went to another purse of the upstream's account, so the books of this one stay.
    """
    operation = await session.get(Operation, number)
    if operation is None:
        raise NotFound("operation", number)
    service = await session.get_one(Service, operation.service_id)
    refund.state, refund.service_id, refund.operation_id = RefundState.WRITTEN, service.id, operation.id
    if refund.currency == account.currency:
        account.refunded += units(refund.amount)
    session.add_all([account, refund])
    by_person = bool(refund.decided_by)
    origin = Origin(
        refund.decided_by if by_person else f"upstream {account.name}"[:64],
        REFUNDED,
        operation.id,
        reason=refund.reason,
        source=Source.PERSON if by_person else Source.UPSTREAM,
    )
    shown = {REFUNDED: str(refund.money), "shown_by": f"{refund.source.value} {refund.row}", "refund": str(refund.id)}
    session.add(change_entry(service, origin, {}, shown))
    outbox.operation_refunded(session, operation, refund, account.name)
    log.warning("upstream %s paid back %s for operation %d", account.name, refund.money, operation.id)
    await session.flush()


async def _forget_doubts(session: AsyncSession, account_id: int, missing: set[str]) -> None:
    """Expenses that were missing once and are listed again."""
    rows = await session.exec(
        select(Refund).where(Refund.state == RefundState.DOUBTFUL, Refund.account_id == account_id)
    )
    for one in rows.all():
        if one.row not in missing:
            await session.delete(one)


async def unmatched(session: AsyncSession) -> dict[int, list[Refund]]:
    """Account -> refunds for a person."""
    rows = await session.exec(select(Refund).where(Refund.state == RefundState.OPEN).order_by(col(Refund.id)))
    found: dict[int, list[Refund]] = {}
    for one in rows.all():
        found.setdefault(one.account_id, []).append(one)
    return found
