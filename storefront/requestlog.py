"""Every request: an id in its answer, one line in the log, and an answer even if the code breaks.

The line has the path without its query (customers' names may stand there) and never a header.
"""

import logging
import time

import anyio
import h11
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from metrics import counters
from storefront.callers import Caller
from storefront.problems import INTERNAL, answer
from telemetry.fields import HEADER, is_sane, new_id, with_fields

access = logging.getLogger("storefront.access")
log = logging.getLogger(__name__)


class RequestLog:
    """ASGI middleware, outermost of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        with with_fields(request=request_id):
            await self._followed(request_id, scope, receive, send)

    async def _followed(self, request_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        status, answered_after = 0, 0.0

        async def send_with_id(message: Message) -> None:
            nonlocal status, answered_after
            if message["type"] == "http.response.start":
                status, answered_after = message["status"], time.monotonic() - began
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:  # of whatever kind: nobody further up answers the request
            if is_the_callers(error):
                return  # there is nobody left to answer; the line below tells of it
            log.exception("%s %s failed", scope["method"], _path(scope))
            if status:
                raise  # half an answer is out: only closing the connection tells the truth
            detail = f"This is a fault of ours. The log has more, under request {request_id}."
            await answer(INTERNAL, detail)(scope, receive, send_with_id)
        finally:
            if status:
                counters.api_request(scope["method"], _route(scope), status, answered_after)
            caller = scope.get("state", {}).get("caller")
            _tell(scope, status, (time.monotonic() - began) * 1000, caller.name if isinstance(caller, Caller) else "-")


def _tell(scope: Scope, status: int, ms: float, client: str) -> None:
    method, path = scope["method"], _path(scope)
    fields = {"method": method, "path": path, "status": status or None, "ms": round(ms), "client": client}
    access.info("%s %s %s %.0f ms client=%s", method, path, status or "-", ms, client, extra=fields)


def is_the_callers(error: Exception) -> bool:
    """The caller hung up while a stream was being sent, or has sent what ended the connection."""
    if isinstance(error, ExceptionGroup):
        return all(is_the_callers(one) for one in error.exceptions)
    hung_up = (anyio.BrokenResourceError, anyio.ClosedResourceError, ClientDisconnect)
    return isinstance(error, (*hung_up, h11.LocalProtocolError))


def _request_id(scope: Scope) -> str:
    sent = Headers(scope=scope).get(HEADER, "")
    return sent if is_sane(sent) else new_id()


def _route(scope: Scope) -> str:
    """The template of the path, which names nobody; empty where no route was found."""
    return str(getattr(scope.get("route"), "path", ""))


def _path(scope: Scope) -> str:
    """The path as it was sent, still percent-encoded, so that it can't break the line."""
    raw: bytes = scope.get("raw_path") or b""
    return raw.split(b"?")[0].decode("ascii", "replace") or "/"
