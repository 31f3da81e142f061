"""How much is done at once: requests take turns, and who would wait too long is refused early.

A turn is needed up to the answer's first line: reading it is the caller's own time. Streams have no turn, and are
counted apart, for each token and together.
"""

import asyncio
import re
from collections import Counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storefront.auth import PROTECTED
from storefront.callers import Caller
from storefront.limits import ConcurrencyLimits
from storefront.problems import BUSY, SEND_AGAIN, TOO_MANY_STREAMS, answer, retry_later

_STREAM = re.compile(r"/v1/operations/[^/]+/stream")


class ConcurrencyLimiter:
    """ASGI middleware, after the body has been read: whoever sends slowly takes no turn meanwhile."""

    def __init__(self, app: ASGIApp, limits: ConcurrencyLimits) -> None:
        self._app = app
        self._limits = limits
        self._shops, self._staff = asyncio.Semaphore(limits.at_once), asyncio.Semaphore(limits.at_once)
        self._streams: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PROTECTED):
            await self._app(scope, receive, send)
        elif scope["method"] == "GET" and _STREAM.fullmatch(scope["path"]):
            await self._stream(scope, receive, send)
        else:
            await self._in_turn(self._places_for(scope), scope, receive, send)

    def _places_for(self, scope: Scope) -> asyncio.Semaphore:
        """People have places of their own: their decisions may wait for a workflow or an upstream, and a shop that asks
        much must not keep them from deciding."""
        caller = scope.get("state", {}).get("caller")
        return self._staff if isinstance(caller, Caller) and caller.requester.is_staff else self._shops

    async def _in_turn(self, places: asyncio.Semaphore, scope: Scope, receive: Receive, send: Send) -> None:
        if not await self._waited(places):
            detail = f"More is asked than can be done at once. {SEND_AGAIN}"
            await answer(BUSY, detail, headers=retry_later())(scope, receive, send)
            return
        has_turn = True

        def give_up_turn() -> None:
            nonlocal has_turn
            if has_turn:
                has_turn = False
                places.release()

        async def send_and_give_up_turn(message: Message) -> None:
            give_up_turn()
            await send(message)

        try:
            await self._app(scope, receive, send_and_give_up_turn)
        finally:
            give_up_turn()

    async def _waited(self, places: asyncio.Semaphore) -> bool:
        """For a place; False: for too long."""
        if not places.locked():
            return await places.acquire()
        try:
            async with asyncio.timeout(self._limits.line):
                return await places.acquire()
        except TimeoutError:
            return False

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller: Caller = scope["state"]["caller"]  # of Authentication, which let the request through
        of_token = self._streams[caller.name] >= self._limits.streams_of_token
        if of_token or self._streams.total() >= self._limits.streams:
            most, whose = (
                (self._limits.streams_of_token, "of your token") if of_token else (self._limits.streams, "in all")
            )
            detail = f"{most} streams {whose} are open, the most allowed. Close one first."
            await answer(TOO_MANY_STREAMS, detail, headers=retry_later())(scope, receive, send)
            return
        self._streams[caller.name] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._streams[caller.name] -= 1
            self._streams += Counter()  # forgets whose count is nought
