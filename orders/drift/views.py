"""Drift as it is shown."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.drift import Drift
from models.enums import DriftKind, DriftState
from orders.errors import NotFound, existing
from orders.reading.documents import Document, account_names
from orders.reading.filters import newest
from orders.reading.paging import Page, PageRequest, page_of

_NOUN = "drift"


class DriftView(Document):
    """One difference between our record and the upstream that is not healed automatically."""

    number: int
    kind: DriftKind
    state: DriftState
    upstream: str
    product_type: str
    item: str = Field(description="number of the item at the upstream")
    service: int | None = Field(description="number of the service, if the item is one")
    ours: str = Field(description="what our record says")
    theirs: str = Field(description="what the upstream says")
    seen_at: datetime = Field(description="when these values were first seen")
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None = Field(description="why it was approved or ignored")


async def list_drift(
    session: AsyncSession,
    ask: PageRequest,
    *,
    state: Sequence[DriftState] | None = None,
    kind: Sequence[DriftKind] | None = None,
    service: Sequence[int] | None = None,
    upstream: str | None = None,
) -> Page[DriftView]:
    """A page of differences, newest first. Raises InvalidField for a wrong cursor."""
    names = await account_names(session)
    accounts = None if upstream is None else [number for number, name in names.items() if name == upstream]
    filters = ((Drift.state, state), (Drift.kind, kind), (Drift.service_id, service), (Drift.account_id, accounts))
    rows: list[Drift] = await newest(session, select(Drift), col(Drift.id), lambda row: row.id, ask, _NOUN, *filters)
    return page_of(_NOUN, ask, rows, lambda row: row.id, lambda row: _show(row, names))


async def find_drift(session: AsyncSession, number: int) -> DriftView:
    """Raises NotFound."""
    row = await session.get(Drift, existing(_NOUN, number))
    if row is None:
        raise NotFound(_NOUN, number)
    return _show(row, await account_names(session))


def _show(row: Drift, names: dict[int, str]) -> DriftView:
    return DriftView(
        number=row.id,
        kind=row.kind,
        state=row.state,
        upstream=names[row.account_id],
        product_type=row.product_type,
        item=row.item,
        service=row.service_id,
        ours=row.ours,
        theirs=row.theirs,
        seen_at=row.seen_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by or None,
        reason=row.reason or None,
    )
