"""HEAD, wherever there is a GET: the same answer without its body."""

import asyncio
import contextlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """ASGI middleware. A stream, which would never end, ends with its head."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        enough = asyncio.Event()

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
            elif message.get("more_body"):
                enough.set()

        answering = asyncio.ensure_future(self._app({**scope, "method": "GET"}, receive, send_head))
        waiting = asyncio.ensure_future(enough.wait())
        try:
            await asyncio.wait({answering, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not enough.is_set():
                await answering
        finally:
            for task in (answering, waiting):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(answering, waiting)
        await send({"type": "http.response.body", "body": b""})
