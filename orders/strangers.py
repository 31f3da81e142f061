"""New items that lists do not explain: their forms may show that one was bought for an order of ours."""

from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import OperationKind, Stage
from models.events import UpstreamSnapshot
from models.order import Operation, Service
from orders.events import is_orphan

_NOT_FINAL = [stage for stage in Stage if not stage.is_final]
SHORTLY = timedelta(minutes=15)
"""For so long after an order has ended, an item that appears may still be one that it bought."""


async def strangers(session: AsyncSession, account_id: int, upstream: str) -> list[tuple[str, str]]:
    """(product type, number) of items of nobody, newest first, that appeared while orders of their type were under way
    or shortly after; those whose forms were not read and whose mark no list shows."""
    found: list[tuple[str, str]] = []
    for product_type, since in (await _under_way(session, upstream)).items():
        orphans = await session.exec(
            select(UpstreamSnapshot)
            .where(
                is_orphan(account_id),
                UpstreamSnapshot.product_type == product_type,
                col(UpstreamSnapshot.first_seen_at) >= since,
            )
            .order_by(col(UpstreamSnapshot.id).desc())
        )
        found += [(product_type, one.number) for one in orphans.all() if not one.form and not one.remoteid]
    return found


async def _under_way(session: AsyncSession, upstream: str) -> dict[str, datetime]:
    """Product type -> since when orders of it are under way, for those of which any is, or was just now."""
    openings = (
        select(Service.product_type, Operation.created_at)
        .join(Service, col(Operation.service_id) == col(Service.id))
        .where(Operation.kind == OperationKind.OPEN, Operation.upstream_name == upstream)
    )
    since: dict[str, datetime] = {}
    # Asked one by one: each has an index of few rows.
    for of_few in (col(Operation.stage).in_(_NOT_FINAL), col(Operation.ended_at) > utc_now() - SHORTLY):
        for product_type, created in (await session.exec(openings.where(of_few))).all():
            since[product_type] = min(created, since.get(product_type, created))
    return since
