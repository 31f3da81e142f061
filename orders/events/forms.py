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
        await reconciliation.report_renewals()
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
        rows = {row.number: row for row in await snapshots_of(session, account_id, product_type, list(forms))}
        news = {number for number, form in forms.items() if _is_changed(rows.get(number), form)}
        same = [row for number, row in rows.items() if number not in news]
        if same:
            news |= await _renewal_news(session, account_id, same)
            news |= await _waited_for(session, account_id, product_type, same)
    return [form for number, form in forms.items() if number in news]


def _is_changed(row: UpstreamSnapshot | None, form: UpstreamItem) -> bool:
    if row is None or row.form != form.raw or row.misses or form.tariff_id not in ("", row.tariff_id):
        return True
    if form.status is not UpstreamStatus.UNKNOWN and form.cause != row.cause:
        return True
    return bool(compare(row, as_listed(row, form)))


async def _renewal_news(session: AsyncSession, account_id: int, rows: Iterable[UpstreamSnapshot]) -> set[str]:
    """Numbers of items whose services are renewed by both sides or by neither, or are no more."""
    numbers = {row.service_id: row.number for row in rows if row.service_id is not None}
    found = await renewal.mismatches(session, account_id, numbers)
    services = {one.service for one in found if not one.reported}
    services |= await renewal.put_right(session, account_id, numbers)
    return {numbers[service] for service in services}


async def _waited_for(
    session: AsyncSession, account_id: int, product_type: str, rows: Iterable[UpstreamSnapshot]
) -> set[str]:
    """Numbers of items whose state decides an operation that was not notified of it."""
    by_number = {row.number: row for row in rows}
    account = await session.get_one(UpstreamAccount, account_id)
    waiting = await waiting_operations(session, account.name, CONFIRMABLE, items=(product_type, by_number.keys()))
    batch = Batch(session, account_id, product_type)
    await batch.load_notified([operation.number for operation in waiting])
    return {
        row.number
        for operation in waiting
        if (met := operation.outcome(row := by_number[operation.upstream_number])) is not None
        and not batch.was_notified(operation.number, row, met=met)
    }
