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
from typing import Annotated, Any, get_args
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Query
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orders.reading.paging import HIGHEST_LIMIT
from orders.tables import Format, columns_of, csv_head, csv_rows

log = logging.getLogger(__name__)

FORMATS = get_args(Format)
WAITS = 30
"""A page that could not be had because the server is busy or the database away is asked for so often again."""
WAIT_SECONDS = 1.0
_FIELDS = frozenset({"items", "next_cursor", "more"})
"""Fields of the answers of lists."""
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


@dataclass(frozen=True)
class _Listed:
    """What a list has."""

    document: type[BaseModel]
    paged: bool


def listed_by(route: APIRoute) -> _Listed | None:
    """None: the answer of the route is no list."""
    answer = route.response_model
    if "GET" not in (route.methods or ()) or not (isinstance(answer, type) and issubclass(answer, BaseModel)):
        return None
    if "items" not in answer.model_fields or not answer.model_fields.keys() <= _FIELDS:
        return None
    [document] = get_args(answer.model_fields["items"].annotation)
    return _Listed(document, "next_cursor" in answer.model_fields)


def _exportable(
    _: Annotated[
        Format | None,
        Query(alias="format", description="the list as CSV or JSON, to be stored (`Accept: text/csv` does the same)"),
    ] = None,
) -> None:
    """Documents the parameter of a list without pages; those with pages have it in `storefront.schemas.common`."""


EXPORTABLE = Depends(_exportable)


class Export:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = _wanted(scope)
        listed = self._listed_at(scope) if wanted else None
        if wanted is None or listed is None:
            await self._app(scope, receive, send)
            return
        query = [(name, value) for name, value in _query(scope) if name != "format"]
        if listed.paged and not any(name == "limit" for name, _ in query):
            query.append(("limit", str(HIGHEST_LIMIT)))
        first = await self._page(scope, query)
        if first.status != 200:
            await send(first.start)
            await send({"type": "http.response.body", "body": first.body})
            return
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await send(_start(scope, wanted))
            async for part in self._parts(scope, wanted, listed, first):
                await send({"type": "http.response.body", "body": part.encode(), "more_body": True})
                if gone.done():
                    return
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone

    def _listed_at(self, scope: Scope) -> _Listed | None:
        for route in self._routes:
            if isinstance(route, APIRoute) and route.matches(scope)[0] is Match.FULL:
                return listed_by(route)
        return None

    async def _parts(self, scope: Scope, wanted: str, listed: _Listed, first: _Answer) -> AsyncIterator[str]:
        columns = columns_of(listed.document)
        yield csv_head(columns) if wanted == "csv" else '{"items": ['
        between, page = "", {}
        async for page in self._pages(scope, first):
            items = page["items"]
            if wanted == "csv":
                yield csv_rows(columns, items)
            elif items:
                yield between + ",\n".join(json.dumps(item, ensure_ascii=False) for item in items)
                between = ",\n"
        if wanted == "json":
            yield "]" + "".join(f', "{name}": {json.dumps(page[name])}' for name in page if name != "items") + "}"

    async def _pages(self, scope: Scope, answer: _Answer) -> AsyncIterator[dict[str, Any]]:
        query = _query(scope)
        filters = [(name, value) for name, value in query if name not in (*_OF_THE_PAGE, "start")]
        while True:
            page = json.loads(answer.body)
            yield page
            goes_on = page.get("more", page.get("next_cursor") is not None)
            if not goes_on or any(name == "limit" for name, _ in query):
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
