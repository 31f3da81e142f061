"""Items at the upstream that are no service of ours, and those of them that an order of ours may have bought."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import OperationKind, Stage, UpstreamStatus
from models.events import UpstreamList, UpstreamSnapshot
from models.order import Operation, Service

_NOT_FINAL = [stage for stage in Stage if not stage.is_final]
SHORTLY = timedelta(minutes=15)
"""An item that appears within this time after the end of an order may be one that it bought."""


def is_orphan(account_id: int) -> ColumnElement[bool]:
    """A live item at the upstream that is no service of ours."""
    return and_(
        col(UpstreamSnapshot.account_id) == account_id,
        col(UpstreamSnapshot.service_id).is_(None),
        col(UpstreamSnapshot.gone).is_(False),
        col(UpstreamSnapshot.status) != int(UpstreamStatus.DELETED),
    )


async def unexplained_items(session: AsyncSession, account_id: int, upstream: str) -> list[tuple[str, str]]:
    """(product type, number) of items of nobody, newest first, that appeared while orders of their type were under way
    or shortly after; those whose forms were not read and whose mark no list shows. What the first look at a type found
    was there before, whenever it was loaded."""
    found: list[tuple[str, str]] = []
    under_way = await _under_way(session, upstream)
    if not under_way:
        return found
    lists = await session.exec(
        select(UpstreamList.product_type, UpstreamList.loaded_at).where(
            UpstreamList.account_id == account_id, col(UpstreamList.product_type).in_(under_way)
        )
    )
    for product_type, loaded in lists.all():
        if loaded is None:
            continue
        orphans = await session.exec(
            select(UpstreamSnapshot.number, UpstreamSnapshot.form)
            .where(
                is_orphan(account_id),
                UpstreamSnapshot.product_type == product_type,
                col(UpstreamSnapshot.first_seen_at) >= max(under_way[product_type], loaded),
                func.coalesce(UpstreamSnapshot.mark, "") == "",
            )
            .order_by(col(UpstreamSnapshot.id).desc())
        )
        found += [(product_type, number) for number, form in orphans.all() if not form]
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
