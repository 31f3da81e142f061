"""The item: as it was read just now, and as it is kept."""

from dataclasses import dataclass

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.events import UpstreamSnapshot
from orders.events.differences import as_listed, compare, new_snapshot, note_form, note_listed, update_snapshot
from orders.linking.target import Target
from upstreams.port import UpstreamItem


@dataclass(frozen=True)
class ReadItem:
    """The item as it was read just now: its form, and its row in the list where it was not known before."""

    form: UpstreamItem
    row: UpstreamItem | None = None


async def is_known(session: AsyncSession, target: Target, number: str) -> bool:
    """The item was seen in a list already."""
    return await snapshot_of(session, target, number) is not None


async def what_else(session: AsyncSession, target: Target, number: str) -> str:
    """Words about an item that does not exist as one of the target's product type."""
    found = await session.exec(
        select(UpstreamSnapshot.product_type).where(
            UpstreamSnapshot.account_id == target.account_id,
            UpstreamSnapshot.number == number,
            col(UpstreamSnapshot.gone).is_(False),
        )
    )
    others = sorted(set(found.all()) - {target.product_type})
    there = f"; there is a {', '.join(others)} of that number" if others else ""
    return f"upstream {target.account.name} has no {target.product_type} {number}{there}"


async def locked_snapshot(session: AsyncSession, target: Target, seen: ReadItem) -> UpstreamSnapshot:
    """The item as it is kept, brought up to what was read."""
    snapshot = await snapshot_of(session, target, seen.form.number, lock=True)
    if snapshot is None:
        snapshot = new_snapshot(target.account_id, seen.row or seen.form)
        if seen.row is not None:
            note_listed(snapshot, seen.row)
    form = as_listed(snapshot, seen.form)
    update_snapshot(snapshot, form, compare(snapshot, form))
    note_form(snapshot, seen.form)
    session.add(snapshot)
    await session.flush()
    return snapshot


async def snapshot_of(
    session: AsyncSession, target: Target, number: str, *, lock: bool = False
) -> UpstreamSnapshot | None:
    query = select(UpstreamSnapshot).where(
        UpstreamSnapshot.account_id == target.account_id,
        UpstreamSnapshot.product_type == target.product_type,
        UpstreamSnapshot.number == number,
    )
    return (await session.exec(query.with_for_update() if lock else query)).one_or_none()
