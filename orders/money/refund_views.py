"""Refunds as they are shown."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import RefundSource, RefundState
from models.money import Money
from models.refund import Refund
from orders.errors import NotFound, existing
from orders.reading.documents import Document, account_names, money
from orders.reading.filters import newest
from orders.reading.paging import Page, PageRequest, page_of

_NOUN = "refund"


class RefundView(Document):
    """A sum that an upstream paid back."""

    number: int
    state: RefundState = Field(
        description="`open`: a person says what it is for; `doubtful`: seen once, the next look says whether it counts"
    )
    upstream: str
    amount: Money = Field(description="in the upstream's currency; nothing is converted")
    source: RefundSource = Field(description="how the upstream's lists show it")
    row: str = Field(description="the row that shows it, by its number there")
    item: str | None = Field(description="number of the item that the row names")
    text: str = Field(description="the row's own words")
    on: date | None = Field(description="its day by the upstream's calendar")
    service: int | None = Field(description="number of the service, once it is known")
    operation: int | None = Field(description="number of the operation that it is written to")
    why: str = Field(description="why it belongs to that operation, or to none for certain")
    seen_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None = Field(description="why a person assigned or ignored it")


async def list_refunds(
    session: AsyncSession,
    ask: PageRequest,
    *,
    state: Sequence[RefundState] | None = None,
    service: Sequence[int] | None = None,
    operation: Sequence[int] | None = None,
) -> Page[RefundView]:
    """A page of refunds, newest first. Raises InvalidField for a wrong cursor."""
    filters = ((Refund.state, state), (Refund.service_id, service), (Refund.operation_id, operation))
    rows: list[Refund] = await newest(session, select(Refund), col(Refund.id), lambda row: row.id, ask, _NOUN, *filters)
    names = await account_names(session)
    return page_of(_NOUN, ask, rows, lambda row: row.id, lambda row: _show(row, names))


async def find_refund(session: AsyncSession, number: int) -> RefundView:
    """Raises NotFound."""
    row = await session.get(Refund, existing(_NOUN, number))
    if row is None:
        raise NotFound(_NOUN, number)
    return _show(row, await account_names(session))


async def refunded(session: AsyncSession, operations: Iterable[int]) -> dict[int, list[Money]]:
    """Operation -> what was paid back for it, one sum for each currency."""
    rows = await session.exec(
        select(Refund.operation_id, Refund.currency, col(Refund.amount)).where(
            col(Refund.operation_id).in_(list(operations)), Refund.state == RefundState.WRITTEN
        )
    )
    sums: dict[int, dict[str, Decimal]] = {}
    for operation, currency, amount in rows.all():
        if operation is not None:
            of_it = sums.setdefault(operation, {})
            of_it[currency] = of_it.get(currency, Decimal(0)) + amount
    return {
        operation: [shown for currency, amount in sorted(of_it.items()) if (shown := money(amount, currency))]
        for operation, of_it in sums.items()
    }


def _show(row: Refund, names: dict[int, str]) -> RefundView:
    return RefundView(
        number=row.id,
        state=row.state,
        upstream=names[row.account_id],
        amount=money(row.amount, row.currency) or row.money,
        source=row.source,
        row=row.row,
        item=row.item or None,
        text=row.text,
        on=row.on_day,
        service=row.service_id,
        operation=row.operation_id,
        why=row.why,
        seen_at=row.seen_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by or None,
        reason=row.reason or None,
    )
