"""One request to the panel: a form posted, and the document that answers it. Credentials travel in the body alone."""

import asyncio
from collections.abc import Mapping

import httpx

from upstreams.billmanager.answers import judge
from upstreams.billmanager.calls import Call
from upstreams.billmanager.settings import BillmanagerConnection
from upstreams.billmanager.wire import Document
from upstreams.errors import UpstreamError
from upstreams.gate import Gate
from upstreams.httpcalls import MAX_BODY, HttpTransport, Request, usable_address

_LONG = 1_000_000
"""Bytes of an answer that are read beside the event loop: a long list takes a while."""


class Transport:
    """The connections to one panel. `client`: see `HttpTransport`."""

    def __init__(
        self,
        connection: BillmanagerConnection,
        client: httpx.AsyncClient | None = None,
        *,
        gate: Gate | None = None,
        max_body: int = MAX_BODY,
    ) -> None:
        self._url = usable_address(connection.name, connection.settings.url, like="https://host:1500/billmgr")
        self._http = HttpTransport(
            self._url,
            client,
            read_timeout=connection.read_timeout,
            order_timeout=connection.order_timeout,
            gate=gate,
            max_body=max_body,
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def post(self, call: Call, fields: Mapping[str, str]) -> Document:
        """One request, never repeated. Raises NotSent (LeftAlone included), OutcomeUnknown or ConnectionUnhealthy."""
        form = {"func": call.function, "out": "xml", "lang": "en", **fields}
        answer = await self._http.send(call, Request("POST", self._url, {"Accept": "text/xml"}, form=form))
        headers, body = answer.headers, answer.body
        about = call, answer.status, headers.get("content-type", ""), headers.get("location", ""), body
        try:
            return judge(*about) if len(body) < _LONG else await asyncio.to_thread(judge, *about)
        except UpstreamError as error:
            error.next_try = answer.next_try
            raise
