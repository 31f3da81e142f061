"""A worker for calls to upstreams that stops itself (SIGSTOP) when every request named in FREEZE stands at its moment.

FREEZE is JSON: what a request is about (its domain or its item's number) -> a name of `Moment`. The process stops
once, with all of them under way, and says on its output when each has come to its end.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from enum import StrEnum
from typing import Any

import httpcore

from activities.answers import AnswerWriter
from activities.submission import SubmitActivities
from models.database import Database
from settings import load_settings
from temporal.client import connect_client
from upstreams import departure, httpcalls
from worker import Activities, upstream_worker


class Moment(StrEnum):
    """Where a sender may be when its machine stops."""

    BEFORE_CALL = "intent committed, before the call"
    BEFORE_CONNECT = "before connect"
    BEFORE_WRITE = "connected, before the first byte"
    IN_WRITE = "checked, before the first byte"
    """What no check can close: the last look has said yes, and the write has not begun."""
    BEFORE_ANSWER = "written, before the answer"
    BEFORE_DATABASE = "answered, before the database"


class Stopping:
    """Lets requests come to their moments, and stops the process when all are there."""

    def __init__(self, plan: Mapping[str, Moment], database: Database) -> None:
        self._plan = plan
        self._database = database
        self._there: set[str] = set()
        self._over = asyncio.Event()
        self._about: ContextVar[str] = ContextVar("about", default="")

    def begins(self, *abouts: str | None) -> None:
        about = next((about for about in abouts if about in self._plan), "")
        self._about.set("" if self._over.is_set() else about or "")

    async def passes(self, moment: Moment) -> None:
        about = self._about.get()
        if self._plan.get(about) is not moment or about in self._there:
            return
        self._there.add(about)
        if len(self._there) < len(self._plan):
            await self._over.wait()
            return
        # Not within a transaction: a stopped writer would hold the database, and nobody could go on.
        async with self._database._one_writer:
            print("stopped", flush=True)
            os.kill(os.getpid(), signal.SIGSTOP)
        self._over.set()

    def ends(self) -> None:
        if self._about.get():
            # In one piece: print writes the end of the line separately, and the SDK's log may come between.
            os.write(sys.stdout.fileno(), f"ended: {self._about.get()}\n".encode())


def put_stops(stopping: Stopping, patch: Callable[[Any, str, Any], None] = setattr) -> None:
    """Put the stops where they belong. What stops is the program as it is: nothing of it is replaced."""
    connect = httpcore.AnyIOBackend.connect_tcp
    accepted, send = AnswerWriter.accepted, SubmitActivities.send

    async def stopping_connect(self: Any, *args: Any, **options: Any) -> Any:
        await stopping.passes(Moment.BEFORE_CONNECT)
        stream = await connect(self, *args, **options)
        _stop_at_stream(type(stream), stopping, patch)
        await stopping.passes(Moment.BEFORE_WRITE)
        return stream

    async def stopping_accepted(self: Any, *args: Any) -> Any:
        await stopping.passes(Moment.BEFORE_DATABASE)
        return await accepted(self, *args)

    async def stopping_send(self: Any, job: Any, *args: Any) -> Any:
        stopping.begins(job.service.upstream_number, job.service.name)
        try:
            await stopping.passes(Moment.BEFORE_CALL)
            return await send(self, job, *args)
        finally:
            stopping.ends()

    # The timers of a machine that stands still do not run on, so that time-outs end no call.
    patch(httpcalls, "POOL_TIMEOUT", 3600.0)
    patch(departure, "MAX_CONNECTIONS", 100)  # all stand still at once
    patch(httpcore.AnyIOBackend, "connect_tcp", stopping_connect)
    patch(AnswerWriter, "accepted", stopping_accepted)
    patch(SubmitActivities, "send", stopping_send)


def _stop_at_stream(stream: Any, stopping: Stopping, patch: Callable[[Any, str, Any], None]) -> None:
    if getattr(stream, "stops", False):
        return
    write: Callable[..., Awaitable[None]] = stream.write
    read: Callable[..., Awaitable[bytes]] = stream.read

    async def stopping_write(self: Any, *args: Any, **options: Any) -> None:
        await stopping.passes(Moment.IN_WRITE)
        await write(self, *args, **options)

    async def stopping_read(self: Any, *args: Any, **options: Any) -> bytes:
        await stopping.passes(Moment.BEFORE_ANSWER)
        return await read(self, *args, **options)

    patch(stream, "write", stopping_write)
    patch(stream, "read", stopping_read)
    patch(stream, "stops", True)


async def main() -> None:
    settings = load_settings()
    database = Database(settings.database_url)
    client = await connect_client()
    plan = {about: Moment(name) for about, name in json.loads(os.environ["FREEZE"]).items()}
    put_stops(Stopping(plan, database))
    await upstream_worker(client, Activities(database, client, settings), settings).run()


if __name__ == "__main__":
    asyncio.run(main())
