"""The form of one service: reading it and changing it."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Final

from simulator import money
from simulator.call import Call, typed_function, whole_number
from simulator.catalogue import Pricelist
from simulator.document import Document, Node, done, fields, form, slist
from simulator.entities import CartRow, Item, ItemType, Operation, Pending, Status
from simulator.errors import bad_value, exists, missed
from simulator.functions.lists import cost_nodes, expiry_nodes, status_nodes, tparams
from simulator.functions.order_form import (
    addon_caption,
    autoprolong_choices,
    checked_addon,
    checked_autoprolong,
    checked_domain,
    checked_ip,
    name_servers,
)
from simulator.lifecycle import begin, new_key, order_key
from simulator.money import cents

_ADDON: Final = "addon_"


@typed_function("edit")
def edit(call: Call) -> Document:
    """Without ``sok`` the form of a service, with it a change of the fields that were given."""
    item = call.item()
    if call.sent:
        return _change(call, item)
    return form([*tparams(call), Node("elid", str(item.id)), *_form_fields(call, item), *_choices(call, item)])


def _form_fields(call: Call, item: Item) -> list[Node]:
    world = call.world
    tariff = world.pricelists[item.pricelist]
    nodes = fields(
        [
            ("id", str(item.id)),
            ("name", item.name),
            ("title_name", f"{tariff.name} #{item.id}"),
        ]
    )
    match item.type:
        case ItemType.SOFT | ItemType.SOFTEXTERNAL:
            nodes += fields([("licname", item.licname), ("ip", item.ip), ("lickey", item.lickey)])
            nodes += fields([("webdomains", item.addons.get(3889, ""))])
        case ItemType.VDS | ItemType.DEDIC:
            nodes += fields(
                [
                    ("domain", item.domain),
                    ("ip", item.ip),
                    ("username", item.username),
                    ("password", item.password),
                    ("ostempl", item.ostempl),
                    ("recipe", item.recipe),
                ]
            )
        case ItemType.VHOST:
            nodes += fields(
                [
                    ("domain", item.domain),
                    ("ip", item.ip),
                    ("username", item.username),
                    ("userpassword", item.password),
                    ("nameserver1", "ns1.upstream.example"),
                    ("nameserver2", "ns2.upstream.example"),
                ]
            )
        case ItemType.CERTIFICATE | ItemType.DOMAIN:
            nodes += fields([("domain", item.domain), *item.details.items()])
    nodes += [
        Node("datacenter", str(item.datacenter)),
        Node("createdate", item.createdate.date().isoformat()),
        Node("opendate", item.opendate.isoformat() if item.opendate else ""),
        *expiry_nodes(call, item),
        *cost_nodes(call, item),
        Node("pricelist", str(tariff.id)),
        Node("pricelist_name", tariff.name),
        Node("period", str(item.period)),
        *status_nodes(call, item),
        Node("autoprolong", item.autoprolong),
        Node("stored_method", "0"),
        Node("orderinfo", tariff.description + _quote(call, item, tariff)),
    ]
    asked = _asked_addons(call, tariff)
    for number, value in {**item.addons, **asked}.items():
        current = item.addons.get(number, "")
        nodes += fields([(f"{_ADDON}{number}", value), (f"{_ADDON}{number}_current_value", current)])
    nodes += fields([(f"resource_{name}", value) for name, value in (tariff.resources | item.resources).items()])
    if world.settings.remoteid_in_forms:
        nodes.append(Node("remoteid", item.remoteid))
    return nodes


def _asked_addons(call: Call, tariff: Pricelist) -> dict[int, str]:
    """The form may be asked with other add-ons than the service has: it shows them, and what they would cost."""
    shown = call.world.settings.change_quote == "shown" and not call.sent
    return _checked_addons(call, tariff) if shown else {}


def _quote(call: Call, item: Item, tariff: Pricelist) -> str:
    asked = _asked_addons(call, tariff)
    if not asked:
        return ""
    extra = max(_extra_cost(item, tariff, asked), Decimal(0))
    word = "Итого" if call.lang == "ru" else "Total"
    return f". {word}: {money.text(extra, item.currency, call.world.settings.money_style)}"


def _choices(call: Call, item: Item) -> list[Node]:
    tariff = call.world.pricelists[item.pricelist]
    nodes = [slist("autoprolong", autoprolong_choices(tariff, call.lang))]
    if tariff.ostempl:
        nodes.append(slist("ostempl", [(name, name) for name in tariff.ostempl], valuegroup="Linux"))
    nodes += [addon_caption(addon) for addon in tariff.addons if addon.values]
    return nodes


def _change(call: Call, item: Item) -> Document:
    if item.status is Status.DELETED:
        raise missed(call.itemtype.value, call.text("elid"))
    world = call.world
    tariff = world.pricelists[item.pricelist]
    if call.text("clicked_button") == "newkey":
        return _new_licence_key(call, item)
    new = _checked_fields(call, item, tariff)
    addons = _checked_addons(call, tariff)
    extra = _extra_cost(item, tariff, addons)
    to_cart = call.text("clicked_button") == "basket" or world.settings.skipbasket == "ignored"
    if extra > 0 and to_cart:
        return _into_cart(call, item, addons, extra)
    if extra > 0:
        world.require_money(call.client, extra, item.currency)
        world.charge(item, Operation.SETPARAM, extra, f"Change of {item.label}")
    if "ostempl" in new and new["ostempl"] != item.ostempl:
        item.password = secrets.token_urlsafe(9)
    for name, value in new.items():
        setattr(item, name, value)
    if addons:
        begin(world, item, Pending(operation=Operation.SETPARAM, addons=addons))
    world.record(item, f"{item.type.value}.edit", call.client.name)
    world.touch(item)
    return done(Node("elid", str(item.id)))


def _new_licence_key(call: Call, item: Item) -> Document:
    if not item.type.is_licence:
        raise bad_value("clicked_button", "newkey")
    if call.world.settings.licence_key_delay:
        order_key(call.world, item, call.world.clock.now())
    else:
        item.lickey = new_key(item)
    call.world.touch(item)
    return done(Node("elid", str(item.id)))


def _checked_fields(call: Call, item: Item, tariff: Pricelist) -> dict[str, str]:
    """The plain fields that were given, each checked; fields that the form does not have are ignored."""
    new: dict[str, str] = {}
    params = call.params
    if "remoteid" in params:
        new["remoteid"] = checked_remoteid(call, call.text("remoteid"), item)
    if "name" in params:
        new["name"] = call.text("name")
    if "autoprolong" in params:
        new["autoprolong"] = checked_autoprolong(tariff, call.text("autoprolong"), item.period)
    match item.type:
        case ItemType.SOFT | ItemType.SOFTEXTERNAL:
            if "licname" in params:
                new["licname"] = new["name"] = call.text("licname")
            if "ip" in params:
                new["ip"] = checked_ip(call.text("ip"))
        case ItemType.VDS | ItemType.DEDIC | ItemType.VHOST:
            if call.text("domain"):
                new["domain"] = checked_domain(call.text("domain"))
            if call.text("ostempl"):
                if call.text("ostempl") not in tariff.ostempl:
                    raise bad_value("ostempl", call.text("ostempl"))
                new["ostempl"] = call.text("ostempl")
        case ItemType.CERTIFICATE:
            pass
        case ItemType.DOMAIN:
            item.details |= name_servers(call)
    return new


def checked_remoteid(call: Call, value: str, item: Item | None = None) -> str:
    """A mark of the reseller; refused as a duplicate where the panel is set so."""
    if len(value) > 255 or not value.isprintable():
        raise bad_value("remoteid", value)
    if value and call.world.settings.remoteid_unique:
        others = call.world.items.values()
        taken = any(o.remoteid == value and o.account == call.client.id and o is not item for o in others)
        if taken:
            raise exists("remoteid", value)
    return value


def _checked_addons(call: Call, tariff: Pricelist) -> dict[int, str]:
    chosen: dict[int, str] = {}
    for name, value in call.params.items():
        number = whole_number(name.removeprefix(_ADDON))
        if name.startswith(_ADDON) and number is not None:
            addon = tariff.addon(number)
            if addon is None:
                raise bad_value(name, value)
            chosen[number] = checked_addon(addon, value)
    return chosen


def _extra_cost(item: Item, tariff: Pricelist, addons: dict[int, str]) -> Decimal:
    before, after = tariff.price(item.period, item.addons), tariff.price(item.period, {**item.addons, **addons})
    return cents(after - before)


def _into_cart(call: Call, item: Item, addons: dict[int, str], extra: Decimal) -> Document:
    row = CartRow(
        id=call.world.new_id(),
        account=call.client.id,
        item=item.id,
        operation=Operation.SETPARAM,
        amount=extra,
        currency=item.currency,
        period=item.period,
        created=call.world.clock.now(),
        addons=addons,
    )
    call.world.touch(row)
    return done(Node("billorder", str(row.id)), target="basket")
