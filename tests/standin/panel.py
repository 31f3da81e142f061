"""A selling BILLmanager for rehearsals, written from the protocol alone: real HTTP on loopback, answers in XML.

It knows nothing of the product and nothing of the simulator. What the protocol leaves open is a `Choices` object, so
that each test meets another upstream; what goes wrong is asked for by the order itself (`recipe=…`, see Fault) or by
the test. The panel keeps the truth: what was charged, for which mark, and how low the balance ever was.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from time import monotonic
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape, quoteattr

from tests.standin.answers import NAME_FIELD, Answers, Item, Refusal
from tests.standin.choices import LAGS, Choices, Fault

PATH = "/billmgr"
MET_LAG = 1.0
"""Seconds after which a row comes into the list once a request has met it; see Choices.hides_until_met."""


def _attempt_of(shown: str, mark: str) -> bool:
    return shown.split("-")[:3] == mark.split("-")[:3]


@dataclass(frozen=True)
class Charge:
    number: int
    remoteid: str
    amount: Decimal


class Cut(Exception):
    """End the connection now, with these bytes sent."""

    def __init__(self, sent: bytes = b"") -> None:
        super().__init__()
        self.sent = sent


@dataclass
class Raw:
    """An answer that is no document."""

    status: str
    body: str


@dataclass
class Panel(Answers):
    choices: Choices = field(default_factory=Choices)
    balance: Decimal = Decimal(1000)
    user: str = "reseller"
    password: str = "s3cret"
    items: dict[int, Item] = field(default_factory=dict)
    charges: list[Charge] = field(default_factory=list)
    orders: list[dict[str, str]] = field(default_factory=list)
    """Every request that would cost, as received."""
    calls: dict[str, int] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    """Function -> cut, 502 or page, until the test takes it out. With ` sok` behind it: only where it is a change."""
    lowest: Decimal = Decimal(1000)
    caught: list[str] = field(default_factory=list)
    """Marks of the orders held."""
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    refusals: int = 0
    """Calls kept out for their login."""
    disguise: str = ""
    """Items made from now on show a name of the panel's own and a blank mark: for good (`always`), or `until-open`."""
    before_delete: Callable[[], None] | None = None
    """What happens right before an item is deleted."""

    def __post_init__(self) -> None:
        self.lowest = self.balance
        self._sessions: dict[str, int] = {}
        self._faulted: set[str] = set()
        self._next = 4700
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self._later: set[asyncio.TimerHandle] = set()

    # What a test does at the panel by hand.

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    async def open_door(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close_door(self) -> None:
        """Nobody listens any more, and connections are gone."""
        if self._server is not None:
            self._server.close()
        for talk in list(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def close(self) -> None:
        self.let_go.set()
        for handle in self._later:
            handle.cancel()
        await self.close_door()

    def top_up(self, amount: str) -> None:
        self.balance += Decimal(amount)
        if self.choices.pays_rows_itself:
            for item in self.items.values():
                if not item.paid and item.status == 1 and self.balance >= item.cost:
                    self._charge(item)
                    self._begin_opening(item)

    def add(self, name: str = "hand.example.net", *, kind: str = "vds", status: int = 2, remoteid: str = "") -> Item:
        """An item that nobody ordered through the API."""
        item = self._new(kind, "58", name, remoteid, status)
        item.ip = "198.51.100.1"
        return item

    def by_mark(self, mark: str) -> list[Item]:
        return [item for item in self.items.values() if item.remoteid == mark]

    def paid_for(self, mark: str) -> list[Charge]:
        """Of every attempt: a service may have come back with its mark and a number after it."""
        return [charge for charge in self.charges if _attempt_of(charge.remoteid, mark)]

    def orders_of(self, mark: str) -> list[dict[str, str]]:
        return [order for order in self.orders if _attempt_of(order.get("remoteid", ""), mark)]

    def open(self, item: Item) -> None:
        if item.status in (1, 5) and item.number in self.items:
            item.status = 2
            item.ip = item.ip or f"192.0.2.{item.number % 250 + 1}"
            self._after(self.choices.key_delay, lambda: setattr(item, "key", f"KEY-{item.number}"))

    # HTTP.

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            try:
                while await self._exchange(reader, writer):
                    pass
            finally:
                writer.close()
        self._talks.discard(task)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        _, target, _ = head[0].split(" ", 2)
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        path, _, query = target.partition("?")
        form = dict(parse_qsl(query, keep_blank_values=True) + parse_qsl(body.decode(), keep_blank_values=True))
        try:
            if path != PATH:
                answer: str | Raw = Raw("404 Not Found", "<html>nothing here</html>")
            else:
                # Work once begun is finished, whether the client still listens or not.
                answer = await asyncio.shield(asyncio.ensure_future(self._answer(form)))
        except Cut as cut:
            writer.write(cut.sent)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            return False
        if isinstance(answer, Raw):
            status, kind, payload = answer.status, "text/html", answer.body.encode()
        else:
            status, kind, payload = "200 OK", "text/xml; charset=UTF-8", answer.encode()
        start = f"HTTP/1.1 {status}\r\nServer: nginx\r\nContent-Type: {kind}\r\n"
        if self.choices.noise:
            chunk = f"{len(payload):x}\r\n".encode() + payload + b"\r\n0\r\n\r\n"
            writer.write(f"{start}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk)
        else:
            writer.write(f"{start}Content-Length: {len(payload)}\r\n\r\n".encode() + payload)
        await writer.drain()
        return headers.get("connection", "").lower() != "close"

    async def _answer(self, form: dict[str, str]) -> str | Raw:
        function = form.get("func", "")
        self.calls[function] = self.calls.get(function, 0) + 1
        committing = f"{function} sok" if form.get("sok") == "ok" else function
        match self.broken.get(committing) or self.broken.get(function):
            case "cut":
                raise Cut
            case "502":
                return Raw("502 Bad Gateway", "<html><h1>502 Bad Gateway</h1></html>")
            case "page":
                return Raw("200 OK", "<!DOCTYPE html><html><body>Maintenance</body></html>")
        try:
            if function == "auth":
                return self._login(form)
            self._admit(form)
            return await self._call(function, form)
        except Refusal as refusal:
            self.refusals += refusal.kind == "auth"
            return self._refuse(refusal, function)

    # Logging in.

    def _login(self, form: dict[str, str]) -> str:
        if (form.get("username"), form.get("password")) != (self.user, self.password):
            raise Refusal("auth", "badpassword")
        session = f"{len(self._sessions) + 1:012x}"
        self._sessions[session] = self.choices.session_calls
        return self._document("auth", f'<auth id="{session}" level="16"/>', form)

    def _admit(self, form: dict[str, str]) -> None:
        if "auth" in form:
            left = self._sessions.get(form["auth"], 0)
            if not left:
                raise Refusal("auth")
            self._sessions[form["auth"]] = left - 1
            return
        if not self.choices.authinfo and "authinfo" in form:
            raise Refusal("auth", "authtype")
        if form.get("authinfo") != f"{self.user}:{self.password}":
            raise Refusal("auth", "badpassword")

    # Functions.

    async def _call(self, function: str, form: dict[str, str]) -> str | Raw:
        if function in self.choices.refused:
            raise Refusal("access", "", value=function)
        if function in ("whoami", "dashboard.info", "subaccount"):
            return self._money_call(function, form)
        name = function
        if name.startswith("v2."):
            name = name[3:]
            if 6 not in self.choices.dialects or not name.endswith(".order.param") or name.startswith("soft."):
                raise Refusal("missed", "func", value=function)
        kind, _, action = name.partition(".")
        if kind not in NAME_FIELD:
            raise Refusal("missed", "func", value=function)
        match action:
            case "":
                return self._list(kind, form)
            case "edit":
                return self._form(kind, form)
            case "delete":
                return self._delete(kind, form)
            case "order.param":
                period = "order_period" if function.startswith("v2.") else "period"
                if form.get("sok") != "ok":
                    return self._order_form(kind, form)
                return await self._order(kind, form, period)
        raise Refusal("missed", "func", value=function)

    def _money_call(self, function: str, form: dict[str, str]) -> str:
        shown = "" if function in self.choices.hides_balance else self.amount(self.balance)
        if function == "whoami":
            balance = f" balance={quoteattr(shown)}" if shown else ""
            return self._document(function, f'<user id="77" realname="Reseller Ltd"{balance} email="r@e.test"/>', form)
        row = {"id": "1", "realname": "Reseller Ltd", "project": "Hosting"}
        if shown:
            row["balance"] = shown
        if function == "subaccount":
            row["currency"] = self.choices.currency
        return self._document(function, self._elements([row]) + "<p_elems>1</p_elems>", form)

    def _list(self, kind: str, form: dict[str, str]) -> str:
        rows = [i for i in self.items.values() if i.kind == kind and i.listed_from <= monotonic()]
        column = form.get("p_col", "+id")
        rows.sort(key=lambda item: item.number, reverse=column.startswith("-"))
        size = min(int(form.get("p_cnt", "50")), self.choices.page_cap)
        page = int(form.get("p_num", "1"))
        shown = rows[(page - 1) * size : page * size] if self.choices.minds_pages else rows
        total = f"<p_elems>{len(rows)}</p_elems>" if self.choices.shows_total else ""
        pages = f"<p_num>{page}</p_num><p_cnt>{size}</p_cnt>"
        body = "".join(f"<elem>{self._fields(item, self.choices.list_shows, form=False)}</elem>" for item in shown)
        return self._document(kind, f"{pages}{body}{total}", form)

    def _form(self, kind: str, form: dict[str, str]) -> str:
        item = self._wanted(kind, form)
        return self._document(
            f"{kind}.edit", f"<elid>{item.number}</elid>" + self._fields(item, self.choices.form_shows, form=True), form
        )

    def _wanted(self, kind: str, form: dict[str, str]) -> Item:
        number = form.get("elid", "")
        item = self.items.get(int(number)) if number.isdigit() else None
        if item is None or item.kind != kind:
            raise Refusal("missed", "elid", value=number)
        return item

    def _delete(self, kind: str, form: dict[str, str]) -> str:
        if self.before_delete is not None:
            self.before_delete()
        item = self._wanted(kind, form)
        if not self.choices.may_delete:
            raise Refusal("access", "", value=f"{kind}.delete")
        if self.choices.deleted_rows_stay:
            item.status = 4
        else:
            del self.items[item.number]
        return self._document(f"{kind}.delete", "<ok/>", form)

    def _order_form(self, kind: str, form: dict[str, str]) -> str:
        total = self.amount(self.choices.price)
        shown = ""
        if self.choices.quotes == "list":
            shown = f'<list name="total_summary"><elem><desc>Total</desc><cost>{escape(total)}</cost></elem></list>'
        elif self.choices.quotes == "text":
            shown = f"<orderinfo>Итого: {escape(total)}</orderinfo>"
        choices = '<slist name="ostempl"><val key="Debian-12">Debian 12</val></slist>'
        return self._document(f"{kind}.order.param", f"<domain/><autoprolong>1</autoprolong>{choices}{shown}", form)

    async def _order(self, kind: str, form: dict[str, str], period: str) -> str | Raw:
        mark = form.get("remoteid", "")
        self.orders.append({name: value for name, value in form.items() if name not in ("auth", "authinfo")})
        recipe = form.get("recipe", "")
        fault = recipe if recipe and mark not in self._faulted else ""
        self._faulted.add(mark)
        match fault:
            case Fault.CUT_BEFORE:
                raise Cut
            case Fault.BAD_GATEWAY_BEFORE:
                return Raw("502 Bad Gateway", "<html>502</html>")
            case Fault.LOGIN_REFUSED:
                raise Refusal("auth")
            case Fault.STALL_BEFORE:
                await self.let_go.wait()
                raise Cut
            case Fault.HELD_BEFORE:
                self.caught.append(mark)
                await self.let_go.wait()
                raise Cut
        if self.choices.commit_delay:
            await asyncio.sleep(self.choices.commit_delay)
        try:
            item = self._commit(kind, form, period, recipe)
        except Refusal:
            if fault == Fault.POOR_AND_CUT:
                raise Cut from None
            raise
        match fault:
            case Fault.CUT_AFTER:
                raise Cut
            case Fault.CUT_INSIDE:
                raise Cut(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 900\r\n\r\n<?xml version=")
            case Fault.BAD_GATEWAY_AFTER:
                return Raw("502 Bad Gateway", "<html>502</html>")
            case Fault.PAGE_AFTER:
                return Raw("200 OK", "<!DOCTYPE html><html><title>Just a moment...</title></html>")
            case Fault.EMPTY_AFTER:
                return Raw("200 OK", "")
            case Fault.STALL_AFTER:
                await self.let_go.wait()
                raise Cut
            case Fault.HELD_AFTER:
                self.caught.append(mark)
                await self.let_go.wait()
                raise Cut
            case Fault.LATE_ANSWER:
                await asyncio.sleep(self.choices.opening_delay + 0.4)
            case Fault.ACCESS_AFTER:
                raise Refusal("access", "", value=f"{kind}.order.param")
            case Fault.VALUE_AFTER:
                raise Refusal("value", "domain", value=item.name)
            case Fault.POOR_AFTER:
                raise Refusal("not_enough_money")
            case Fault.ODD_AFTER:
                raise Refusal("moon_phase", "tide")
        return self._document(f"{kind}.order.param", self._acceptance(item), form)

    def _acceptance(self, item: Item) -> str:
        match self.choices.order_answer:
            case "id":
                return f"<id>{item.number}</id><ok/>"
            case "item.id":
                return f'<item.id>{item.number}</item.id><ok type="top">func={item.kind}</ok>'
            case "nested":
                return f"<doc><id>{item.number}</id></doc>"
            case "attribute":
                return f'<ok><item id="{item.number}"/></ok>'
        return "<ok/>"

    def _commit(self, kind: str, form: dict[str, str], period: str, recipe: str) -> Item:
        for name in ("pricelist", period, *(("datacenter",) if kind != "soft" else ())):
            if not form.get(name):
                raise Refusal("value", name, value="")
        if form["pricelist"] not in ("58", "3541"):
            raise Refusal("wizard_unavailable")
        if form.get("skipbasket") != "on":
            raise Refusal("value", "skipbasket", value="")
        mark = form.get("remoteid", "")
        if (
            self.choices.unique_remoteid
            and mark
            and any(self.choices.marks_for_ever or i.status != 4 for i in self.by_mark(mark))
        ):
            if self.choices.hides_until_met:
                for met in self.by_mark(mark):
                    met.listed_from = min(met.listed_from, monotonic() + MET_LAG)
            raise Refusal("exists", "remoteid", value=mark)
        name = form.get(NAME_FIELD[kind], "") or f"auto-{self._next}.example.net"
        price = self.choices.price * int(form[period])
        if self.choices.prepaid and price > self.balance:
            if self.choices.unpaid_row:
                left = self._new(kind, form["pricelist"], name, mark, 1)
                left.paid = False
                left.cost = price
                left.listed_from = math.inf if self.choices.hides_until_met else monotonic() + self.choices.list_lag
            raise Refusal(
                "not_enough_money",
                amount=f"{price:.4f}",
                have=f"{self.balance:.2f}",
                available=f"{self.balance:.2f}",
                deficit=f"{price - self.balance:.4f}",
                currency=self.choices.currency,
            )
        item = self._new(kind, form["pricelist"], name, mark, 1)
        item.cost = price
        item.ip = form.get("ip", "")
        item.autoprolong = form.get("autoprolong", "")
        item.recipe = recipe
        item.expires = item.created + timedelta(days=31 * int(form[period]))
        item.listed_from = monotonic() + LAGS.get(recipe, self.choices.list_lag)
        self._charge(item)
        self._begin_opening(item)
        return item

    def _new(self, kind: str, pricelist: str, name: str, remoteid: str, status: int) -> Item:
        self._next += 7
        today = date(2031, 3, 1)
        item = Item(
            self._next, kind, pricelist, name, remoteid, status, today, today + timedelta(days=31), self.choices.price
        )
        item.disguise = self.disguise
        self.items[item.number] = item
        return item

    def _charge(self, item: Item) -> None:
        item.paid = True
        self.balance -= item.cost
        self.lowest = min(self.lowest, self.balance)
        self.charges.append(Charge(item.number, item.remoteid, item.cost))

    def _begin_opening(self, item: Item) -> None:
        item.status = self.choices.opening_status
        if item.recipe != Fault.BY_HAND:
            self._after(self.choices.opening_delay, lambda: self.open(item))

    def _after(self, delay: float, action: Callable[[], None]) -> None:
        self._later.add(asyncio.get_running_loop().call_later(delay, action))
