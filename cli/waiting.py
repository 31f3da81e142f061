"""Following an operation through its stages, as the database shows them."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from sqlmodel import select

from models.enums import Stage
from models.order import Operation
from orders.views import StagePassed, stages_after

if TYPE_CHECKING:
    from models.database import Database

LOOK_SECONDS = 0.2
WAIT_ENDS = frozenset({Stage.COMPLETED, Stage.CANCELLED, Stage.NEEDS_ATTENTION})
"""From here on nothing happens by itself."""


async def stages_entered(database: "Database", operation: int) -> AsyncIterator[StagePassed]:
    """Every stage entered so far and then each as it is entered, until the operation ends or needs a person."""
    last = 0
    while True:
        # The stage is read first: whatever led to it has its entry by then.
        async with database.read() as session:
            stage = (await session.exec(select(Operation.stage).where(Operation.id == operation))).one()
            entered = await stages_after(session, operation, last)
        for entry in entered:
            last = entry.id
            yield entry
        if stage in WAIT_ENDS and not entered:
            return
        if not entered:
            await asyncio.sleep(LOOK_SECONDS)
