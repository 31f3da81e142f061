"""The stages of an operation as server-sent events, read from the database as they come."""

import asyncio
import logging
from collections.abc import AsyncIterator

from fastapi.sse import ServerSentEvent
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from models.enums import Stage
from models.outages import outage_of
from orders.errors import NotFound
from orders.views import BEFORE_ALL, OperationDetail, StagePassed, stages_after
from storefront.callers import Caller
from storefront.context import Context

log = logging.getLogger(__name__)

STILL_IN_SECONDS = 3.0
"""After so long without news it is looked whether the token is still valid."""
RECONNECT_MILLISECONDS = 1000


class StageOf(StagePassed):
    """Data of the event `stage`: an entry of the operation's `stages`, and what the shop wrote on its request."""

    operation: int
    service: int
    reference: str | None
    metadata: dict[str, str]


class StreamEnd(BaseModel):
    """Data of the event `end`."""

    operation: int
    stage: Stage


async def follow(
    context: Context, operation: OperationDetail, caller: Caller, *, after: str | None
) -> AsyncIterator[ServerSentEvent]:
    """Every stage entered after the entry `after` (an event id), to the last one; then `end`.

    Ends early, without `end`, when the server stops, and when the caller may not see it any more. While the database is
    away it waits.
    """
    last = _entry_id(after)
    retry: int | None = RECONNECT_MILLISECONDS  # with the first event: some clients take whatever comes first for one
    entered = [entry for entry in operation.stages if entry.id > last]
    ended = operation.stage if operation.stage.is_final else None
    missed = False
    with context.following.of(operation.number) as news:
        while True:
            for entry in entered:
                last = entry.id
                yield ServerSentEvent(event="stage", id=str(entry.id), data=_of(operation, entry), retry=retry)
                retry = None
                ended = entry.stage if entry.stage.is_final else ended
            if ended is not None:
                yield ServerSentEvent(event="end", data=StreamEnd(operation=operation.number, stage=ended))
                return
            is_new = await _set_within(news, STILL_IN_SECONDS) or missed
            news.clear()
            if context.closing.is_set():
                return
            try:
                found = await _entered(context, operation.number, last, caller, is_new=is_new)
                missed = False
            except SQLAlchemyError as error:
                if not outage_of(error):
                    raise
                log.warning("the stream of operation %s waits for the database", operation.number)
                found, missed = [], is_new
            if found is None:
                return
            entered = found


def _of(operation: OperationDetail, entry: StagePassed) -> StageOf:
    return StageOf(
        **dict(entry),
        operation=operation.number,
        service=operation.service,
        reference=operation.reference,
        metadata=operation.metadata,
    )


async def _entered(
    context: Context, operation: int, last: int, caller: Caller, *, is_new: bool
) -> list[StagePassed] | None:
    """None: the token was revoked, or the service is another's by now. Raises SQLAlchemyError."""
    if not await context.callers.still_in(caller):
        return None
    if not is_new:
        return []
    try:
        async with context.database.read() as session:
            return await stages_after(session, operation, last, caller.requester)
    except NotFound:
        return None


def _entry_id(text: str | None) -> int:
    """An id we never gave means from the beginning: a browser that sends it could not do otherwise."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else BEFORE_ALL


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
