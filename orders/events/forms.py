"""Forms that were read, or an item that the upstream says does not exist."""

from collections.abc import Iterable, Mapping

from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.database import Database
from models.enums import UpstreamStatus
from models.events import UpstreamSnapshot
from orders.events.batch import Batch, snapshots_of
from orders.events.differences import as_listed, compare
from orders.events.reconciling import Reconciliation
from orders.events.result import PollResult
from orders.events.waiting import CONFIRMABLE, waiting_operations
from orders.services import renewal
from upstreams.port import UpstreamItem


async def record_forms(
    database: Database, account_id: int, product_type: str, forms: Iterable[UpstreamItem]
) -> dict[str, PollResult]:
    """Compare forms with their snapshots and write every difference down, in one transaction.

    Returns what each brought, by number. Events that report to orders what their items show already are all counted
    with the last form.
    """
    by_number = {form.number: form for form in forms}
    results = {number: PollResult() for number in by_number}
    news = await _changed_forms(database, account_id, product_type, by_number)
    if not news:
        return results
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, account_id)
        reconciliation = Reconciliation(session, account, product_type)
        # Forms tell of their own items alone: nothing else is read, or locked, for them.
        await reconciliation.load([form.number for form in news], news)
        for form in news:
            reconciliation.result = results[form.number]
            await reconciliation.form(form)
        await reconciliation.confirm_waiting()
        await reconciliation.write()
    return results


async def record_absence(database: Database, account_id: int, product_type: str, number: str) -> PollResult:
    """The upstream itself says that this item does not exist (any more)."""
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, account_id)
        reconciliation = Reconciliation(session, account, product_type)
        await reconciliation.load([number])
        reconciliation.mark_gone(number)
        await reconciliation.confirm_waiting()
        await reconciliation.write()
        return reconciliation.result


async def _changed_forms(
    database: Database, account_id: int, product_type: str, forms: Mapping[str, UpstreamItem]
) -> list[UpstreamItem]:
    """A cheap look before a write transaction: most forms bring nothing new."""
    async with database.read() as session:
        found = await snapshots_of(session, account_id, product_type, list(forms))
        rows = {row.number: row for row in found}
        return [
            form for number, form in forms.items() if await _is_changed(session, account_id, rows.get(number), form)
        ]


async def _is_changed(session: AsyncSession, account_id: int, row: UpstreamSnapshot | None, form: UpstreamItem) -> bool:
    if row is None or row.form != form.raw or row.misses or form.tariff_id not in ("", row.tariff_id):
        return True
    if form.status is not UpstreamStatus.UNKNOWN and form.cause != row.cause:
        return True
    if compare(row, as_listed(row, form)):
        return True
    if row.service_id is not None and await _renewal_changed(session, account_id, row.service_id):
        return True
    return await _somebody_waits(session, account_id, row)


async def _renewal_changed(session: AsyncSession, account_id: int, service: int) -> bool:
    if any(not found.reported for found in await renewal.mismatches(session, account_id, service)):
        return True
    return await renewal.is_put_right(session, account_id, service)


async def _somebody_waits(session: AsyncSession, account_id: int, row: UpstreamSnapshot) -> bool:
    account = await session.get_one(UpstreamAccount, account_id)
    waiting = [
        operation
        for operation in await waiting_operations(session, account.name, CONFIRMABLE)
        if operation.product_type == row.product_type and operation.upstream_number == row.number
    ]
    batch = Batch(session, account_id, row.product_type)
    await batch.load_notified([operation.number for operation in waiting])
    for operation in waiting:
        met = operation.outcome(row)
        if met is not None and not batch.was_notified(operation.number, row, met=met):
            return True
    return False
