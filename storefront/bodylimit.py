"""No body is read beyond what an order can need, and a stranger's not beyond what a hint can."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orders import hints
from storefront.auth import SIGNED
from storefront.problems import TOO_LARGE, answer

HIGHEST_BYTES = 64 * 1024
_DIGITS = 18
TOO_MUCH = "The body has more than {} bytes; no request needs so many."


class BodyLimit:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = hints.MOST_BYTES if SIGNED.fullmatch(scope["path"]) else HIGHEST_BYTES
        declared = Headers(scope=scope).get("Content-Length", "")
        if declared.isdecimal() and (len(declared) > _DIGITS or int(declared) > most):
            await answer(TOO_LARGE, TOO_MUCH.format(most))(scope, receive, send)
            return
        received = 0

        async def receive_some() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:  # sent in chunks, without saying how much
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_MUCH.format(most))
            return message

        await self._app(scope, receive_some, send)
