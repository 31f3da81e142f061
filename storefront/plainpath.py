"""Nothing is at a path with a control character or half a character in it, whatever the route."""

from starlette.types import ASGIApp, Receive, Scope, Send

from orders.text import check_text
from storefront.problems import NOT_FOUND, answer


class PlainPath:
    """ASGI middleware. Only PostgreSQL would refuse a NUL in a name, deep inside a statement, as a fault of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                check_text(scope["path"])
            except ValueError as error:
                await answer(NOT_FOUND, f"There is nothing at this path: it {error}.")(scope, receive, send)
                return
        await self._app(scope, receive, send)
