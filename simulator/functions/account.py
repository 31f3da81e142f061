"""Functions about the account itself: who am I, how much money is there, what came in and what went out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from simulator import money
from simulator.call import CLIENT_LEVEL, Call, function
from simulator.document import Document, Node, Shape, done, fields, form
from simulator.entities import Account, Status, Subaccount
from simulator.errors import access, bad_value, missed
from simulator.functions.lists import list_document, tparams
from simulator.itemtypes import ItemType

Readability = Literal["readable", "no_balance", "access"]

_PAYMENT_STATUS = {1: ("New", "Новый"), 4: ("Credited", "Зачислен"), 6: ("Refunded", "Возвращён")}


def _allow(call: Call, knob: Readability) -> bool:
    """Refuse the call or return whether the balance may be shown."""
    if knob == "access":
        raise access(call.func)
    return knob == "readable"


def _balance(call: Call, purse: Subaccount) -> str:
    return money.text(purse.balance, purse.currency, call.world.settings.money_style)


def _currency(call: Call, purse: Subaccount) -> str:
    return money.currency_column(purse.currency, call.world.settings.currency_style)


@function("usrparam")
def user_parameters(call: Call) -> Document:
    """The form of the account's own settings, which shows the balance too."""
    account = call.client
    values = [("id", str(account.id)), ("name", account.name), ("email", account.email)]
    if call.world.settings.whoami != "no_balance":
        values.append(("balance", _balance(call, account.subaccounts[0])))
    return form([*tparams(call), *fields(values)])


@function("whoami")
def whoami(call: Call) -> Document:
    """The account's own particulars, as attributes."""
    account = call.client
    shown = _allow(call, call.world.settings.whoami)
    attributes = {
        "id": str(account.id),
        "name": account.name,
        "email": account.email,
        "realname": account.realname,
        "phone": "",
        "email_verified": "on",
        "level": str(CLIENT_LEVEL),
    }
    if shown:
        purse = account.subaccounts[0]
        attributes |= {"balance": _balance(call, purse), "currency": _currency(call, purse)}
    return Document(Shape.RESULT, [Node("user", attributes=attributes)])


@function("dashboard.info")
def dashboard_info(call: Call) -> Document:
    """One row per subaccount, the balance as text."""
    account = call.client
    shown = _allow(call, call.world.settings.dashboard)
    rows = []
    for number, purse in enumerate(account.subaccounts, start=1):
        values = [("id", str(number)), ("realname", account.realname), ("project", "Upstream")]
        if shown:
            style = call.world.settings.money_style
            values[1:1] = [
                ("balance", _balance(call, purse)),
                ("realbalance", _balance(call, purse)),
                ("available", money.text(purse.available, purse.currency, style)),
                ("enoughmoneyto", _lasts_until(call, account)),
            ]
        rows.append(Node("elem", children=fields(values), always_array=True))
    return Document(Shape.LIST, [*rows, Node("p_elems", str(len(rows)))])


def _lasts_until(call: Call, account: Account) -> str:
    """The last day before the renewals that fall due are more than there is."""
    left = sum((purse.available for purse in account.subaccounts), Decimal(0))
    ends = sorted(
        (item.expiredate, item.id, item.cost)
        for item in call.world.items.values()
        if item.account == account.id and item.status is Status.ACTIVE and item.expiredate is not None
    )
    for day, _, cost in ends:
        left -= cost
        if left < 0:
            return day.isoformat()
    return ""


@function("notify")
def notify(call: Call) -> Document:
    """The notices in the panel's head; one of them is the balance."""
    account = call.client
    shown = _allow(call, call.world.settings.notify)
    items = [Node("item", attributes={"name": "tickets"}, children=[Node("value", "0")], always_array=True)]
    if shown:
        balance = _balance(call, account.subaccounts[0])
        items.append(Node("item", attributes={"name": "balance", "balance": "yes"}, children=[Node("value", balance)]))
    return Document(Shape.RESULT, [Node("notify", children=items)])


@function("subaccount")
def subaccount(call: Call) -> Document:
    """The money per currency."""
    account = call.client
    settings = call.world.settings
    if settings.subaccount == "access":
        raise access(call.func)
    rows = []
    for purse in account.subaccounts:
        values = [
            ("id", str(purse.id)),
            ("project", "Upstream"),
            ("balance", money.number(purse.balance, settings.money_style)),
            ("currency", _currency(call, purse)),
        ]
        if settings.money_iso_columns:
            values.append(("balance_iso", money.text(purse.balance, purse.currency, money.MoneyStyle.PLAIN)))
        rows.append(Node("elem", children=fields(values)))
    return list_document(call, rows)


@function("payment")
def payment(call: Call) -> Document:
    """Money that came in."""
    account = call.client
    _check_money_lists(call)
    rows = []
    for entry in call.world.payments.values():
        if entry.account != account.id:
            continue
        amount = money.text(entry.amount, entry.currency, money.MoneyStyle.PLAIN)
        day = entry.created.date().isoformat()
        code = str(entry.status)
        nodes = fields(
            [
                ("id", str(entry.id)),
                ("number", f"return/{entry.id}" if entry.refund else f"P/{entry.id}"),
                ("create_date", day),
                ("pay_date", day),
                ("subaccountamount_iso", amount),
                ("paymethodamount_iso", amount),
            ]
        )
        if entry.text:
            nodes += fields([("description", entry.text), *([("item", str(entry.item))] if entry.item else [])])
        status = Node("status", _PAYMENT_STATUS[entry.status][call.lang == "ru"], {"orig": code})
        rows.append(Node("elem", children=[*nodes, status, Node("real_status", code)]))
    return list_document(call, rows)


@function("expense")
def expense(call: Call) -> Document:
    """Money that went out; ``fromdate`` and ``todate`` narrow it."""
    account = call.client
    _check_money_lists(call)
    sign = -1 if call.world.settings.expense_sign == "charges_below" else 1
    start, end = _day(call, "fromdate", date.min), _day(call, "todate", date.max)
    style = call.world.settings.money_style
    rows = []
    for entry in call.world.charges.values():
        if entry.account != account.id or not start <= entry.time.date() <= end:
            continue
        values = [
            ("id", str(entry.id)),
            ("locale_name", entry.description),
            ("amount", money.text(sign * entry.amount, entry.currency, style)),
            ("intname", entry.operation.value),
            *([("main_item", str(entry.item)), ("item", str(entry.item))] if entry.names_item else []),
            ("realdate", entry.time.strftime("%Y-%m-%d %H:%M:%S")),
        ]
        rows.append(Node("elem", children=fields(values)))
    return list_document(call, rows)


def _check_money_lists(call: Call) -> None:
    if call.world.settings.money_lists == "access":
        raise access(call.func)


def _day(call: Call, name: str, default: date) -> date:
    value = call.text(name)
    try:
        return date.fromisoformat(value) if value else default
    except ValueError:
        raise bad_value(name, value) from None


@function("menu")
def menu(call: Call) -> Document:
    """The panel's menu; the product types stand under ``mainmenuservice``, with their lists as ``action``."""
    _ = call.client
    settings = call.world.settings
    lists = {itemtype.value: itemtype.title_in_menu for itemtype in settings.types}
    if ItemType.VDS in settings.types:
        lists[settings.server_list] = ItemType.VDS.title_in_menu
    services = [
        Node("node", attributes={"name": name, "type": "list", "action": name, "title": title}, always_array=True)
        for name, title in lists.items()
    ]
    finance = [
        Node("node", attributes={"name": name, "type": "list", "action": name}, always_array=True)
        for name in ("payment", "expense")
    ]
    nodes = [
        Node("node", attributes={"name": "mainmenuservice", "type": "node"}, children=services, always_array=True),
        Node("node", attributes={"name": "mainmenufinance", "type": "node"}, children=finance, always_array=True),
    ]
    return Document(Shape.RESULT, [Node("mainmenu", children=nodes)])


@function("session.newkey")
def session_newkey(call: Call) -> Document:
    """A key for one later login. Privileged, unless the panel is set to allow it."""
    account = call.client
    key = call.text("key")
    if call.world.settings.session_newkey == "access":
        raise access(call.func)
    if call.text("username") != account.name:
        raise missed("user", call.text("username"))
    if len(key) < 16:
        raise bad_value("key", key)
    account.login_key = key
    call.world.touch(account)
    return done()
