"""The cart: orders that wait to be paid, in the old way (``basket``) and the new one (``cart``)."""

from __future__ import annotations

from decimal import Decimal

from simulator import money
from simulator.call import Call, function, whole_number
from simulator.cart import pay, rows_of
from simulator.catalogue import period_caption
from simulator.document import Document, Node, done, fields, form, leads_to, table
from simulator.entities import CartRow, Operation, Status
from simulator.errors import bad_value, missed
from simulator.functions.lists import tparams
from simulator.knobs import CartAnswer
from simulator.lifecycle import close
from simulator.money import currency_column


def cart_answer(call: Call, rows: list[CartRow], *, old_tag: str = "billorder") -> Document:
    """What a call answers that put rows into the cart; ``old_tag`` names the number in the old way."""
    new_cart = call.dialect == 6 or call.world.settings.dialects == [6] or call.text("force_use_new_cart") == "on"
    target = "cart" if new_cart else "basket"
    bills = ", ".join(dict.fromkeys(str(row.bill) for row in rows))
    match call.world.settings.cart_answer:
        case CartAnswer.NUMBER if new_cart:
            return done(Node("lineitem.id", ", ".join(str(row.id) for row in rows)), target=target)
        case CartAnswer.NUMBER:
            return done(Node(old_tag, bills), target=target)
        case CartAnswer.BILLORDER:
            return done(Node("billorder", bills), target="basket")
        case CartAnswer.OK:
            return leads_to(target)
        case CartAnswer.PAYMENT:
            return leads_to("payment.add")
        case CartAnswer.BARE:
            return done()
        case CartAnswer.ITEM:
            return done(Node("item.id", ", ".join(str(row.item) for row in rows)))


def _own_row(call: Call, name: str, obj: str) -> CartRow:
    value = call.text(name)
    number = whole_number(value)
    row = None if number is None else call.world.cart.get(number)
    if row is None or row.account != call.client.id:
        raise missed(obj, value)
    return row


def _drop(call: Call, row: CartRow) -> None:
    """An unpaid order that is taken out of the cart is gone with its service; or that is deleted like any."""
    item = call.world.items.get(row.item)
    call.world.remove(row)
    if row.operation is Operation.OPEN and item is not None and item.status is Status.ORDERED:
        if call.world.settings.taken_out == "deleted":
            close(call.world, item)
        else:
            call.world.remove(item)


def _money(call: Call, amount: Decimal, currency: str) -> str:
    return money.text(amount, currency, call.world.settings.money_style)


def _total(call: Call, rows: list[CartRow]) -> tuple[Decimal, str]:
    currency = rows[0].currency if rows else call.client.subaccounts[0].currency
    return sum((row.amount for row in rows), start=Decimal(0)), currency


# -- the old way


@function("basket")
def basket(call: Call) -> Document:
    """What waits to be paid."""
    rows = rows_of(call.world, call.client)
    match call.text("clicked_button"):
        case "clearbasket":
            for row in rows:
                _drop(call, row)
            return done(target="basket")
        case "delete":
            _drop(call, _own_row(call, "elid", "billorder"))
            return done(target="basket")
        case _:
            return _basket_form(call, rows)


def _basket_form(call: Call, rows: list[CartRow]) -> Document:
    total, currency = _total(call, rows)
    nodes = fields(
        [
            ("billorder", ", ".join(dict.fromkeys(str(row.bill) for row in rows))),
            ("total_sum", _money(call, total, currency)),
            ("tax", _money(call, Decimal(0), currency)),
            ("full_discount", _money(call, Decimal(0), currency)),
        ]
    )
    return form([*tparams(call), *nodes, table("itemlist", [_basket_row(call, row) for row in rows])])


def _basket_row(call: Call, row: CartRow) -> list[tuple[str, str]]:
    item = call.world.items[row.item]
    return [
        ("id", str(row.id)),
        ("item.id", str(item.id)),
        ("item.type", item.type.value),
        ("item.period", period_caption(row.period, call.lang)),
        ("name", call.world.pricelists[item.pricelist].name),
        ("cost", _money(call, row.amount, row.currency)),
    ]


@function("payment.add")
def payment_add(call: Call) -> Document:
    """Pay everything under a ``billorder``. Only the balance can pay here: no payment system is simulated."""
    value = call.text("billorder")
    rows = [row for row in rows_of(call.world, call.client) if str(row.bill) == value]
    if not rows:
        raise missed("billorder", value)
    total, currency = _total(call, rows)
    if not call.sent:
        shown = _money(call, total, currency)
        return form([*tparams(call), Node("billorder", value), Node("amount", shown)])
    if call.text("clicked_button") != "fromsubaccount":
        raise bad_value("clicked_button", call.text("clicked_button"))
    pay(call.world, call.client, rows)
    return done(target="payment")


# -- the new way


@function("cart")
def cart(call: Call) -> Document:
    """The rows of the cart and what they cost together; with the button ``delete`` one row is taken out."""
    if call.sent and call.text("clicked_button") == "delete":
        _drop(call, _own_row(call, "id", "lineitem"))
        return done(target="cart")
    rows = rows_of(call.world, call.client)
    elements = [Node("elem", children=_lineitem(call, row), always_array=True) for row in rows]
    lineitems = Node("list", attributes={"name": "lineitems"}, children=elements, always_array=True)
    total, currency = _total(call, rows)
    summed = Node("total", children=[*_price(call, total, currency), Node("count", str(len(rows)))])
    return form([*tparams(call), lineitems, summed])


def _price(call: Call, amount: Decimal, currency: str) -> list[Node]:
    settings = call.world.settings
    shown = money.number(amount, settings.money_style)
    return fields([("cost", shown), ("currency", currency_column(currency, settings.currency_style))])


def _lineitem(call: Call, row: CartRow) -> list[Node]:
    item = call.world.items[row.item]
    tariff = call.world.pricelists[item.pricelist]
    period = period_caption(row.period, call.lang)
    addons = {addon.id: addon.title for addon in tariff.addons}
    chosen = row.addons or item.addons
    configuration = [
        Node("elem", children=fields([("name", addons.get(number, "")), ("value", value)]), always_array=True)
        for number, value in chosen.items()
    ]
    return [
        Node("id", str(row.id)),
        Node("elid", str(item.id if call.world.settings.cart_elid == "item" else row.id)),
        Node("main", children=fields([("name", f"{tariff.name} {item.label}"), ("period", period)])),
        Node("price", children=[Node("price", children=_price(call, row.amount, row.currency))]),
        Node("configuration", children=configuration),
        Node("action", children=[Node("button", attributes={"name": "delete"}, always_array=True)]),
    ]


@function("cart.empty")
def cart_empty(call: Call) -> Document:
    """Take everything out of the cart."""
    for row in rows_of(call.world, call.client):
        _drop(call, row)
    return done(target="cart")


@function("cartorder.create.confirm")
def cart_confirm(call: Call) -> Document:
    """Pay rows of the cart from the balance (``paymethod_id=0``); the answer does not name the service."""
    numbers = [number.strip() for number in call.text("elid").split(",")]
    waiting = rows_of(call.world, call.client)
    rows = [row for row in waiting if str(row.id) in numbers]
    if not rows or len(rows) != len(numbers):
        raise missed("lineitem", call.text("elid"))
    if not call.sent:
        return form([*tparams(call), Node("elid", call.text("elid")), Node("paymethod_id", "0")])
    if call.text("paymethod_id") != "0":
        raise bad_value("paymethod_id", call.text("paymethod_id"))
    pay(call.world, call.client, waiting if call.world.settings.confirm_pays == "whole_cart" else rows)
    return done(target="cart")
