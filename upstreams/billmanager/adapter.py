"""A selling BILLmanager, version 5 or 6, behind the port `upstreams.port.Upstream`: account, orders and reading.

What is done to an item once it is there is in `operations`.

What is relied on, what is assumed and how to check it on a real upstream: docs/billmanager.md.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self

import httpx

from models.enums import Knowledge, UpstreamStatus
from upstreams.absent import Absent
from upstreams.answers import OnSale, OrderAccepted, Quote
from upstreams.billmanager import balance as balances
from upstreams.billmanager import menus, ordering, pricelists, prices
from upstreams.billmanager.bounds import check_number
from upstreams.billmanager.calls import Call
from upstreams.billmanager.carts import Carts
from upstreams.billmanager.failures import scope_of
from upstreams.billmanager.heads import newest_fields, out_of_order
from upstreams.billmanager.items import item
from upstreams.billmanager.ledger import Ledger
from upstreams.billmanager.listing import PageRows, Reader, TakePage, read_pages
from upstreams.billmanager.numbers import natural
from upstreams.billmanager.operations import Operations
from upstreams.billmanager.pages import Page, Pages
from upstreams.billmanager.products import is_versioned, order_function
from upstreams.billmanager.session import Session
from upstreams.billmanager.settings import BillmanagerConnection, BillmanagerLearned, Dialect
from upstreams.billmanager.tariffs import is_unknown_function
from upstreams.billmanager.transport import Transport
from upstreams.billmanager.verdicts import own_form
from upstreams.billmanager.wire import Document, Row
from upstreams.errors import (
    ConnectionUnhealthy,
    OutcomeUnknown,
    Rejected,
    Scope,
    SetupFault,
    UpstreamError,
)
from upstreams.gate import Gate
from upstreams.httpcalls import Effect, RefusalScope
from upstreams.port import (
    Balance,
    Findings,
    Head,
    ListedPage,
    ListedRow,
    ListEnd,
    Listing,
    OrderSpec,
    TakeRows,
    UpstreamItem,
)

_MENU_SECONDS = 600.0


class BillmanagerUpstream(Carts, Ledger, Operations, Absent):
    """One account at one BILLmanager. Keep one per account: it remembers the login and the balance call that works.

    A `client` from outside is used for everything, without kept connections, and is not closed here. `gate`: what is
    known of the account already, by other adapters. The constructor raises SetupFault if the address cannot be used.
    """

    def __init__(
        self, connection: BillmanagerConnection, client: httpx.AsyncClient | None = None, *, gate: Gate | None = None
    ) -> None:
        gate = gate or Gate()
        self._transport = Transport(connection, client, gate=gate)
        super().__init__(connection, Session(connection, self._transport, gate))
        Absent.__init__(self, connection.name)
        self._balance_call: str | None = None
        self._other_form: set[str] = set()
        """Product types that are ordered by the other kind of form than is usual."""
        self._pages = Pages()
        self._menu: Document | None = None
        self._menu_read_at = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._transport.aclose()

    @property
    def learned(self) -> BillmanagerLearned:
        return BillmanagerLearned(balance_call=self._balance_call or self._connection.learned.balance_call)

    async def balance(self) -> Balance:
        """Balance in the account's currency, without the credit limit.

        At most one request per balance call, the one that worked last time first. A call that the account may not make
        or that shows no readable balance is passed over. Raises SetupFault if the account has no balance in its
        currency or none that can be read in one way, ConnectionUnhealthy if no call is allowed.
        """
        passed_over: list[tuple[str, str]] = []
        refused: list[UpstreamError] = []
        for function in balances.order_of_calls(self._balance_call, self._connection.learned.balance_call):
            call = self._session.describe(function, Effect.READ)
            try:
                answer = await self._session.send(call, {})
                amount = balances.CALLS[function](answer, self._connection.currency)
            except UpstreamError as error:
                if not _is_only_this_function(error):
                    raise
                refused.append(error)
                continue
            except balances.NoBalanceHere as reason:
                passed_over.append((function, call.clean(str(reason), 160)))
                continue
            except balances.OtherCurrency as other:
                raise SetupFault(
                    f"{call.label}: the account has no balance in {self._connection.currency}, only "
                    f"{call.clean(str(other))}; is its currency set right?",
                    function=function,
                ) from other
            self._balance_call = function
            return Balance(amount=amount, read_by=function)
        name = self._connection.name
        if passed_over:
            told = "; ".join(f"{function}: {reason}" for function, reason in passed_over)
            raise SetupFault(f"Upstream {name}: no call shows the balance in {self._connection.currency}. {told}")
        raise ConnectionUnhealthy(
            f"Upstream {name}: none of the balance calls is allowed to this account. {refused[0].message}",
            scope=scope_of(refused[0].error_type),
            function=refused[0].function,
            error_type=refused[0].error_type,
            error_object=refused[0].error_object,
        )

    async def quote(self, spec: OrderSpec) -> Quote:
        """What the order form shows as the total, if it can be read in one way only."""
        call, answer = await self._send_order(spec, Effect.READ)
        shown = prices.shown_price(answer, self._connection.currency)
        return Quote(price=shown.price, unreadable=call.clean(shown.unreadable, 300), foreign=shown.foreign)

    async def on_sale(self, product_type: str, location: str | None, period: int | None = None) -> OnSale:
        """The form `{type}.order.pricelist`, or `v2.{type}.order.pricelist` (seen in code). One request; another one
        where the panel has only the other form."""
        usual = is_versioned(product_type, self._connection.settings.generation)
        for versioned in (usual, not usual) if self._connection.settings.generation is Dialect.SIX else (usual,):
            function = pricelists.function(product_type, versioned=versioned)
            call = self._session.describe(
                function, Effect.READ, product_type=product_type, refusals=RefusalScope.OF_AN_OPERATION
            )
            try:
                answer = await self._session.send(call, pricelists.fields(location, period, versioned=versioned))
            except SetupFault as fault:
                if not is_unknown_function(fault):
                    raise
            except Rejected as refusal:
                if location is None or refusal.field != pricelists.LOCATION:
                    raise
                return OnSale(tariffs=frozenset(), location_refused=True)
            else:
                return pricelists.on_sale(answer)
        return OnSale(tariffs=None)

    async def order(self, spec: OrderSpec, *, key: str = "", quote: str = "") -> OrderAccepted:
        """Send the set-up request once, charging the account (SVCAPI, documented).

        Raises OutcomeUnknown where the answer is no definite one, the order form shown again included.
        """
        return ordering.accepted(*await self._send_order(spec, Effect.CHANGE))

    async def list_items(self, product_type: str) -> Listing:
        """Every row of the list `{product_type}`, ordered by number, deleted ones kept. One request per page.

        Where it is empty, the menu is read once and the lists of the sub-types that it names (`vds.vps`) are read, too.
        """
        found: dict[str, UpstreamItem] = {}
        currency = self._connection.currency

        async def take(rows: Sequence[Row], _total: int | None) -> None:
            # Also those that walk_items holds back: that one of them is not what is looked for has to be seen.
            found.update({row.number: item(row.fields, product_type, row.number, currency) for row in rows})

        end = await self._walk(product_type, take)
        return Listing(items=tuple(sorted(found.values(), key=_by_number)), **end.model_dump())

    async def walk_items(self, product_type: str, take: TakeRows) -> ListEnd:
        """The same, each page handed on before the next is asked for."""
        currency = self._connection.currency

        async def take_page(rows: PageRows, total: int | None) -> None:
            digests = rows.numbered.digests(f"{_READS_ROWS}{currency}")
            await take(
                ListedPage(len(rows), lambda place: _listed(rows[place], product_type, currency), digests), total
            )

        return await self._walk(product_type, take_page)

    async def _walk(self, product_type: str, take: TakePage) -> ListEnd:
        shows_remoteid = Knowledge.UNKNOWN

        async def take_page(rows: PageRows, total: int | None) -> None:
            nonlocal shows_remoteid
            if rows and shows_remoteid is not Knowledge.YES:
                shows_remoteid = Knowledge.YES if rows.numbered.shows_remoteid else Knowledge.NO
            await take(rows, total)

        lists = [await self._read_list(product_type, take_page)]
        doubts = [lists[0].because]
        if not lists[0].numbers:
            try:
                for name in await self._sub_lists(product_type):
                    lists.append(await self._read_list(product_type, take_page, name))
            except OutcomeUnknown as error:
                doubts.append(f"it is empty, and whether there are lists of sub-types is not known: {error.message}")
        doubts += [pages.because for pages in lists[1:]]
        because = next((doubt for doubt in doubts if doubt), "")
        return ListEnd(
            complete=not because,
            incomplete_because=because,
            pages=sum(pages.pages for pages in lists),
            shows_marks=shows_remoteid,
        )

    async def newest_items(self, product_type: str, count: int) -> Head:
        """`{product_type}` with `p_col=-id` (seen in code), `p_num=1`, `p_cnt` (documented). One request."""
        page = await self._page(product_type, product_type, newest_fields(count))
        because = out_of_order(page, count)
        if because:
            return Head(rows=(), in_order=False, because=because)
        currency = self._connection.currency
        rows = tuple(_listed(row, product_type, currency) for row in page.rows)
        return Head(rows=rows, in_order=True)

    async def read_item(self, product_type: str, number: str) -> UpstreamItem:
        """The form `{product_type}.edit`, which without `sok` only reads (API5, documented). Raises NoSuchItem."""
        call = self._session.describe(f"{product_type}.edit", Effect.READ, item=number, product_type=product_type)
        fields = own_form(call, await self._session.send(call, {"elid": number}), number)
        return item(fields, product_type, number, self._connection.currency)

    async def delete_unpaid(self, product_type: str, number: str) -> None:
        """Remove an item that is ordered and not paid. Reads first; raises Rejected if its status is any other."""
        found = await self.read_item(product_type, number)
        function = f"{product_type}.delete"
        call = self._session.describe(function, Effect.CHANGE, item=number, product_type=product_type)
        if found.status is not UpstreamStatus.ORDERED:
            raise Rejected(
                f"{call.label}: not sent, the item is not an unpaid order, its status is {found.status.name.lower()}.",
                field="status",
                value=str(found.status.value),
                function=function,
            )
        answer = await self._session.send(call, {"elid": number, "sok": "ok"})
        if not answer.ok and answer.is_form:
            raise OutcomeUnknown(
                f"{call.label}: the upstream showed a form instead of a yes (a confirmation, perhaps); "
                "whether the item is gone is not known.",
                function=function,
            )

    async def check(self, product_types: tuple[str, ...]) -> Findings:
        """Reads the balance, each list, and one form per list. What is refused becomes a problem in words."""
        problems: list[str] = []
        listable: list[str] = []
        in_lists: set[Knowledge] = set()
        in_forms: set[Knowledge] = set()
        balance: Balance | None = None
        try:
            balance = await self.balance()
        except UpstreamError as error:
            problems.append(_as_problem(error))
        for product_type in product_types:
            try:
                listing = await self.list_items(product_type)
                listable.append(product_type)
                in_lists.add(listing.shows_marks)
                if not listing.complete:
                    problems.append(
                        f"The list of {product_type} could not be proven complete ({len(listing.items)} rows in "
                        f"{listing.pages} pages): {listing.incomplete_because}. Until then a lost order of this type "
                        "needs a person."
                    )
                living = [one for one in listing.items if one.status is not UpstreamStatus.DELETED]
                if living:
                    form = await self.read_item(product_type, living[-1].number)
                    in_forms.add(Knowledge.NO if form.mark is None else Knowledge.YES)
            except UpstreamError as error:
                problems.append(_as_problem(error))
        lists_show, forms_show = _together(in_lists), _together(in_forms)
        if lists_show is Knowledge.NO and forms_show is not Knowledge.YES:
            problems.append("Lists do not show remoteid; orders are found again by their name only.")
        return Findings(
            balance=balance.amount if balance else None,
            lists_show_marks=lists_show,
            forms_show_marks=forms_show,
            listable_types=tuple(listable),
            problems=tuple(problems),
        )

    async def _read_list(self, product_type: str, take: TakePage, function: str = "") -> Reader:
        return await read_pages(partial(self._page, product_type, function or product_type), take)

    async def _page(self, product_type: str, function: str, fields: dict[str, str]) -> Page:
        reading = self._pages.reading(function, fields)
        call = self._session.describe(function, Effect.READ, product_type=product_type)
        return reading.page(await self._session.send(replace(call, parse=reading.parse), fields))

    async def _sub_lists(self, product_type: str) -> tuple[str, ...]:
        """Lists of sub-types that the menu names. A panel without a menu has none; the menu is kept for ten minutes."""
        if self._menu is None or time.monotonic() - self._menu_read_at > _MENU_SECONDS:
            call = self._session.describe("menu", Effect.READ, refusals=RefusalScope.OF_AN_OPERATION)
            try:
                self._menu = await self._session.send(call, {})
            except (Rejected, SetupFault):
                self._menu = Document.parse(b"<doc/>")
            self._menu_read_at = time.monotonic()
        return menus.sub_lists(self._menu, product_type)

    async def _send_order(self, spec: OrderSpec, effect: Effect) -> tuple[Call, Document]:
        """In version 6, the other kind of form follows where there is none of this name: nothing has been done then.

        Which types have a `v2.` form differs (NEWORDER names `v2.soft`, LICAPI the old one, both documented); the one
        that is there is remembered.
        """
        call, fields = self._order_call(spec, effect)
        try:
            return call, await self._session.send(call, fields)
        except SetupFault as fault:
            if self._connection.settings.generation is not Dialect.SIX or not is_unknown_function(fault):
                raise
            self._other_form ^= {spec.product_type}
            call, fields = self._order_call(spec, effect)
            try:
                return call, await self._session.send(call, fields)
            except SetupFault as other:
                if not is_unknown_function(other):
                    raise
                self._other_form ^= {spec.product_type}
                raise fault from other

    def _order_call(self, spec: OrderSpec, effect: Effect) -> tuple[Call, dict[str, str]]:
        usual = is_versioned(spec.product_type, self._connection.settings.generation)
        versioned = usual ^ (spec.product_type in self._other_form)
        function = order_function(spec.product_type, versioned=versioned)
        fill = ordering.form_fields if effect is Effect.READ else ordering.order_fields
        fields = fill(spec, self._connection.name, versioned=versioned)
        return self._session.describe(function, effect, product_type=spec.product_type), fields


def _is_only_this_function(error: UpstreamError) -> bool:
    """The upstream answered and refused this function, rather than this account."""
    return bool(error.error_type) and (not isinstance(error, ConnectionUnhealthy) or error.scope is Scope.OPERATION)


def _as_problem(error: UpstreamError) -> str:
    """Raises what says that the upstream cannot be talked to at all; the rest is a problem in words."""
    if isinstance(error, SetupFault | Rejected) or _is_only_this_function(error):
        return error.message
    raise error


def _together(answers: set[Knowledge]) -> Knowledge:
    return next((known for known in (Knowledge.YES, Knowledge.NO) if known in answers), Knowledge.UNKNOWN)


_READS_ROWS = 2
"""Counts the ways in which rows have been read: another one makes every row another one."""


def _listed(row: Row, product_type: str, currency: str) -> ListedRow:
    def read() -> UpstreamItem:
        check_number(row.number)
        return item(row.fields, product_type, row.number, currency)

    return ListedRow(row.number, f"{_READS_ROWS}{currency}{row.digest}", read)


def _by_number(one: UpstreamItem) -> tuple[int, str]:
    return (natural(one.number) or 0, one.number)
