"""What a list or form shows of a service: its names, status, term and price."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from simulator import money
from simulator.call import Call, whole_number
from simulator.catalogue import DATACENTERS, DAY, period_caption
from simulator.document import Node, Row, fields
from simulator.entities import Item, Operation, Status
from simulator.names import spelled

_WORDS: Final = {
    Status.CANCELLED: ("Cancelled", "Отменён"),
    Status.ORDERED: ("Ordered", "Заказан"),
    Status.ACTIVE: ("Active", "Активен"),
    Status.SUSPENDED: ("Suspended", "Остановлен"),
    Status.DELETED: ("Deleted", "Удалён"),
    Status.PROCESSING: ("Processing", "Обрабатывается"),
}
_OWN_STATUSES: Final = ("service_status", "domainstatus")
NOTHING_SPECIAL, CHANGING, STOPPED_AND_PAID = "0", "1", "2"
"""``special_status``."""


def status_word(status: Status, lang: str) -> str:
    """A status as people read it."""
    return _WORDS[status][lang == "ru"]


def status_message(item: Item) -> str:
    """The key of the finer message: the cause while processing, the reason while suspended."""
    if item.status is Status.SUSPENDED and item.reason is not None:
        return f"item_status_3_{item.reason.value}"
    if item.status is Status.ACTIVE and item.stopped:
        return "item_status_2_stop"
    return f"item_status_{item.cause}" if item.cause else ""


def special_status(item: Item) -> str:
    """Whether a change is under way, or the service stands still though it is billed by the hour."""
    if item.status is Status.PROCESSING:
        return CHANGING
    return STOPPED_AND_PAID if item.stopped and item.billdaily else NOTHING_SPECIAL


def _shown_status(call: Call, item: Item) -> Status:
    """Some panels leave the status alone while a change is under way, and say so in ``special_status`` only."""
    changing = item.status is Status.PROCESSING and item.pending is not None
    by_special = call.world.settings.processing_shown == "special_status"
    if not changing or not by_special or item.pending is None or item.pending.operation is Operation.OPEN:
        return item.status
    return Status.SUSPENDED if item.reason is not None else Status.ACTIVE


def status_nodes(call: Call, item: Item) -> list[Node]:
    """The columns that show the status, in the way the panel is set to."""
    status = _shown_status(call, item)
    code, word = str(status.value), status_word(status, call.lang)
    key = status_message(item) if status is item.status else ""
    rest = [Node("status_msg", key), Node("special_status", special_status(item))]
    match call.world.settings.status_columns:
        case "code":
            return [Node("status", code), Node("item_status", word, {"orig": code}), *rest]
        case "word":
            return [Node("item_status", word, {"orig": code}), *rest]
        case "real":
            return [Node("item_status", word), Node("item_real_status", code), *rest]


def expiry_nodes(call: Call, item: Item) -> list[Node]:
    """The end of the term; of a service that is charged by the day, a phrase and the date apart."""
    day = item.expiredate.isoformat() if item.expiredate else ""
    shown = day
    if item.billdaily:
        shown = "посуточное списание" if call.lang == "ru" else "daily charges"
    nodes = [Node("expiredate", shown)]
    if item.billdaily or call.world.settings.columns == "live":
        nodes += fields([("real_expiredate", day), ("billdaily", "on" if item.billdaily else "off")])
    return nodes


def cost_nodes(call: Call, item: Item) -> list[Node]:
    """The price: live panels show it by the month, and the price of the whole period apart."""
    settings = call.world.settings
    live = settings.columns == "live"
    amount, unit = _by_the_month(item, call.lang) if live else (item.cost, "")
    nodes = [Node("cost", money.text(amount, item.currency, settings.money_style) + unit)]
    if settings.money_iso_columns:
        nodes.append(Node("cost_iso", money.text(amount, item.currency, money.MoneyStyle.PLAIN)))
    if live:
        shown = money.currency_column(item.currency, settings.currency_style)
        nodes += fields([("item_cost", f"{item.cost:.4f}"), ("currency_str", shown)])
    return nodes


def _by_the_month(item: Item, lang: str) -> tuple[Decimal, str]:
    if item.period > 0:
        return item.cost / item.period, f" / {period_caption(1, lang)}"
    return item.cost, f" / {period_caption(DAY, lang)}" if item.period == DAY else ""


def shown_domain(call: Call, item: Item) -> str:
    """The domain name, in the panel's spelling."""
    return spelled(item.domain, call.world.settings.names)


def shown_name(call: Call, item: Item) -> str:
    """The name; where it is the domain name, in the panel's spelling."""
    return shown_domain(call, item) if item.name == item.domain else item.name


def row_of(call: Call, item: Item) -> Row:
    """The list row of a service."""
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
        nodes += [Node("name", shown_name(call, item)), Node("domain", shown_domain(call, item))]
    else:
        nodes.append(Node("name", f"{tariff.name} #{item.id}"))
    nodes += [
        Node("ip", item.ip),
        *(_live_columns(call, item) if settings.columns == "live" else _plain_columns(call, item)),
    ]
    nodes += [
        Node("createdate", item.createdate.date().isoformat()),
        *expiry_nodes(call, item),
        *status_nodes(call, item),
        Node("pricelist", tariff.name),
        Node("pricelist_id", str(tariff.id)),
        *cost_nodes(call, item),
    ]
    nodes += [Node(name, item.details[name]) for name in _OWN_STATUSES if name in item.details]
    if settings.remoteid_in_lists:
        nodes.append(Node("remoteid", item.remoteid))
    return nodes


def _renewal(call: Call, item: Item, word: str) -> list[tuple[str, str]]:
    match call.world.settings.autoprolong_in_lists:
        case "word":
            return [("autoprolong", word)]
        case "empty_when_off":
            return [("autoprolong", word if whole_number(item.autoprolong) else "")]
        case "absent":
            return []


def _plain_columns(call: Call, item: Item) -> list[Node]:
    return fields(
        [
            ("username", item.username),
            ("datacentername", DATACENTERS.get(item.datacenter, "")),
            ("opendate", item.opendate.isoformat() if item.opendate else ""),
            *_renewal(call, item, item.autoprolong),
            ("period", str(item.period)),
        ]
    )


def _live_columns(call: Call, item: Item) -> list[Node]:
    period = whole_number(item.autoprolong)
    none = "Отключено" if call.lang == "ru" else "Disabled"
    nodes = fields(
        [
            ("datacenter", str(item.datacenter or "")),
            ("datacentername", DATACENTERS.get(item.datacenter, "")),
            ("intname", call.world.pricelists[item.pricelist].internal_name),
            *_renewal(call, item, period_caption(period, call.lang) if period else none),
        ]
    )
    if item.type.is_server:
        nodes += fields([("ostempl", item.ostempl), ("ipv6_subnet", f"2001:db8:{item.id & 0xFFFF:x}::/64")])
    if item.type.is_licence:
        nodes += fields(
            [
                ("real_ipchange", "on"),
                ("real_keychange", "on"),
                ("update_expiredate", item.expiredate.isoformat() if item.expiredate else ""),
                ("remoteip", item.ip),
            ]
        )
    return nodes
