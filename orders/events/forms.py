"""One form that was read, or that the upstream says does not exist."""

from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.database import Database
from models.events import UpstreamSnapshot
from orders import renewal
from orders.differences import as_listed, compare
from orders.events.book import Book
from orders.events.digest import Digest
from orders.events.judging import Intake, snapshots_of
from orders.events.waiting import CONFIRMED_BY_SIGHT, hot_operations
from upstreams.port import UpstreamItem


async def take_form(database: Database, account_id: int, product_type: str, form: UpstreamItem) -> Digest:
    """Compare a form with the snapshot and write every difference down, in one transaction."""
    if not await _is_news(database, account_id, product_type, form):
        return Digest()
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, account_id)
        intake = Intake(session, account, product_type)
        # A form tells of its own item alone: nothing else is read, or locked, for it.
        await intake.load([form.number], [form])
        await intake.form(form)
        await intake.confirm_waiting()
        await intake.write()
        return intake.digest


async def take_absence(database: Database, account_id: int, product_type: str, number: str) -> Digest:
    """The upstream itself says that this item does not exist (any more)."""
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, account_id)
        intake = Intake(session, account, product_type)
        await intake.load([number])
        intake.vanish(number)
        await intake.confirm_waiting()
        await intake.write()
        return intake.digest


async def _is_news(database: Database, account_id: int, product_type: str, form: UpstreamItem) -> bool:
    """A cheap look before a write transaction: most forms bring nothing new."""
    async with database.read() as session:
        found = await snapshots_of(session, account_id, product_type, [form.number])
        if not found:
            return True
        (row,) = found
        if row.form != form.raw or row.misses or form.pricelist_id not in ("", row.pricelist_id):
            return True
        if compare(row, as_listed(row, form)):
            return True
        if row.service_id is not None and await _renewal_is_news(session, account_id, row.service_id):
            return True
        return await _somebody_waits(session, account_id, row)


async def _renewal_is_news(session: AsyncSession, account_id: int, service: int) -> bool:
    if any(not found.reported for found in await renewal.mismatches(session, account_id, service)):
        return True
    return await renewal.is_put_right(session, account_id, service)


async def _somebody_waits(session: AsyncSession, account_id: int, row: UpstreamSnapshot) -> bool:
    account = await session.get_one(UpstreamAccount, account_id)
    waiting = [
        hot
        for hot in await hot_operations(session, account.name, CONFIRMED_BY_SIGHT)
        if hot.product_type == row.product_type and hot.upstream_number == row.number
    ]
    book = Book(session, account_id, row.product_type)
    await book.told([hot.operation for hot in waiting])
    for hot in waiting:
        met = hot.outcome(row)
        if met is not None and not book.was_told(hot.operation, row.number, row.status, met=met):
            return True
    return False
