"""Any list as a whole, as CSV or JSON: `?format=csv`, or `Accept: text/csv`.

The list's own route is asked for one page after the other, as the caller would ask it: with the caller's token, in turn
with other requests. So an export shows what the pages show, holds one page in memory, and ends when its token does.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, get_args
from urllib.parse import parse_qsl, urlencode

from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orders.reading.paging import HIGHEST_LIMIT, Page
from orders.reading.tables import Format, columns_of, csv_head, csv_rows

log = logging.getLogger(__name__)

FORMATS = get_args(Format)
WAITS = 30
"""A page that could not be had because the server is busy or the database away is asked for so often again."""
WAIT_SECONDS = 1.0
_OF_THE_PAGE = ("format", "limit", "cursor")


class ExportFailed(Exception):
    """A page could not be had after others had been sent: the connection is cut, so that nobody takes it for all."""


@dataclass(frozen=True)
class _Answer:
    start: Message
    body: bytes

    @property
    def status(self) -> int:
        return int(self.start["status"])


class Export:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = _wanted(scope)
        shown = self._document_of(scope) if wanted else None
        if wanted is None or shown is None:
            await self._app(scope, receive, send)
            return
        first = await self._page(scope, [(name, value) for name, value in _query(scope) if name != "format"])
        if first.status != 200:
            await send(first.start)
            await send({"type": "http.response.body", "body": first.body})
            return
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await send(_start(scope, wanted))
            async for part in self._parts(scope, wanted, columns_of(shown), first):
                await send({"type": "http.response.body", "body": part.encode(), "more_body": True})
                if gone.done():
                    return
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone

    def _document_of(self, scope: Scope) -> type[BaseModel] | None:
        """What the list at this address has a page of; None: there is no list."""
        for route in self._routes:
            if isinstance(route, APIRoute) and route.matches(scope)[0] is Match.FULL:
                answer = route.response_model
                if isinstance(answer, type) and issubclass(answer, Page):
                    [document] = get_args(answer.model_fields["items"].annotation)
                    return document if isinstance(document, type) and issubclass(document, BaseModel) else None
                return None
        return None

    async def _parts(self, scope: Scope, wanted: str, columns: Sequence[str], first: _Answer) -> AsyncIterator[str]:
        yield csv_head(columns) if wanted == "csv" else '{"items": ['
        between = ""
        async for items in self._pages(scope, first):
            if wanted == "csv":
                yield csv_rows(columns, items)
            elif items:
                yield between + ",\n".join(json.dumps(item, ensure_ascii=False) for item in items)
                between = ",\n"
        if wanted == "json":
            yield '], "next_cursor": null}'

    async def _pages(self, scope: Scope, answer: _Answer) -> AsyncIterator[list[dict[str, Any]]]:
        query = _query(scope)
        filters = [(name, value) for name, value in query if name not in _OF_THE_PAGE]
        while True:
            page = json.loads(answer.body)
            yield page["items"]
            if page["next_cursor"] is None or any(name == "limit" for name, _ in query):
                return
            answer = await self._next(scope, [*filters, ("limit", str(HIGHEST_LIMIT)), ("cursor", page["next_cursor"])])

    async def _next(self, scope: Scope, query: list[tuple[str, str]]) -> _Answer:
        """Raises ExportFailed."""
        for _ in range(WAITS):
            answer = await self._page(scope, query)
            if answer.status == 200:
                return answer
            if answer.status != 503:
                break
            await asyncio.sleep(WAIT_SECONDS)
        log.warning("an export of %s ends unfinished: a page was answered %s", scope["path"], answer.status)
        raise ExportFailed(scope["path"])

    async def _page(self, scope: Scope, query: list[tuple[str, str]]) -> _Answer:
        if not any(name == "limit" for name, _ in query):
            query = [*query, ("limit", str(HIGHEST_LIMIT))]
        headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"accept"]
        asked = {**scope, "query_string": urlencode(query).encode(), "headers": headers, "state": {**scope["state"]}}
        start: list[Message] = []
        body = bytearray()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.append(message)
            else:
                body.extend(message.get("body", b""))

        await self._app(asked, _nothing, keep)
        return _Answer(start[0], bytes(body))


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _gone(receive: Receive) -> None:
    """Ends when the caller has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _wanted(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    formats = [value for name, value in _query(scope) if name == "format"]
    if formats:
        return formats[0] if len(formats) == 1 and formats[0] in FORMATS else None
    return "csv" if "text/csv" in Headers(scope=scope).get("accept", "") else None


def _start(scope: Scope, wanted: str) -> Message:
    name = scope["path"].rstrip("/").rpartition("/")[2]
    kind = "text/csv; charset=utf-8" if wanted == "csv" else "application/json"
    headers = [
        (b"content-type", kind.encode()),
        (b"content-disposition", f'attachment; filename="{name}.{wanted}"'.encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    return {"type": "http.response.start", "status": 200, "headers": headers}
