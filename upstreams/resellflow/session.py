"""Calls to one selling Resellflow: each with our token, once it is known whose it is, and each answer as a document."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeVar

import httpx
from pydantic import BaseModel

from models.enums import Role
from telemetry.fields import HEADER, request_id
from upstreams.counted import counted
from upstreams.errors import (
    ConnectionUnhealthy,
    NoSuchItem,
    NotAllowed,
    NotSent,
    OutcomeUnknown,
    Rejected,
    UpstreamError,
)
from upstreams.gate import Gate
from upstreams.httpcalls import Call, Effect, HttpTransport, RefusalScope, Request, usable_address
from upstreams.resellflow.documents import Accepted, TheirOperations, TheirPage, TheirToken
from upstreams.resellflow.holder import TokenHolder, owners
from upstreams.resellflow.lists import PAGE_SIZE
from upstreams.resellflow.problems import Question, document
from upstreams.resellflow.settings import EXAMPLE, ResellflowConnection, ResellflowLearned

D = TypeVar("D", bound=BaseModel)
MAX_BODY = 16 * 1024 * 1024
"""Bytes of an answer. A page of 200 services has a fifth of a megabyte."""
_NO_TOKEN = re.compile(r"[^!-~]")


class Session:
    """Our token's calls. The constructor raises SetupFault if the address cannot be used."""

    def __init__(self, connection: ResellflowConnection, client: httpx.AsyncClient | None, gate: Gate | None) -> None:
        self._connection = connection
        self._gate = gate or Gate()
        self._holder = TokenHolder(connection, self._read_token, self.call("GET /v1/token"))
        self._url = usable_address(connection.name, connection.settings.url, like=EXAMPLE).rstrip("/")
        self._http = HttpTransport(
            self._url,
            client,
            read_timeout=connection.read_timeout,
            order_timeout=connection.order_timeout,
            gate=self._gate,
            max_body=MAX_BODY,
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    @property
    def learned(self) -> ResellflowLearned:
        return self._holder.learned

    async def page(self, cursor: str | None, limit: int = 0) -> TheirPage:
        """Raises ConnectionUnhealthy where the token is that of another storefront than ours."""
        await self._holder.check()
        page = await self._read_page(cursor, limit)
        self._holder.check_page(page)
        return page

    async def _read_page(self, cursor: str | None, limit: int = 0) -> TheirPage:
        query = {"limit": limit or PAGE_SIZE} | ({"cursor": cursor} if cursor is not None else {})
        return await self.read(f"/v1/services?{httpx.QueryParams(query)}", TheirPage)

    async def check_that_it_is_gone(self) -> None:
        """Their answer that there is no such item counts only for a token that shows what else we bought.

        Raises ConnectionUnhealthy: with the token of another storefront, every item of ours would seem to be gone.
        """
        await self._holder.check()
        if self._connection.settings.storefront is not None:  # an older version of theirs does not name the holder
            self._holder.check_not_empty(await self.page(None, 1))

    async def _check_token_before_change(self, call: Call) -> None:
        """Raises NotSent where the token's holder can't be read just now."""
        self._http.check_lease(call)
        try:
            await self._holder.check()
        except OutcomeUnknown as error:
            words = f"nothing is ordered or changed, because the token's holder can't be read: {error.message}"
            failed = NotSent(f"Upstream {self._connection.name}: {words}", function="GET /v1/token")
            failed.next_try = error.next_try
            raise failed from error

    async def _read_token(self) -> TheirToken:
        """A version of theirs without this address shows by what it allows whether the token is a storefront's, and by
        what was bought whose it is.
        """
        with suppress(NoSuchItem):
            return await self.read("/v1/token", TheirToken, refusals=RefusalScope.OF_AN_OPERATION)
        theirs = owners(await self._read_page(None, 1))
        with suppress(NotAllowed):
            await self.read("/v1/incidents?limit=1", TheirOperations, refusals=RefusalScope.OF_AN_OPERATION)
            return TheirToken(name=self._holder.ours, role="unknown, which sees the services of others")
        return TheirToken(name=min(theirs, default=self._holder.ours), role=Role.STOREFRONT.value)

    async def read(self, path: str, model: type[D], *, number: str = "", refusals: RefusalScope | None = None) -> D:
        """`number`: the item that it is about."""
        call = self.call(f"GET {path.partition('?')[0]}", number, Effect.READ)
        about = refusals or (RefusalScope.OF_AN_OPERATION if number else RefusalScope.OF_THE_ACCOUNT)
        return await self._send(Question(call, about), Request("GET", self._url + path, self._headers()), model)

    async def ask(self, path: str, body: Mapping[str, object], model: type[D], *, refusals: RefusalScope) -> D:
        """A question that has a body. Nothing is ordered or changed by it."""
        headers = self._headers() | {"Content-Type": "application/json"}
        request = Request("POST", self._url + path, headers, content=json.dumps(body).encode())
        return await self._send(Question(self.call(f"POST {path}"), refusals), request, model)

    async def change(
        self,
        method: str,
        path: str,
        key: str,
        body: Mapping[str, object] | None = None,
        *,
        number: str = "",
        refusals: RefusalScope = RefusalScope.OF_AN_OPERATION,
    ) -> Accepted:
        """Raises Rejected where this key made an operation before that they have cancelled since.

        One read before it with a token that was not used yet. Raises OutcomeUnknown where the answer names a service of
        another storefront.
        """
        where = f"{self.service(number)}{path}" if number else "/v1/services"
        call = self.call(f"{method} {where}", number, Effect.CHANGE)
        await self._check_token_before_change(call)
        headers = self._headers() | {"Idempotency-Key": key}
        content: bytes | None = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        request = Request(method, self._url + where, headers, content=content)
        accepted = await self._send(Question(call, refusals), request, Accepted)
        owner, holder = accepted.service.owner, self._holder.name
        if holder and "owner" in accepted.service.model_fields_set and owner != holder:
            raise OutcomeUnknown(
                f"{call.label}: accepted, but for {call.clean(owner or 'no storefront', 64)}, while the token was "
                f"that of {holder}. Ask the distributor what was charged to whom.",
                function=call.function,
            )
        if accepted.operation.is_cancelled and method != "DELETE":
            said = call.clean(accepted.operation.waits_for, 200)
            raise Rejected(f"{call.label}: accepted with this key before, and cancelled there since. It said: {said}")
        return accepted

    async def _send(self, question: Question, request: Request, model: type[D]) -> D:
        with counted(question.call):
            return await self._send_in_turn(question, request, model)

    async def _send_in_turn(self, question: Question, request: Request, model: type[D]) -> D:
        call = question.call
        async with self._gate.one_by_one_at_first(call.label, call.function):
            answer = await self._http.send(call, request)
            try:
                found = document(question, answer, model)
            except UpstreamError as error:
                error.next_try = answer.next_try
                if isinstance(error, ConnectionUnhealthy) and answer.status == httpx.codes.UNAUTHORIZED:
                    self._gate.login_refused(error.message)
                elif not isinstance(error, NotSent | OutcomeUnknown | ConnectionUnhealthy):
                    self._gate.worked()
                raise
            self._gate.worked()
            return found

    def service(self, number: str) -> str:
        """Raises NoSuchItem for what is no number of theirs."""
        if not (number.isascii() and number.isdigit() and len(number) <= 10):
            raise NoSuchItem(f"Upstream {self._connection.name}: {number[:40]!r} is no number of a service there.")
        return f"/v1/services/{number}"

    def call(self, address: str, number: str = "", effect: Effect = Effect.READ) -> Call:
        """A method and a path make a call. Its function has no numbers: a function has a breaker, an item has none."""
        function = "/".join("N" if part.isdigit() else part for part in address.split("/"))
        secret = self._connection.secret.get_secret_value()
        return Call(self._connection.name, function, effect, item=number, secrets=(secret,))

    def _headers(self) -> dict[str, str]:
        """Raises ConnectionUnhealthy for what can be no token."""
        token = self._connection.secret.get_secret_value()
        if _NO_TOKEN.search(token):
            raise ConnectionUnhealthy(
                f"Upstream {self._connection.name}: nothing is sent, the token holds a space or another character that "
                "no token has. Was more than the token copied?"
            )
        followed = {HEADER: request} if (request := request_id()) else {}  # their log is about it, too
        return {"Authorization": f"Bearer {token}", "Accept": "application/json"} | followed
