"""Lists: paging, sorting, filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from simulator.call import Call, function, typed_function, whole_number
from simulator.document import Document, Format, Node, Shape, done, fields
from simulator.entities import Item
from simulator.errors import PanelError, Param, bad_value
from simulator.functions.columns import row_of
from simulator.itemtypes import ItemType

DEFAULT_PAGE: Final = 50
_SECRETS: Final = frozenset({"authinfo", "auth", "password", "key", "passwd", "confirm"})

_MONEY_FILTERS: Final = ("id", "number", "status", "status_orig", "item", "main_item", "intname", "realdate")
_LABELS: Final = {"domain": "Domain name", "item": "Service ID", "pricelist": "Tariff plan", "status": "Status"}
_NO_CHOICE: Final = frozenset({"", "null", "nodate"})
"""What a filter's field holds when it is to filter nothing."""
_BUTTONS: Final = ("new", "edit", "prolong", "suspend", "resume", "delete", "history")

_FILTERS: Final[dict[str, Callable[[Item], str]]] = {
    "id": lambda item: str(item.id),
    "ip": lambda item: item.ip,
    "domain": lambda item: item.domain,
    "pricelist": lambda item: str(item.pricelist),
    "period": lambda item: str(item.period),
    "status": lambda item: str(item.status.value),
    "autoprolong": lambda item: item.autoprolong,
    "remoteid": lambda item: item.remoteid,
    "datacenter": lambda item: str(item.datacenter),
    "ostemplate": lambda item: item.ostempl,
    "opendate": lambda item: item.opendate.isoformat() if item.opendate else "",
    "expiredate": lambda item: item.expiredate.isoformat() if item.expiredate else "",
}

_SORT: Final[dict[str, Callable[[Item], tuple[str | int, int]]]] = {
    "id": lambda item: (item.id, item.id),
    "name": lambda item: (item.name, item.id),
    "domain": lambda item: (item.domain, item.id),
    "ip": lambda item: (item.ip, item.id),
    "status": lambda item: (item.status.value, item.id),
    "expiredate": lambda item: (item.expiredate.isoformat() if item.expiredate else "", item.id),
    "createdate": lambda item: (item.createdate.isoformat(), item.id),
}


@typed_function("")
def service_list(call: Call) -> Document:
    """The account's services of one type."""
    if call.itemtype is ItemType.VDS and call.world.settings.server_list != call.func:
        return list_document(call, [])
    return _services(call)


@typed_function("vps")
def sub_type_list(call: Call) -> Document:
    """The virtual servers, where the panel keeps them in a list of a sub-type and ``vds`` itself is empty."""
    return _services(call)


def _services(call: Call) -> Document:
    items: Iterable[Item] = _listed(call, call.itemtype)
    for name, value in _wanted(call).items():
        items = [item for item in items if _FILTERS[name](item) == value]
    column, backwards = _sorting(call)
    chosen = list(items)
    if column == "id" and call.world.settings.sorting == "as_text":
        chosen.sort(key=lambda item: str(item.id), reverse=backwards)
    elif column != "id":
        chosen.sort(key=_SORT[column], reverse=backwards)
    elif backwards:
        chosen.reverse()  # they are by number already, and there may be 100,000
    page, size = _page(call)
    if call.world.settings.page_size == "ignored":
        page, size = 1, max(len(chosen), 1)
    shown = chosen[(page - 1) * size : page * size]
    return list_document(call, [row_of(call, item) for item in shown], total=len(chosen), paged=True)


def _listed(call: Call, itemtype: ItemType) -> Iterable[Item]:
    """The account's services of a type that lists show already."""
    world = call.world
    items = world.owned_by(call.client, itemtype).values()
    if not world.hidden and not world.unlisted:
        return items
    return [item for item in items if item.id not in world.hidden and item.id not in world.unlisted]


@function("service", "item")
def combined_list(call: Call) -> Document:
    """The account's services of every type in one list, where the panel has it."""
    if call.world.settings.combined_list == "absent":
        raise PanelError("missed", "func", Param("object", "func"), Param("value", call.func))
    rows = [
        Node("elem", children=[*row_of(call, item).children, Node("itemtype", itemtype.value)])
        for itemtype in ItemType
        for item in _listed(call, itemtype)
    ]
    return list_document(call, rows)


# -- filters


@typed_function("filter")
def service_filter(call: Call) -> Document:
    """Keep a filter of a service list for the user: from now on his lists stay filtered, whatever asks for them."""
    return _keep_filter(call, call.itemtype.value, tuple(_FILTERS))


@function("payment.filter", "expense.filter")
def money_filter(call: Call) -> Document:
    """Keep a filter of a list of money for the user."""
    return _keep_filter(call, call.func.removesuffix(".filter"), _MONEY_FILTERS)


def _keep_filter(call: Call, name: str, known: Sequence[str]) -> Document:
    """With ``out=json`` the form only echoes what was sent and nothing is kept."""
    given = {field: value for field, value in call.params.items() if field in known and value not in _NO_CHOICE}
    if not call.sent or call.format is Format.JSON:
        return Document(Shape.FORM, fields((field, given.get(field, "")) for field in known))
    account = call.client
    account.filters = {**account.filters, name: given}
    call.world.touch(account)
    return done(target=name)


def _stored(call: Call) -> dict[str, str]:
    name = call.itemtype.value if call.typed else call.func
    return call.client.filters.get(name, {}) if call.account else {}


def _one_off(call: Call) -> dict[str, str]:
    if call.params.get("filter") != "on":
        return {}
    return {name: value for name, value in call.params.items() if name in _FILTERS and value}


def _wanted(call: Call) -> dict[str, str]:
    """The fields to filter by; a field that the panel does not know filters nothing."""
    wanted = {**_stored(call), **_one_off(call)}
    if not call.world.settings.remoteid_filter:
        wanted.pop("remoteid", None)
    return {name: value for name, value in wanted.items() if name in _FILTERS}


def _filter_nodes(call: Call) -> list[Node]:
    """The filters in force, named at the list's root."""
    match call.world.settings.filters_shown:
        case "none":
            return []
        case "stored":
            shown: Mapping[str, str] = _stored(call)
        case "every":
            shown = {**_stored(call), **(_one_off(call) if call.typed else {})}
    return [Node("p_filter", f"{_LABELS.get(name, name)} = {value}") for name, value in shown.items()]


def _passes(call: Call, row: Node) -> bool:
    wanted = {} if call.typed else _stored(call)
    return all(child.text == wanted.get(child.tag, child.text) for child in row.children)


# -- order and pages


def _sorting(call: Call) -> tuple[str, bool]:
    column = call.params.get("p_col", "")
    if not column or call.world.settings.sorting == "ignored":
        return "id", call.world.settings.list_order == "newest_first"
    backwards = column.startswith("-")
    name = column.lstrip("+- ")
    return (name if name in _SORT else "id"), backwards


def _page(call: Call) -> tuple[int, int]:
    size = _number(call, "p_cnt", DEFAULT_PAGE)
    cap = call.world.settings.max_page
    return _number(call, "p_num", 1), min(size, cap) if cap else size


def _number(call: Call, name: str, default: int) -> int:
    value = call.text(name)
    if not value:
        return default
    number = whole_number(value)
    if not number:
        raise bad_value(name, value)
    return number


def list_document(call: Call, rows: Sequence[Node], *, total: int | None = None, paged: bool = False) -> Document:
    """A list answer: page, total, filters, rows, and the buttons that the account may press."""
    page, size = _page(call)
    if not paged:
        rows = [row for row in rows if _passes(call, row)]
        total = len(rows)
        rows = rows[(page - 1) * size : page * size]
    nodes = [*tparams(call), Node("p_num", str(page)), Node("p_cnt", str(size)), *_filter_nodes(call)]
    if call.world.settings.total_shown:
        nodes.append(Node("p_elems", str(total)))
    buttons = [Node("toolbtn", attributes={"name": name}) for name in _BUTTONS]
    toolbar = Node("toolbar", children=[Node("toolgrp", attributes={"name": "main"}, children=buttons)])
    metadata = Node("metadata", attributes={"name": call.func, "type": "list"}, children=[toolbar])
    return Document(Shape.LIST, [*nodes, *rows, metadata])


def tparams(call: Call) -> list[Node]:
    """The echo of the request that stands in XML answers, without what is secret."""
    if call.format is not Format.XML:
        return []
    shown = [Node(name, value) for name, value in call.params.items() if name not in _SECRETS and name.isidentifier()]
    return [Node("tparams", children=shown)]
