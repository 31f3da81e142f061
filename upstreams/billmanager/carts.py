"""The cart: what waits to be paid there, confirming rows of it, paying an order, and what was charged.

Two shapes: `cart` of version 6 (`list[name=lineitems]`, nested sums, `total` with a count; seen in code JAVARES,
NEWORDER) and `basket` of version 5 and of a 6 without the new cart (`itemlist`, `billorder`, `total_sum`; seen in
code). Nothing here empties a cart: `cart.empty` and the button `clearbasket` are never sent.
"""

from collections.abc import Sequence
from datetime import date

from models.enums import UnpaidKind
from models.money import Money
from upstreams.answers import Unpaid
from upstreams.billmanager.calls import Call
from upstreams.billmanager.items import first_date
from upstreams.billmanager.listing import PAGE_SIZE, read_pages
from upstreams.billmanager.moneytext import UnreadableMoney, currency_code, parse_money
from upstreams.billmanager.pages import Page
from upstreams.billmanager.session import Session
from upstreams.billmanager.settings import BillmanagerConnection, Dialect
from upstreams.billmanager.verdicts import must_be_yes
from upstreams.billmanager.wire import Document, Fields, Row, first_text
from upstreams.carts import Cart, CartRow, Expense, Expenses, Payment
from upstreams.errors import OutcomeUnknown
from upstreams.httpcalls import Effect, RefusalScope

CONFIRM, PAY = "cartorder.create.confirm", "payment.add"
_READ = {UnpaidKind.CART_ROW: "cart", UnpaidKind.ORDER: "basket"}
_LISTS = ("lineitems", "itemlist")
_OWN_NUMBERS = ("lineitem.id", "lineitem", "id")
_ORDERS = ("billorder", "billorder.id")
_ITEMS = ("item.id", "itemid", "item", "elid")
_NAMES = ("domain", "licname", "item.name", "name")
_SUMS = ("cost", "price", "amount", "sum")
_CURRENCIES = ("currency_iso", "currency_str", "currency", "sign")


class Carts:
    """The docstrings of `upstreams.port.Upstream` hold."""

    _connection: BillmanagerConnection
    _session: Session

    @property
    def carts(self) -> tuple[UnpaidKind, ...]:
        newer = self._connection.settings.generation is Dialect.SIX
        return (UnpaidKind.CART_ROW, UnpaidKind.ORDER) if newer else (UnpaidKind.ORDER,)

    async def read_cart(self, unpaid_kind: UnpaidKind) -> Cart:
        call = self._describe(_READ[unpaid_kind], Effect.READ)
        answer = await self._session.send(call, {"p_num": "1", "p_cnt": str(PAGE_SIZE)})
        return cart(call, answer, self._connection.currency)

    async def confirm_cart(self, rows: Sequence[str]) -> Payment:
        call = self._describe(CONFIRM, Effect.CHANGE)
        answer = await self._session.send(call, {"elid": ", ".join(rows), "paymethod_id": "0", "sok": "ok"})
        must_be_yes(call, answer)
        return Payment(unpaid=_order_made(answer))

    async def pay(self, order: str) -> Payment:
        call = self._describe(PAY, Effect.CHANGE)
        fields = {"billorder": order, "clicked_button": "fromsubaccount", "sok": "ok"}
        must_be_yes(call, await self._session.send(call, fields))
        return Payment()

    async def expenses(self, since: date) -> Expenses:
        """All pages of `expense` from that day on; incomplete if a charge has no number, as it is like another."""
        call = self._describe("expense", Effect.READ)

        async def fetch(page: dict[str, str]) -> Page:
            return Page.of(await self._session.send(call, page | {"fromdate": since.isoformat()}))

        entries: dict[str, Expense] = {}

        async def take(rows: Sequence[Row], _total: int | None) -> None:
            entries.update({row.number: _expense(row.number, row.fields, self._connection.currency) for row in rows})

        pages = await read_pages(fetch, take)
        recent = tuple(entry for entry in entries.values() if entry.on is None or entry.on >= since)
        return Expenses(entries=recent, complete=pages.complete)

    async def remove_cart_row(self, unpaid_kind: UnpaidKind, number: str) -> None:
        function = _READ[unpaid_kind]
        call = self._describe(function, Effect.CHANGE)
        named = "id" if unpaid_kind is UnpaidKind.CART_ROW else "elid"
        answer = await self._session.send(call, {named: number, "clicked_button": "delete", "sok": "ok"})
        if not answer.ok and answer.is_form:
            raise OutcomeUnknown(
                f"{call.label}: the upstream showed a form instead of a yes; is row {number} gone or not?",
                function=function,
            )

    def _describe(self, function: str, effect: Effect) -> Call:
        return self._session.describe(function, effect, refusals=RefusalScope.OF_AN_OPERATION)


def cart(call: Call, answer: Document, currency: str) -> Cart:
    """Raises OutcomeUnknown for an answer that shows no cart at all, full or empty."""
    documents = _rows(answer)
    if not documents and not _shows_a_cart(answer):
        raise OutcomeUnknown(f"{call.label}: the upstream did not answer with what is there.", function=call.function)
    orders = _numbers(first_text(answer.fields, *_ORDERS))
    rows = tuple(_row(document, orders, currency) for document in documents)
    total, unreadable = _total(answer, currency)
    return Cart(rows=rows, total=total, unreadable=unreadable or _missing(answer, len(rows)))


def _rows(answer: Document) -> tuple[Document, ...]:
    inner = [part for part in answer.children("list") if part.attributes.get("name") in _LISTS]
    return answer.children("elem") + tuple(row for part in inner for row in part.children("elem"))


def _shows_a_cart(answer: Document) -> bool:
    named = any(part.attributes.get("name") in _LISTS for part in answer.children("list"))
    return named or answer.is_list or bool(answer.children("total")) or "total_sum" in answer.fields


def _row(row: Document, orders: list[str], currency: str) -> CartRow:
    fields = row.fields
    number = first_text(fields, *_OWN_NUMBERS)
    order = first_text(fields, *_ORDERS)
    if not order and (number in orders or len(orders) == 1):
        order = number if number in orders else orders[0]
    about = row.children("main")
    return CartRow(
        number=number,
        order=order,
        item=next((number for name in _ITEMS for number in _numbers(first_text(fields, name))), ""),
        product_type=first_text(fields, "item.type", "itemtype"),
        name=first_text(fields, *_NAMES) or (first_text(about[0].fields, "name") if about else ""),
        amount=_sum(row, currency),
    )


def _sum(part: Document, currency: str) -> Money | None:
    """The sum of a row: a text such as `5.00 EUR`, or a number beside its currency, also inside `price` -> `price`."""
    fields = part.fields
    text = next((fields[name].raw for name in _SUMS if name in fields and fields[name].raw), "")
    if text:
        return _money(text, fields, currency)
    inner = [found for name in _SUMS for found in part.children(name)]
    sums = {_sum(one, currency) for one in inner if one.fields or one.children("*")}
    return sums.pop() if len(sums) == 1 else None


def _money(text: str, beside: Fields, currency: str) -> Money | None:
    word = first_text(beside, *_CURRENCIES)
    try:
        return parse_money(text, currency_code(word, currency) if word else currency)
    except UnreadableMoney:
        return None


def _total(answer: Document, currency: str) -> tuple[Money | None, str]:
    """The sum of all as the upstream names it, and what is wrong with it in words."""
    parts = answer.children("total")
    if parts:
        part = parts[0]
        shown = part.fields or {}
        text = first_text(shown, *_SUMS) or next((part.attributes[n] for n in _SUMS if n in part.attributes), "")
        amount = _sum(part, currency) if shown else _money(text, {}, currency)
    else:
        text = first_text(answer.fields, "total_sum")
        amount = _money(text, {}, currency)
    if text and amount is None:
        return None, f"its total {text[:40]!r} can't be read in one way"
    return amount, ""


def _missing(answer: Document, rows: int) -> str:
    """Rows that are there and not shown, in words."""
    if answer.filters:
        return f"a filter of this user narrows it ({'; '.join(answer.filters)[:60]}); remove it in the panel"
    parts = answer.children("total")
    counts = [answer.counter("p_elems"), parts[0].counter("count") if parts else None]
    told = next((count for count in counts if count is not None and count != rows), None)
    return "" if told is None else f"it says that {told} rows are there and shows {rows}"


def _order_made(answer: Document) -> Unpaid | None:
    """Confirming made an order that has yet to be paid, instead of paying it."""
    number = next((leaf.raw for leaf in (answer.leaf(name) for name in _ORDERS) if leaf is not None), "")
    leads_to_payment = answer.leads_to.startswith(("payment.", "basket"))
    return Unpaid(kind=UnpaidKind.ORDER, number=number) if number or leads_to_payment else None


def _expense(number: str, row: Fields, currency: str) -> Expense:
    text = first_text(row, "amount_iso", "amount", "cost").partition("/")[0]
    amount = _money(text, row, currency)
    return Expense(
        number=number,
        item=first_text(row, "item", "main_item", "item.id"),
        amount=Money(amount=abs(amount.amount), currency=amount.currency) if amount else None,
        on=first_date(row, "realdate", "date"),
    )


def _numbers(text: str) -> list[str]:
    return [part for part in text.replace(",", " ").split() if part.isascii() and part.isdigit()]
