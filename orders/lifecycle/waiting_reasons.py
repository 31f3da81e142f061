"""What operations wait for: what the upstream was last seen to show of their items, and what runs before them."""

from collections.abc import Sequence

from sqlalchemy import and_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import FINAL_STAGES, Stage
from models.events import UpstreamSnapshot
from models.order import Operation, Service
from orders.lifecycle.causes import item_in_words
from orders.lifecycle.stages import TRIED_AGAIN

_WAITED_IN = (Stage.AWAITING_CONFIRMATION, Stage.AWAITING_MANUAL_TASK, Stage.NEEDS_ATTENTION)


async def upstream_says(session: AsyncSession, operations: Sequence[Operation]) -> dict[int, str]:
    """What the upstream shows, in words, for the operations that wait for it; by number. One read, and no read if none
    waits."""
    waiting = {one.service_id: one for one in operations if one.stage in _WAITED_IN}
    if not waiting:
        return {}
    found = await session.exec(
        select(UpstreamSnapshot, Service.id)
        .join(
            Service,
            and_(
                col(UpstreamSnapshot.account_id) == col(Service.account_id),
                col(UpstreamSnapshot.product_type) == col(Service.product_type),
                col(UpstreamSnapshot.number) == col(Service.upstream_number),
            ),
        )
        .where(col(Service.id).in_(waiting))
    )
    return {
        waiting[service].id: item_in_words(waiting[service], snapshot)
        for snapshot, service in found.all()
        if service is not None
    }


async def what_is_ahead(session: AsyncSession, operations: Sequence[Operation]) -> dict[int, str]:
    """For the operations that are queued: which one runs and how far it is, in words; by number. One read, and no read
    if none is queued."""
    queued = [one for one in operations if one.stage is Stage.QUEUED]
    if not queued:
        return {}
    found = await session.exec(
        select(Operation).where(
            col(Operation.service_id).in_({one.service_id for one in queued}),
            col(Operation.stage).not_in([Stage.QUEUED, *FINAL_STAGES]),
        )
    )
    running = {one.service_id: _how_far(one) for one in found.all()}
    return {one.id: running[one.service_id] for one in queued if one.service_id in running}


def _how_far(operation: Operation) -> str:
    words = f"operation {operation.id} ({operation.kind.value}) is in stage {operation.stage.value}"
    if operation.next_try_at is None or operation.stage not in TRIED_AGAIN:
        return words
    return f"{words}, next try {operation.next_try_at:%Y-%m-%d %H:%M} UTC"
