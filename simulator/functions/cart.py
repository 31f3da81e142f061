"""The cart: orders that wait to be paid, in the old way (``basket``) and the new one (``cart``)."""

from __future__ import annotations

from decimal import Decimal

from simulator import money
from simulator.call import Call, function, whole_number
from simulator.catalogue import period_caption
from simulator.document import Document, Node, done, fields, form, table
from simulator.entities import CartRow, Item, Operation, Pending, Status
from simulator.errors import bad_value, missed
from simulator.functions.lists import list_document, tparams
from simulator.lifecycle import after_period, begin, start_opening


def _rows(call: Call) -> list[CartRow]:
    return [row for row in call.world.cart.values() if row.account == call.client.id]


def _row(call: Call, name: str, obj: str) -> CartRow:
    value = call.text(name)
    number = whole_number(value)
    row = None if number is None else call.world.cart.get(number)
    if row is None or row.account != call.client.id:
        raise missed(obj, value)
    return row


def _drop(call: Call, row: CartRow) -> None:
    """An unpaid order that is taken out of the cart is gone with its service."""
    item = call.world.items.get(row.item)
    call.world.remove(row)
    if row.operation is Operation.OPEN and item is not None and item.status is Status.ORDERED:
        call.world.remove(item)


def _pay(call: Call, rows: list[CartRow]) -> None:
    """Pay from the balance; too little money leaves everything in the cart."""
    world = call.world
    for currency in {row.currency for row in rows}:
        total = sum((row.amount for row in rows if row.currency == currency), start=Decimal(0))
        world.require_money(call.client, total, currency)
    for row in rows:
        item = world.items[row.item]
        world.charge(item, row.operation, row.amount, f"{row.operation.value} of {item.label}")
        world.remove(row)
        _carry_out(call, row, item)


def _carry_out(call: Call, row: CartRow, item: Item) -> None:
    match row.operation:
        case Operation.PROLONG:
            expiredate = after_period(item.expiredate or call.world.clock.today(), row.period)
            begin(call.world, item, Pending(operation=Operation.PROLONG, expiredate=expiredate))
        case Operation.SETPARAM:
            begin(call.world, item, Pending(operation=Operation.SETPARAM, addons=row.addons))
        case _:
            start_opening(call.world, item)


# -- the old way


@function("basket")
def basket(call: Call) -> Document:
    """What waits to be paid."""
    rows = _rows(call)
    match call.text("clicked_button"):
        case "clearbasket":
            for row in rows:
                _drop(call, row)
            return done(target="basket")
        case "delete":
            _drop(call, _row(call, "elid", "billorder"))
            return done(target="basket")
        case _:
            return _basket_form(call, rows)


def _basket_form(call: Call, rows: list[CartRow]) -> Document:
    style = call.world.settings.money_style
    currency = rows[0].currency if rows else call.client.subaccounts[0].currency
    total = sum((row.amount for row in rows), start=Decimal(0))
    nodes = fields(
        [
            ("billorder", ", ".join(str(row.id) for row in rows)),
            ("total_sum", money.text(total, currency, style)),
            ("tax", money.text(Decimal(0), currency, style)),
            ("full_discount", money.text(Decimal(0), currency, style)),
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
        ("cost", money.text(row.amount, row.currency, call.world.settings.money_style)),
    ]


@function("payment.add")
def payment_add(call: Call) -> Document:
    """Pay an order. Only the balance can pay here: no payment system is simulated."""
    row = _row(call, "billorder", "billorder")
    if not call.sent:
        shown = money.text(row.amount, row.currency, call.world.settings.money_style)
        return form([*tparams(call), Node("billorder", str(row.id)), Node("amount", shown)])
    if call.text("clicked_button") != "fromsubaccount":
        raise bad_value("clicked_button", call.text("clicked_button"))
    _pay(call, [row])
    return done(target="payment")


# -- the new way


@function("cart")
def cart(call: Call) -> Document:
    """The rows of the cart."""
    if call.sent and call.text("clicked_button") == "delete":
        _drop(call, _row(call, "id", "lineitem"))
        return done(target="cart")
    return list_document(call, [Node("elem", children=fields(_basket_row(call, row))) for row in _rows(call)])


@function("cart.empty")
def cart_empty(call: Call) -> Document:
    """Take everything out of the cart."""
    for row in _rows(call):
        _drop(call, row)
    return done(target="cart")


@function("cartorder.create.confirm")
def cart_confirm(call: Call) -> Document:
    """Pay rows of the cart from the balance (``paymethod_id=0``); the answer does not name the service."""
    numbers = [number.strip() for number in call.text("elid").split(",")]
    rows = [row for row in _rows(call) if str(row.id) in numbers]
    if not rows or len(rows) != len(numbers):
        raise missed("lineitem", call.text("elid"))
    if not call.sent:
        return form([*tparams(call), Node("elid", call.text("elid")), Node("paymethod_id", "0")])
    if call.text("paymethod_id") != "0":
        raise bad_value("paymethod_id", call.text("paymethod_id"))
    _pay(call, rows)
    return done(target="cart")
