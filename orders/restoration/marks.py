"""Marks of this installation, with the tags that it had: which services they belong to, and which of these are lost."""

from collections.abc import Collection

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import Installation, Restoration
from orders.services import naming


async def tags(session: AsyncSession) -> tuple[str, ...]:
    """The present one first."""
    now = (await session.get_one(Installation, 1)).tag
    former = await session.exec(select(Restoration.former_tag).order_by(col(Restoration.id)))
    return (now, *dict.fromkeys(former.all()))


def service_of(mark: str | None, tags: Collection[str]) -> int | None:
    """The number of the service in a whole mark of ours; None: it is none."""
    text = (mark or "").strip().lower()
    if not naming.is_mark(text):
        return None
    _, tag, number, *_ = text.split("-")
    return int(number) if tag in tags else None


async def lost_marks(session: AsyncSession) -> frozenset[str]:
    """Those of services that were ordered after a backup, and that the restored database does not know."""
    rows = (await session.exec(select(Restoration))).all()
    return frozenset(
        naming.mark(row.former_tag, number) for row in rows for number in range(row.last_known + 1, row.last_lost + 1)
    )
