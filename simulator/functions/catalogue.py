"""What may be ordered: tariffs to choose from, the exported price list, the licence address check."""

from __future__ import annotations

from simulator import money
from simulator.call import Call, function, typed_function, whole_number
from simulator.catalogue import DAY, LIFETIME, TRIAL, Addon, AddonKind, Pricelist, period_caption
from simulator.document import Document, Node, Shape, done, fields, form, slist, table
from simulator.entities import Status
from simulator.errors import access, bad_value, exists
from simulator.functions.lists import tparams
from simulator.functions.order_details import checked_ip
from simulator.functions.order_form import arrays, open_datacenters, period_field, tariff_of
from simulator.itemtypes import ItemType
from simulator.money import cents

_PERIODS = (1, 3, 6, 12, 24, 36)


@typed_function("order.pricelist")
def tariff_choice(call: Call) -> Document:
    """The first step of an order: data centres, periods and tariffs."""
    _ = call.client
    settings = call.world.settings
    if settings.price_list_rights == "access":
        raise access(call.func)
    open_centres = open_datacenters(call)
    wanted = call.text("datacenter")
    centre = whole_number(wanted)
    if wanted and centre not in open_centres:
        raise bad_value("datacenter", wanted)
    if centre is None and settings.price_list_centre == "first":
        centre = next(iter(open_centres), None)
    tariffs = [tariff for tariff in call.world.pricelists.values() if _is_shown(call, tariff, centre)]
    centres = slist("datacenter", [(str(number), name) for number, name in open_centres.items()])
    if call.dialect == 6:
        elements = [_v2_tariff(call, tariff) for tariff in tariffs]
        chosen = Node("list", attributes={"name": "pricelist"}, children=elements)
        return arrays(call, form([*tparams(call), Node("datacenter", wanted or "1"), centres, chosen]))
    period = call.text("period") or "1"
    return form(
        [
            *tparams(call),
            Node("datacenter", wanted or "1"),
            Node("period", period),
            centres,
            slist(period_field(call), [(str(p), period_caption(p, call.lang)) for p in _PERIODS]),
            table("tariflist", [_tariff_row(call, tariff, period) for tariff in tariffs]),
        ]
    )


def _is_shown(call: Call, tariff: Pricelist, centre: int | None) -> bool:
    settings = call.world.settings
    if tariff.type is not call.itemtype or not (tariff.active or settings.withdrawn_tariffs == "shown"):
        return False
    chosen = call.text(period_field(call)) or call.text("period") or "1"
    if settings.price_list_period == "chosen" and chosen not in map(str, tariff.prices):
        return False
    there = [number for number in tariff.datacenters if number in open_datacenters(call)]
    return not tariff.datacenters or (bool(there) if centre is None else centre in there)


def _tariff_row(call: Call, tariff: Pricelist, period: str) -> list[tuple[str, str]]:
    price = next(
        (cost for length, cost in tariff.prices.items() if str(length) == period), next(iter(tariff.prices.values()))
    )
    shown = money.text(price, tariff.currency, call.world.settings.money_style)
    return [("pricelist", str(tariff.id)), ("desc", tariff.name), ("price", shown), _available(tariff)]


def _available(tariff: Pricelist) -> tuple[str, str]:
    return "order_available", "on" if tariff.active else "off"


def _v2_tariff(call: Call, tariff: Pricelist) -> Node:
    prices = [
        Node("price", children=fields([("period", str(p)), ("cost", str(cents(c))), ("currency", tariff.currency)]))
        for p, c in tariff.prices.items()
    ]
    details = [Node("detail", children=fields([("name", n), ("value", v)])) for n, v in tariff.resources.items()]
    plain = fields([("id", str(tariff.id)), ("title", tariff.name), ("description", tariff.description)])
    if not tariff.active:
        plain += fields([_available(tariff)])
    return Node("elem", children=[*plain, Node("prices", children=prices), *details])


@function("pricelist.export", anonymous=True)
def pricelist_export(call: Call) -> Document:
    """Every tariff on sale, open to anybody."""
    itemtype, elid, available = call.text("itemtype"), call.text("elid"), call.text("onlyavailable") == "on"
    chosen = [
        tariff
        for tariff in call.world.pricelists.values()
        if tariff.type in call.world.settings.types
        and (not itemtype or tariff.type.value == itemtype)
        and (not elid or str(tariff.id) == elid)
        and (tariff.active or not available)
    ]
    return Document(Shape.RESULT, [_exported(tariff, call.lang) for tariff in chosen])


def _exported(tariff: Pricelist, lang: str) -> Node:
    periods = [
        Node("period", period_caption(period, lang).lower(), {"cost": str(cents(cost)), **_length(period)})
        for period, cost in tariff.prices.items()
    ]
    templates = [Node("itemtypeparamvalue", children=fields([("intname", name)])) for name in tariff.ostempl]
    params = [Node("itemtypeparam", children=[Node("id", "1"), Node("intname", "ostempl"), *templates])]
    return Node(
        "pricelist",
        children=[
            *fields(
                [
                    ("id", str(tariff.id)),
                    ("itemtype", tariff.type.value),
                    ("name", tariff.name),
                    ("name_ru", tariff.name),
                    ("description", tariff.description),
                    ("active", "on" if tariff.active else "off"),
                    ("max_multiple_order_count", str(tariff.max_multiple_order_count)),
                ]
            ),
            Node("price", attributes={"currency": tariff.currency}, children=periods),
            *(_exported_addon(addon) for addon in tariff.addons),
            *(params if templates else []),
        ],
    )


def _length(period: int) -> dict[str, str]:
    if period == TRIAL:
        return {"type": "trial", "length": "14"}
    if period == DAY:
        return {"type": "day", "length": "1"}
    if period == LIFETIME:
        return {"type": "lifetime", "length": "0"}
    return {"type": "month", "length": str(period)}


def _exported_addon(addon: Addon) -> Node:
    nodes = fields(
        [
            ("id", str(addon.id)),
            ("intname", addon.intname),
            ("name", addon.title),
            ("name_ru", addon.title),
            ("addontype", str(addon.kind.value)),
            ("billtype", "2"),
            ("addonmin", str(addon.included)),
        ]
    )
    if addon.kind is AddonKind.ENUM:
        choices = [
            Node("enumerationitem", children=fields([("id", key), ("price", str(cents(price)))]))
            for key, price in addon.values.items()
        ]
        nodes.append(Node("enumeration", children=choices))
    else:
        nodes += fields([("addonmax", str(addon.maximum)), ("unitprice", str(cents(addon.unit_price)))])
    return Node("addon", children=nodes)


@typed_function("checkip")
def check_ip(call: Call) -> Document:
    """Whether a licence may be bound to an address: not while a living one of the same tariff is."""
    account = call.client
    tariff = tariff_of(call)
    address = checked_ip(call.text("ip"))
    for item in call.world.owned_by(account, ItemType.SOFT).values():
        if item.ip == address and item.pricelist == tariff.id and item.status is not Status.DELETED:
            raise exists("ip", address)
    return done()
