"""Following an operation through its stages, as the database shows them."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from sqlmodel import col, select

from models.enums import Stage
from models.order import Operation, StageEntry

if TYPE_CHECKING:
    from models.database import Database

LOOK_SECONDS = 0.2
WAIT_ENDS = frozenset({Stage.COMPLETED, Stage.CANCELLED, Stage.NEEDS_ATTENTION})
"""From here on nothing happens by itself."""


async def stages_entered(database: "Database", operation: int) -> AsyncIterator[StageEntry]:
    """Every stage entered so far and then each as it is entered, until the operation ends or needs a person."""
    last = 0
    while True:
        # The stage is read first: whatever led to it has its entry by then.
        async with database.read() as session:
            stage = (await session.exec(select(Operation.stage).where(Operation.id == operation))).one()
            entries = await session.exec(
                select(StageEntry)
                .where(StageEntry.operation_id == operation, col(StageEntry.id) > last)
                .order_by(col(StageEntry.id))
            )
            new = list(entries.all())
        for entry in new:
            last = entry.id or last
            yield entry
        if stage in WAIT_ENDS and not new:
            return
        if not new:
            await asyncio.sleep(LOOK_SECONDS)
