"""A body is read whole before anything is done with it: in a time, and no further than an order can need, or a hint."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orders.events import hints
from storefront.auth import SIGNED
from storefront.problems import TOO_LARGE, TOO_SLOW, answer

HIGHEST_BYTES = 64 * 1024
_DIGITS = 18


class TooLarge(Exception):
    """The body goes on beyond the limit."""


class Gone(Exception):
    """The caller closed the connection."""


class BodyLimit:
    """ASGI middleware. `timeout`: seconds for the whole body."""

    def __init__(self, app: ASGIApp, timeout: float) -> None:
        self._app = app
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = hints.MOST_BYTES if SIGNED.fullmatch(scope["path"]) else HIGHEST_BYTES
        try:
            _check_declared(Headers(scope=scope).get("Content-Length", ""), most)
            async with asyncio.timeout(self._timeout):
                body = await _read(receive, most)
        except TooLarge:
            detail = f"The body has more than {most} bytes; no request needs so many."
            await answer(TOO_LARGE, detail)(scope, receive, send)
        except TimeoutError:
            detail = f"The body did not come within {self._timeout:g} s."
            await answer(TOO_SLOW, detail, headers={"Connection": "close"})(scope, receive, send)
        except Gone:
            return
        else:
            await self._app(scope, _again(body, receive), send)


def _check_declared(length: str, most: int) -> None:
    """Raises TooLarge before anything is read."""
    if length.isdecimal() and (len(length) > _DIGITS or int(length) > most):
        raise TooLarge


async def _read(receive: Receive, most: int) -> bytes:
    """Raises TooLarge for what is sent in chunks without saying how much, and Gone."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        piece: bytes = message.get("body", b"")
        body += piece
        if len(body) > most:
            raise TooLarge
        if not message.get("more_body", False):
            return body


def _again(body: bytes, receive: Receive) -> Receive:
    """The body in one piece, and then what comes after it."""
    given = False

    async def receive_body() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_body
