"""A selling Resellflow behind the port `upstreams.port.Upstream`, by its public API and a storefront's token.

Each call that changes or costs carries the caller's key as `Idempotency-Key`: the same key again is the same order or
operation there, never a second one. What it asks of their side, and what each failure means, is in
docs/resellflow-upstream.md.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

import httpx
from pydantic import SecretStr

from models.enums import Knowledge
from models.money import Money
from models.product_types import PRODUCT_TYPES
from upstreams.absent import Absent
from upstreams.answers import (
    News,
    OnSale,
    OrderAccepted,
    ParametersAccepted,
    PlanChangeAccepted,
    PlanChangeQuote,
    ProlongAccepted,
    ProlongQuote,
    Quote,
)
from upstreams.errors import (
    NoSuchItem,
    NotAllowed,
    NotSent,
    OutcomeUnknown,
    Rejected,
)
from upstreams.gate import Gate
from upstreams.httpcalls import RefusalScope
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
from upstreams.resellflow import events, plans
from upstreams.resellflow.documents import (
    TheirKey,
    TheirOperations,
    TheirPlans,
    TheirPrice,
    TheirService,
    asked_addons,
    item,
)
from upstreams.resellflow.holder import WrongRole
from upstreams.resellflow.lists import PAGE_SIZE, out_of_order, read_all, rows_of, walk
from upstreams.resellflow.quotes import Quotes
from upstreams.resellflow.session import Session
from upstreams.resellflow.settings import ResellflowConnection, ResellflowLearned

_OPERATIONS = 20
"""A service's latest operations that are read with it."""
_MOST_OF_A_REASON = 200
"""Characters of what they lack for a price."""
_DOMAIN = "domain"
_PRICES = "/v1/prices"


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
        self._session = Session(connection, client, gate)
        self._quotes = Quotes(self._session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._session.aclose()

    @property
    def learned(self) -> ResellflowLearned:
        return self._session.learned

    async def check(self, product_types: tuple[str, ...]) -> Findings:
        """Reads one service and whose the token is: two requests."""
        problems: list[str] = []
        try:
            await self._session.page(None, 1)
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

    async def order(self, spec: OrderSpec, *, key: str, quote: str = "") -> OrderAccepted:
        """`POST /v1/services`. Our mark is the customer there, so that their lists show it.

        One read before it where a parameter names another item of ours.
        """
        body = await self._order(spec) | _naming(quote)
        accepted = await self._session.change("POST", "", key, body, refusals=RefusalScope.OF_THE_ACCOUNT)
        return OrderAccepted(upstream_number=str(accepted.service.number))

    async def _order(self, spec: OrderSpec) -> dict[str, object]:
        body: dict[str, object] = {
            "plan": spec.tariff,
            "period_months": spec.period,
            "customer": spec.mark,
            "parameters": await self._parameters(spec),
            "addons": asked_addons(spec.addons),
        }
        if PRODUCT_TYPES[spec.product_type].name.is_chosen:
            body[_DOMAIN] = spec.name
        return body

    async def on_sale(self, product_type: str, location: str | None, period: int | None = None) -> OnSale:
        """`GET /v1/plans` of this type, one request per page. A plan there has all its periods and places. An older
        version of theirs does not say it."""

        async def page(cursor: str | None) -> TheirPlans:
            query = {"product_type": product_type, "active": "true", "limit": str(PAGE_SIZE)}
            query |= {"cursor": cursor} if cursor is not None else {}
            path = f"/v1/plans?{httpx.QueryParams(query)}"
            return await self._session.read(path, TheirPlans, refusals=RefusalScope.OF_AN_OPERATION)

        try:
            return await plans.on_sale(page)
        except NoSuchItem:
            return OnSale(tariffs=None)

    async def news(self, cursor: str | None) -> News:
        """`GET /v1/events`."""
        return await events.news(self._session, cursor)

    async def quote(self, spec: OrderSpec) -> Quote:
        held = await self._held("open", await self._order(spec))
        return held or await self._price(spec.tariff, spec.period, spec.addons, renewal=False)

    async def quote_prolong(self, product_type: str, number: str, period: int) -> ProlongQuote:
        service = await self._session.read(self._session.service(number), TheirService, number=number)
        held = await self._held("prolong", _prolongation(period), number)
        quote = held or await self._price(service.plan, period, service.addons, renewal=True)
        terms = {"expires_on": service.expires_on, "new_expires_on": None, "periods": ()}
        return ProlongQuote.model_validate(quote.model_dump() | terms)

    async def quote_plan_change(
        self,
        number: str,
        tariff: str,
        period: int,
        *,
        settings: Mapping[str, object] = NO_SETTINGS,
        drop_addons: bool = False,
    ) -> PlanChangeQuote:
        """The whole period of the new plan: what they charge at once is theirs to say, and it is no more than that."""
        service = await self._session.read(self._session.service(number), TheirService, number=number)
        held = await self._held("change_plan", _new_plan(tariff, drop_addons=drop_addons), number)
        quote = held or await self._price(tariff, service.period_months, service.addons, renewal=True)
        return PlanChangeQuote.model_validate(quote.model_dump() | {"new_expires_on": None, "tariffs": ()})

    async def quote_parameters(self, product_type: str, number: str, fields: Mapping[str, str]) -> Quote:
        """How much more a whole period costs with these add-ons."""
        service = await self._session.read(self._session.service(number), TheirService, number=number)
        added = {name: value for name, value in fields.items() if name != _DOMAIN}
        months = service.period_months
        before = await self._price(service.plan, months, service.addons, renewal=True)
        held = await self._held("set_parameters", _values(fields), number)
        after = held or await self._price(service.plan, months, {**service.addons, **added}, renewal=True)
        if before.shown is None or after.shown is None or before.shown.currency != after.shown.currency:
            return Quote(price=None, missing=after.missing or before.missing)
        more = after.shown - before.shown if before.shown < after.shown else Money.zero(after.shown.currency)
        return self._quote(more).model_copy(update={"held_as": after.held_as, "held_until": after.held_until})

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
        return await walk(self._session.page, product_type, take)

    async def newest_items(self, product_type: str, count: int) -> Head:
        page = await self._session.page(None, min(count, PAGE_SIZE))
        because = out_of_order(page)
        rows = () if because else tuple(rows_of(page, product_type))
        return Head(rows=rows, in_order=not because, because=because)

    async def read_item(self, product_type: str, number: str) -> UpstreamItem:
        """The service, and its latest operations for what it waits for and what it was sold for: two requests.

        Also two where there is no such service.
        """
        path = self._session.service(number)
        try:
            service = await self._session.read(path, TheirService, number=number)
        except NoSuchItem:
            await self._session.check_that_it_is_gone()
            raise
        if service.product_type != product_type:
            raise NoSuchItem(
                f"{self._session.call('GET', number).label}: it is no {product_type} but a {service.product_type[:40]}."
            )
        operations = await self._session.read(f"/v1/operations?service={number}&limit={_OPERATIONS}", TheirOperations)
        return item(service, operations.items)

    async def prolong(self, number: str, period: int, *, key: str, quote: str = "") -> ProlongAccepted:
        await self._session.change("POST", "/prolong", key, _prolongation(period) | _naming(quote), number=number)
        return ProlongAccepted(new_expires_on=None)

    async def suspend(self, product_type: str, number: str, *, key: str) -> None:
        await self._session.change("POST", "/suspend", key, number=number, refusals=RefusalScope.OF_A_STATE)

    async def resume(self, product_type: str, number: str, *, key: str) -> None:
        await self._session.change("POST", "/resume", key, number=number, refusals=RefusalScope.OF_A_STATE)

    async def delete(self, product_type: str, number: str, *, key: str) -> None:
        await self._session.change("DELETE", "", key, number=number, refusals=RefusalScope.OF_A_STATE)

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
        quote: str = "",
    ) -> PlanChangeAccepted:
        body = _new_plan(tariff, drop_addons=drop_addons) | _naming(quote)
        await self._session.change("POST", "/change-plan", key, body, number=number)
        return PlanChangeAccepted()

    async def set_parameters(
        self, product_type: str, number: str, fields: Mapping[str, str], *, key: str, quote: str = ""
    ) -> ParametersAccepted:
        await self._session.change("PATCH", "", key, _values(fields) | _naming(quote), number=number)
        return ParametersAccepted()

    async def read_licence_key(self, product_type: str, number: str) -> SecretStr | None:
        try:
            path = f"{self._session.service(number)}/licence-key"
            found = await self._session.read(path, TheirKey, number=number, refusals=RefusalScope.OF_A_STATE)
        except NotAllowed:  # it has not come
            return None
        return SecretStr(found.licence_key)

    async def new_licence_key(self, product_type: str, number: str, *, key: str) -> None:
        await self._session.change("PATCH", "", key, {"licence_key": "new"}, number=number)

    async def _held(self, kind: str, body: Mapping[str, object], number: str = "") -> Quote | None:
        """What they sell it for, held for the request that names the quote. None: they hold no price for it. `kind`: in
        their word."""
        found = await self._quotes.ask(kind, body, number)
        if found is None or found.selling is None or found.selling.total is None:
            return None
        quote = self._quote(found.selling.total)
        if quote.price is None:
            return quote
        return quote.model_copy(update={"held_as": found.id, "held_until": found.valid_until})

    async def _price(self, plan: str, months: int, addons: Mapping[str, int | str], *, renewal: bool) -> Quote:
        """What they sell a plan for. No price: their catalogue does not say it, or they have an older version."""
        query: list[tuple[str, str | int | float | bool | None]] = [("plan", plan), ("period_months", months)]
        query += [("renewal", "true")] if renewal else []
        query += [("addon", f"{name}:{value}") for name, value in sorted(addons.items())]
        path = f"{_PRICES}?{httpx.QueryParams(query)}"
        with suppress(NoSuchItem):
            found = await self._session.read(path, TheirPrice, refusals=RefusalScope.OF_AN_OPERATION)
            if found.price is not None:
                return self._quote(found.price)
            return Quote(
                price=None, missing=self._session.call(f"GET {_PRICES}").clean(found.missing, _MOST_OF_A_REASON)
            )
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
            service = await self._session.read(self._session.service(number), TheirService, number=number)
        except OutcomeUnknown as error:
            raise NotSent(f"{label}, because the item that it names can't be read: {error.message}") from error
        if service.upstream is None or not service.upstream.number:
            raise Rejected(f"{label}: item {number} has no number at their own upstream yet.", field=field)
        return service.upstream.number


# Bodies of requests, the same in the question for a price and in the request itself.


def _naming(quote: str) -> dict[str, object]:
    return {"quote": quote} if quote else {}


def _prolongation(period: int) -> dict[str, object]:
    return {"period_months": period}


def _new_plan(tariff: str, *, drop_addons: bool) -> dict[str, object]:
    return {"plan": tariff} | ({"drop_addons": True} if drop_addons else {})


def _values(fields: Mapping[str, str]) -> dict[str, object]:
    addons: dict[str, object] = {"addons": asked_addons({n: v for n, v in fields.items() if n != _DOMAIN})}
    return addons | ({_DOMAIN: fields[_DOMAIN]} if _DOMAIN in fields else {})
