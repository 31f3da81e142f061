"""A selling Resellflow behind the port `upstreams.port.Upstream`, by its public API and a storefront's token.

Each call that changes or costs carries the caller's key as `Idempotency-Key`: the same key again is the same order or
operation there, never a second one. What it asks of their side, and what each failure means, is in
docs/resellflow-upstream.md.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

import httpx
from pydantic import BaseModel, SecretStr

from models.enums import Knowledge, Role
from models.money import Money
from models.product_types import PRODUCT_TYPES
from upstreams.absent import Absent
from upstreams.answers import (
    OrderAccepted,
    ParametersAccepted,
    PlanChangeAccepted,
    PlanChangeQuote,
    ProlongAccepted,
    ProlongQuote,
    Quote,
)
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
from upstreams.port import (
    NO_SETTINGS,
    Findings,
    Head,
    ListedRow,
    ListEnd,
    Listing,
    OrderSpec,
    TakeRows,
    UpstreamItem,
)
from upstreams.resellflow.documents import (
    Accepted,
    TheirKey,
    TheirOperations,
    TheirPage,
    TheirPrice,
    TheirService,
    TheirToken,
    asked_addons,
    item,
)
from upstreams.resellflow.holder import TokenHolder, WrongRole, owners
from upstreams.resellflow.lists import PAGE_SIZE, out_of_order, read_all, rows_of, walk
from upstreams.resellflow.problems import Question, document
from upstreams.resellflow.settings import EXAMPLE, ResellflowConnection, ResellflowLearned

D = TypeVar("D", bound=BaseModel)
MAX_BODY = 16 * 1024 * 1024
"""Bytes of an answer. A page of 200 services has a fifth of a megabyte."""
_OPERATIONS = 20
"""A service's latest operations that are read with it."""
_MOST_OF_A_REASON = 200
"""Characters of what they lack for a price."""
_DOMAIN = "domain"
_PRICES = "/v1/prices"
_NO_TOKEN = re.compile(r"[^!-~]")


class ResellflowUpstream(Absent):
    """Our account at one selling Resellflow. Keep one per account.

    A `client` from outside is used for everything, without kept connections, and is not closed here. `gate`: what is
    known of the account already, by other adapters. The constructor raises SetupFault if the address cannot be used.
    """

    def __init__(
        self, connection: ResellflowConnection, client: httpx.AsyncClient | None = None, *, gate: Gate | None = None
    ) -> None:
        super().__init__(connection.name)
        self._connection = connection
        self._gate = gate or Gate()
        self._holder = TokenHolder(connection, self._read_token, self._call("GET /v1/token"))
        self._url = usable_address(connection.name, connection.settings.url, like=EXAMPLE).rstrip("/")
        self._http = HttpTransport(
            self._url,
            client,
            read_timeout=connection.read_timeout,
            order_timeout=connection.order_timeout,
            gate=self._gate,
            max_body=MAX_BODY,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    @property
    def learned(self) -> ResellflowLearned:
        return self._holder.learned

    async def check(self, product_types: tuple[str, ...]) -> Findings:
        """Reads one service and whose the token is: two requests."""
        problems: list[str] = []
        try:
            await self._page(None, 1)
        except WrongRole as wrong:
            problems.append(f"{wrong.message} Ask for a storefront's token.")
        return Findings(
            lists_show_marks=Knowledge.YES,
            forms_show_marks=Knowledge.YES,
            orders_return_number=Knowledge.YES,
            listable_types=product_types,
            problems=tuple(problems),
            stops_orders=bool(problems),
        )

    async def order(self, spec: OrderSpec, *, key: str) -> OrderAccepted:
        """`POST /v1/services`. Our mark is the customer there, so that their lists show it.

        One read before it where a parameter names another item of ours.
        """
        body: dict[str, object] = {
            "plan": spec.tariff,
            "period_months": spec.period,
            "customer": spec.mark,
            "parameters": await self._parameters(spec),
            "addons": asked_addons(spec.addons),
        }
        if PRODUCT_TYPES[spec.product_type].name.is_chosen:
            body[_DOMAIN] = spec.name
        accepted = await self._change("POST", "", key, body, refusals=RefusalScope.OF_THE_ACCOUNT)
        return OrderAccepted(upstream_number=str(accepted.service.number))

    async def quote(self, spec: OrderSpec) -> Quote:
        return await self._price(spec.tariff, spec.period, spec.addons, renewal=False)

    async def quote_prolong(self, product_type: str, number: str, period: int) -> ProlongQuote:
        service = await self._read(self._service(number), TheirService, number=number)
        quote = await self._price(service.plan, period, service.addons, renewal=True)
        terms = {"expires_on": service.expires_on, "new_expires_on": None, "periods": ()}
        return ProlongQuote.model_validate(quote.model_dump() | terms)

    async def quote_plan_change(
        self, number: str, tariff: str, period: int, *, settings: Mapping[str, object] = NO_SETTINGS
    ) -> PlanChangeQuote:
        """The whole period of the new plan: what they charge at once is theirs to say, and it is no more than that."""
        service = await self._read(self._service(number), TheirService, number=number)
        quote = await self._price(tariff, service.period_months, service.addons, renewal=True)
        return PlanChangeQuote.model_validate(quote.model_dump() | {"new_expires_on": None, "tariffs": ()})

    async def quote_parameters(self, product_type: str, number: str, fields: Mapping[str, str]) -> Quote:
        """How much more a whole period costs with these add-ons."""
        service = await self._read(self._service(number), TheirService, number=number)
        added = {name: value for name, value in fields.items() if name != _DOMAIN}
        months = service.period_months
        before = await self._price(service.plan, months, service.addons, renewal=True)
        after = await self._price(service.plan, months, {**service.addons, **added}, renewal=True)
        if before.shown is None or after.shown is None or before.shown.currency != after.shown.currency:
            return Quote(price=None, missing=after.missing or before.missing)
        more = after.shown - before.shown if before.shown < after.shown else Money.zero(after.shown.currency)
        return self._quote(more)

    async def list_items(self, product_type: str) -> Listing:
        found: dict[str, UpstreamItem] = {}
        because = ""

        async def take(rows: Sequence[ListedRow], _total: int | None) -> None:
            nonlocal because
            items, unread = read_all(rows)
            found.update({one.number: one for one in items})
            because = because or unread

        end = await self.walk_items(product_type, take)
        because = end.incomplete_because or because
        items = tuple(sorted(found.values(), key=lambda one: int(one.number)))
        return Listing(
            items=items,
            complete=not because,
            incomplete_because=because,
            pages=end.pages,
            shows_marks=end.shows_marks,
        )

    async def walk_items(self, product_type: str, take: TakeRows) -> ListEnd:
        """`GET /v1/services`, newest first. One request per page."""
        return await walk(self._page, product_type, take)

    async def newest_items(self, product_type: str, count: int) -> Head:
        page = await self._page(None, min(count, PAGE_SIZE))
        because = out_of_order(page)
        rows = () if because else tuple(rows_of(page, product_type))
        return Head(rows=rows, in_order=not because, because=because)

    async def read_item(self, product_type: str, number: str) -> UpstreamItem:
        """The service, and its latest operations for what it waits for and what it was sold for: two requests.

        Also two where there is no such service.
        """
        path = self._service(number)
        try:
            service = await self._read(path, TheirService, number=number)
        except NoSuchItem:
            await self._check_that_it_is_gone()
            raise
        if service.product_type != product_type:
            raise NoSuchItem(
                f"{self._call('GET', number).label}: it is no {product_type} but a {service.product_type[:40]}."
            )
        operations = await self._read(f"/v1/operations?service={number}&limit={_OPERATIONS}", TheirOperations)
        return item(service, operations.items)

    async def prolong(self, number: str, period: int, *, key: str) -> ProlongAccepted:
        await self._change("POST", "/prolong", key, {"period_months": period}, number=number)
        return ProlongAccepted(new_expires_on=None)

    async def suspend(self, product_type: str, number: str, *, key: str) -> None:
        await self._change("POST", "/suspend", key, number=number, refusals=RefusalScope.OF_A_STATE)

    async def resume(self, product_type: str, number: str, *, key: str) -> None:
        await self._change("POST", "/resume", key, number=number, refusals=RefusalScope.OF_A_STATE)

    async def delete(self, product_type: str, number: str, *, key: str) -> None:
        await self._change("DELETE", "", key, number=number, refusals=RefusalScope.OF_A_STATE)

    async def call_off(self, product_type: str, number: str, *, key: str) -> None:
        """`DELETE` there calls off an opening that is not bought, and waits for one that is."""
        await self.delete(product_type, number, key=key)

    async def change_plan(
        self,
        number: str,
        tariff: str,
        period: int,
        *,
        key: str,
        settings: Mapping[str, object] = NO_SETTINGS,
        drop_addons: bool = False,
    ) -> PlanChangeAccepted:
        body = {"plan": tariff} | ({"drop_addons": True} if drop_addons else {})
        await self._change("POST", "/change-plan", key, body, number=number)
        return PlanChangeAccepted()

    async def set_parameters(
        self, product_type: str, number: str, fields: Mapping[str, str], *, key: str
    ) -> ParametersAccepted:
        body: dict[str, object] = {"addons": asked_addons({n: v for n, v in fields.items() if n != _DOMAIN})}
        if _DOMAIN in fields:
            body[_DOMAIN] = fields[_DOMAIN]
        await self._change("PATCH", "", key, body, number=number)
        return ParametersAccepted()

    async def read_licence_key(self, product_type: str, number: str) -> SecretStr | None:
        try:
            found = await self._read(
                f"{self._service(number)}/licence-key", TheirKey, number=number, refusals=RefusalScope.OF_A_STATE
            )
        except NotAllowed:  # it has not come
            return None
        return SecretStr(found.licence_key)

    async def new_licence_key(self, product_type: str, number: str, *, key: str) -> None:
        await self._change("PATCH", "", key, {"licence_key": "new"}, number=number)

    async def _price(self, plan: str, months: int, addons: Mapping[str, int | str], *, renewal: bool) -> Quote:
        """What they sell a plan for. No price: their catalogue does not say it, or they have an older version."""
        query: list[tuple[str, str | int | float | bool | None]] = [("plan", plan), ("period_months", months)]
        query += [("renewal", "true")] if renewal else []
        query += [("addon", f"{name}:{value}") for name, value in sorted(addons.items())]
        path = f"{_PRICES}?{httpx.QueryParams(query)}"
        with suppress(NoSuchItem):
            found = await self._read(path, TheirPrice, refusals=RefusalScope.OF_AN_OPERATION)
            if found.price is not None:
                return self._quote(found.price)
            return Quote(price=None, missing=self._call(f"GET {_PRICES}").clean(found.missing, _MOST_OF_A_REASON))
        return Quote(price=None)

    def _quote(self, price: Money) -> Quote:
        currency = self._connection.currency
        if price.currency == currency:
            return Quote(price=price)
        return Quote(price=None, unreadable=f"{price}, and the account is kept in {currency}", foreign=price)

    async def _parameters(self, spec: OrderSpec) -> dict[str, str]:
        """Parameters as they want them: for an item (the licence of a module), its number at their own upstream."""
        asked = spec.extras | spec.parameters
        for name, parameter in PRODUCT_TYPES[spec.product_type].parameters.items():
            if parameter.of_item and name in asked:
                asked[name] = await self._number_at_theirs(asked[name], f"parameters.{name}")
        return asked

    async def _number_at_theirs(self, number: str, field: str) -> str:
        """Raises NotSent where it can't be read just now, Rejected where they have no such item."""
        label = f"Upstream {self._connection.name}, the order is not sent"
        try:
            service = await self._read(self._service(number), TheirService, number=number)
        except OutcomeUnknown as error:
            raise NotSent(f"{label}, because the item that it names can't be read: {error.message}") from error
        if service.upstream is None or not service.upstream.number:
            raise Rejected(f"{label}: item {number} has no number at their own upstream yet.", field=field)
        return service.upstream.number

    async def _page(self, cursor: str | None, limit: int = 0) -> TheirPage:
        """Raises ConnectionUnhealthy where the token is that of another storefront than ours."""
        await self._holder.check()
        page = await self._read_page(cursor, limit)
        self._holder.check_page(page)
        return page

    async def _read_page(self, cursor: str | None, limit: int = 0) -> TheirPage:
        query = {"limit": limit or PAGE_SIZE} | ({"cursor": cursor} if cursor is not None else {})
        return await self._read(f"/v1/services?{httpx.QueryParams(query)}", TheirPage)

    async def _check_that_it_is_gone(self) -> None:
        """Their answer that there is no such item counts only for a token that shows what else we bought.

        Raises ConnectionUnhealthy: with the token of another storefront, every item of ours would seem to be gone.
        """
        await self._holder.check()
        if self._connection.settings.storefront is not None:  # an older version of theirs does not name the holder
            self._holder.check_not_empty(await self._page(None, 1))

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
            return await self._read("/v1/token", TheirToken, refusals=RefusalScope.OF_AN_OPERATION)
        theirs = owners(await self._read_page(None, 1))
        with suppress(NotAllowed):
            await self._read("/v1/incidents?limit=1", TheirOperations, refusals=RefusalScope.OF_AN_OPERATION)
            return TheirToken(name=self._holder.ours, role="unknown, which sees the services of others")
        return TheirToken(name=min(theirs, default=self._holder.ours), role=Role.STOREFRONT.value)

    async def _read(self, path: str, model: type[D], *, number: str = "", refusals: RefusalScope | None = None) -> D:
        """`number`: the item that it is about."""
        call = self._call(f"GET {path.partition('?')[0]}", number, Effect.READ)
        about = refusals or (RefusalScope.OF_AN_OPERATION if number else RefusalScope.OF_THE_ACCOUNT)
        return await self._send(Question(call, about), Request("GET", self._url + path, self._headers()), model)

    async def _change(
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
        where = f"{self._service(number)}{path}" if number else "/v1/services"
        call = self._call(f"{method} {where}", number, Effect.CHANGE)
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

    def _service(self, number: str) -> str:
        """Raises NoSuchItem for what is no number of theirs."""
        if not (number.isascii() and number.isdigit() and len(number) <= 10):
            raise NoSuchItem(f"Upstream {self._connection.name}: {number[:40]!r} is no number of a service there.")
        return f"/v1/services/{number}"

    def _call(self, function: str, number: str = "", effect: Effect = Effect.READ) -> Call:
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
        return {"Authorization": f"Bearer {token}", "Accept": "application/json"}
