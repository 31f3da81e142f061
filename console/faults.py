"""An exception that nobody has thought of becomes a page, and a line in the log."""

import logging

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.errors import page_of_a_fault
from storefront.requestlog import is_the_callers

log = logging.getLogger(__name__)


class Faults:
    """ASGI middleware. What fails after half an answer is out goes on to the API, which closes the connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:  # of whatever kind: nobody further up makes a page of it
            if has_begun or scope["type"] != "http" or is_the_callers(error):
                raise
            log.exception("%s %s failed", scope["method"], scope["path"])
            page = await page_of_a_fault(Request(scope, receive), error)
            await page(scope, receive, send)
