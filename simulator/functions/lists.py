"""Lists: paging, sorting, filters, and the row of a service."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from simulator import money
from simulator.call import Call, function, typed_function, whole_number
from simulator.catalogue import DATACENTERS
from simulator.document import Document, Format, Node, Row, Shape, done
from simulator.entities import Item, ItemType, Status
from simulator.errors import PanelError, Param, bad_value

DEFAULT_PAGE: Final = 50
_SECRETS: Final = frozenset({"authinfo", "auth", "password", "key", "passwd", "confirm"})

_WORDS: Final = {
    Status.ORDERED: ("Ordered", "Заказан"),
    Status.ACTIVE: ("Active", "Активен"),
    Status.SUSPENDED: ("Suspended", "Остановлен"),
    Status.DELETED: ("Deleted", "Удалён"),
    Status.PROCESSING: ("Processing", "Обрабатывается"),
}

_OWN_STATUSES: Final = ("service_status", "domainstatus")
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


def status_word(status: Status, lang: str) -> str:
    """A status as people read it."""
    return _WORDS[status][lang == "ru"]


def status_message(item: Item) -> str:
    """The key of the finer message: the cause while processing, the reason while suspended."""
    if item.status is Status.SUSPENDED and item.reason is not None:
        return f"item_status_3_{item.reason.value}"
    return f"item_status_{item.cause}" if item.cause else ""


def status_nodes(call: Call, item: Item) -> list[Node]:
    """The columns that tell the status, in the way the panel is set to."""
    code, word = str(item.status.value), status_word(item.status, call.lang)
    message = Node("status_msg", status_message(item))
    match call.world.settings.status_columns:
        case "code":
            return [Node("status", code), Node("item_status", word, {"orig": code}), message]
        case "word":
            return [Node("item_status", word, {"orig": code}), message]
        case "real":
            return [Node("item_status", word), Node("item_real_status", code), message]


def expiry_nodes(call: Call, item: Item) -> list[Node]:
    """The end of the term; of a service that is charged by the day, a phrase and the date apart."""
    day = item.expiredate.isoformat() if item.expiredate else ""
    if not item.billdaily:
        return [Node("expiredate", day)]
    phrase = "посуточное списание" if call.lang == "ru" else "daily charges"
    return [Node("expiredate", phrase), Node("real_expiredate", day), Node("billdaily", "on")]


def cost_nodes(call: Call, item: Item) -> list[Node]:
    """The price of a period."""
    nodes = [Node("cost", money.text(item.cost, item.currency, call.world.settings.money_style))]
    if call.world.settings.money_iso_columns:
        nodes.append(Node("cost_iso", money.text(item.cost, item.currency, money.MoneyStyle.PLAIN)))
    return nodes


def _row(call: Call, item: Item) -> Row:
    by_lang = call.world.row_cache.setdefault(item.id, {})
    row = by_lang.get(call.lang)
    if row is None:
        row = by_lang[call.lang] = Row("elem", children=_columns(call, item))
    return row


def _columns(call: Call, item: Item) -> list[Node]:
    settings = call.world.settings
    tariff = call.world.pricelists[item.pricelist]
    nodes = [Node("id", str(item.id))]
    if item.type.is_licence:
        nodes += [Node("name", item.name), Node("licname", item.licname)]
    elif settings.domain_in_lists:
        nodes += [Node("name", item.name), Node("domain", item.domain)]
    else:
        nodes.append(Node("name", f"{tariff.name} #{item.id}"))
    nodes += [
        Node("ip", item.ip),
        Node("username", item.username),
        Node("datacentername", DATACENTERS.get(item.datacenter, "")),
        Node("createdate", item.createdate.date().isoformat()),
        Node("opendate", item.opendate.isoformat() if item.opendate else ""),
        *expiry_nodes(call, item),
        Node("autoprolong", item.autoprolong),
        *status_nodes(call, item),
        Node("pricelist", tariff.name),
        Node("pricelist_id", str(tariff.id)),
        Node("period", str(item.period)),
        *cost_nodes(call, item),
    ]
    nodes += [Node(name, item.details[name]) for name in _OWN_STATUSES if name in item.details]
    if settings.remoteid_in_lists:
        nodes.append(Node("remoteid", item.remoteid))
    return nodes


@typed_function("")
def service_list(call: Call) -> Document:
    """The account's services of one type."""
    world = call.world
    items: Iterable[Item] = world.owned_by(call.client, call.itemtype).values()
    if world.hidden:
        items = [item for item in items if item.id not in world.hidden]
    for name, value in _wanted(call).items():
        items = [item for item in items if _FILTERS[name](item) == value]
    column, backwards = _sorting(call)
    chosen = list(items)
    if column != "id" or backwards:
        chosen.sort(key=_SORT[column], reverse=backwards)
    page, size = _page(call)
    shown = chosen[(page - 1) * size : page * size]
    return list_document(call, [_row(call, item) for item in shown], total=len(chosen), paged=True)


@function("service", "item")
def combined_list(call: Call) -> Document:
    """The account's services of every type in one list, where the panel has it."""
    world = call.world
    if world.settings.combined_list == "absent":
        raise PanelError("missed", "func", Param("object", "func"), Param("value", call.func))
    rows = []
    for itemtype in ItemType:
        for item in world.owned_by(call.client, itemtype).values():
            if item.id not in world.hidden:
                rows.append(Node("elem", children=[*_row(call, item).children, Node("itemtype", itemtype.value)]))
    return list_document(call, rows)


@typed_function("filter")
def stored_filter(call: Call) -> Document:
    """Keep a filter: from now on the plain list stays filtered, for this session or one-off user."""
    _ = call.client
    if not call.sent:
        return Document(Shape.FORM, [Node(name, "") for name in _FILTERS])
    call.session_filters[call.itemtype.value] = {
        name: value for name, value in call.params.items() if name in _FILTERS and value
    }
    return done(target=call.itemtype.value)


def _wanted(call: Call) -> dict[str, str]:
    """The fields to filter by; a field that the panel does not know filters nothing."""
    wanted = dict(call.session_filters.get(call.itemtype.value, {}))
    if call.params.get("filter") == "on":
        wanted |= {name: value for name, value in call.params.items() if name in _FILTERS and value}
    if not call.world.settings.remoteid_filter:
        wanted.pop("remoteid", None)
    return wanted


def _sorting(call: Call) -> tuple[str, bool]:
    column = call.params.get("p_col", "")
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


def list_document(
    call: Call, rows: list[Node] | list[Row], *, total: int | None = None, paged: bool = False
) -> Document:
    """A list answer: page, total, rows, and the buttons that the account may press."""
    if not paged:
        total = len(rows)
        page, size = _page(call)
        rows = rows[(page - 1) * size : page * size]
    page, size = _page(call)
    nodes = [*tparams(call), Node("p_num", str(page)), Node("p_cnt", str(size))]
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
