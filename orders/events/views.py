"""What was seen at an upstream, as it is shown: every change, and the items that are no service of ours."""

from collections.abc import Sequence
from datetime import date, datetime

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.enums import EventKind, UpstreamStatus
from models.events import UpstreamEvent, UpstreamSnapshot
from models.money import Money
from orders.accounts.views import account_named
from orders.errors import NotFound
from orders.events import is_orphan
from orders.reading.documents import Document, money
from orders.reading.filters import newest
from orders.reading.paging import Page, PageRequest, page_of

_ORPHAN = "orphan"
_EVENT = "event"


class OrphanView(Document):
    """An item at the upstream that is no service of ours."""

    upstream: str
    number: str = Field(description="number of the item at the upstream")
    product_type: str
    status: str
    status_detail: str
    suspend_reason: str | None
    name: str
    remoteid: str | None = Field(description="null: the upstream does not show it")
    pricelist: str
    ip: str | None
    expires_on: date | None
    cost: Money | None
    first_seen_at: datetime
    changed_at: datetime


class ItemView(Document):
    """An item at the upstream, as it was last seen."""

    upstream: str
    number: str = Field(description="number of the item at the upstream")
    product_type: str
    status: str
    status_detail: str
    name: str
    mark: str | None = Field(description="our mark; null: the upstream does not show it")
    tariff: str
    ip: str | None
    expires_on: date | None
    cost: Money | None
    first_seen_at: datetime
    changed_at: datetime
    service: int | None = Field(description="the service that it is; null: none of ours")
    gone: bool = Field(description="the upstream does not show it any more")


class ValueChange(Document):
    before: str
    after: str


class EventView(Document):
    """A change seen at the upstream, and its effect here."""

    number: int
    event_id: str
    upstream: str
    product_type: str
    upstream_number: str
    kind: EventKind
    status: str = Field(description="the item's status after the change")
    changes: dict[str, ValueChange]
    service: int | None = Field(description="the service it was applied to")
    operation: int | None = Field(description="the operation that was notified")
    seen_at: datetime
    applied_at: datetime | None
    delivered_at: datetime | None
    delivery_note: str
    raw: dict[str, str] | None = Field(description="what the upstream showed; for operators only")


async def list_orphans(session: AsyncSession, ask: PageRequest, *, upstream: str) -> Page[OrphanView]:
    """A page of an upstream's items that are no service of ours. Raises NotFound, or InvalidField for the cursor."""
    account = await account_named(session, upstream)
    query = (
        select(UpstreamSnapshot)
        .where(is_orphan(account.id), col(UpstreamSnapshot.id) < ask.before(_ORPHAN))
        .order_by(col(UpstreamSnapshot.id).desc())
        .limit(ask.limit + 1)
    )
    rows = (await session.exec(query)).all()
    return page_of(_ORPHAN, ask, rows, lambda row: row.id, lambda row: _orphan(account, row))


async def find_item(session: AsyncSession, upstream: str, product_type: str, number: str) -> ItemView:
    """Raises NotFound."""
    account = await account_named(session, upstream)
    found = await session.exec(
        select(UpstreamSnapshot).where(
            UpstreamSnapshot.account_id == account.id,
            UpstreamSnapshot.product_type == product_type,
            UpstreamSnapshot.number == number,
        )
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound("item", f"{product_type} {number}")
    return item_of(account, row)


def item_of(account: UpstreamAccount, row: UpstreamSnapshot) -> ItemView:
    return ItemView(
        upstream=account.name,
        number=row.number,
        product_type=row.product_type,
        status=_status(row.status),
        status_detail=row.status_detail,
        name=row.name,
        mark=row.mark or row.form_mark or None,
        tariff=row.tariff,
        ip=row.ip or None,
        expires_on=row.expires_on,
        cost=money(row.cost_amount, row.cost_currency),
        first_seen_at=row.first_seen_at,
        changed_at=row.changed_at,
        service=row.service_id,
        gone=row.gone,
    )


async def list_events(
    session: AsyncSession,
    ask: PageRequest,
    *,
    upstream: str,
    kind: Sequence[EventKind] | None = None,
    service: Sequence[int] | None = None,
) -> Page[EventView]:
    """A page of the changes seen at an upstream. Raises NotFound, or InvalidField for the cursor."""
    account = await account_named(session, upstream)
    rows: list[UpstreamEvent] = await newest(
        session,
        select(UpstreamEvent).where(UpstreamEvent.account_id == account.id),
        col(UpstreamEvent.id),
        lambda row: row.id,
        ask,
        _EVENT,
        (UpstreamEvent.kind, kind),
        (UpstreamEvent.service_id, service),
    )
    return page_of(_EVENT, ask, rows, lambda row: row.id, lambda row: _event(account, row))


def _orphan(account: UpstreamAccount, row: UpstreamSnapshot) -> OrphanView:
    return OrphanView(
        upstream=account.name,
        number=row.number,
        product_type=row.product_type,
        status=_status(row.status),
        status_detail=row.status_detail,
        suspend_reason=row.suspend_reason,
        name=row.name,
        remoteid=row.mark,
        pricelist=row.tariff,
        ip=row.ip or None,
        expires_on=row.expires_on,
        cost=money(row.cost_amount, row.cost_currency),
        first_seen_at=row.first_seen_at,
        changed_at=row.changed_at,
    )


def _event(account: UpstreamAccount, row: UpstreamEvent) -> EventView:
    return EventView(
        number=row.id,
        event_id=row.event_id,
        upstream=account.name,
        product_type=row.product_type,
        upstream_number=row.upstream_number,
        kind=row.kind,
        status=_status(row.status),
        changes={name: ValueChange(before=pair[0], after=pair[1]) for name, pair in row.changes.items()},
        service=row.service_id,
        operation=row.operation_id,
        seen_at=row.seen_at,
        applied_at=row.applied_at,
        delivered_at=row.delivered_at,
        delivery_note=row.delivery_note,
        raw=row.raw,
    )


def _status(code: int) -> str:
    return UpstreamStatus(code).name.lower()
