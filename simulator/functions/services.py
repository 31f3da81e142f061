"""The form of one service: reading it and changing it."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Final

from simulator.call import Call, typed_function, whole_number
from simulator.cart import put
from simulator.catalogue import Pricelist
from simulator.document import Document, Node, Shape, done, fields, form, slist
from simulator.entities import Item, Operation, Pending, Status
from simulator.errors import bad_value, exists, missed
from simulator.functions.cart import cart_answer
from simulator.functions.columns import cost_nodes, expiry_nodes, shown_domain, shown_name, status_nodes
from simulator.functions.lists import tparams
from simulator.functions.order_details import checked_domain, checked_ip, name_servers
from simulator.functions.order_form import addon_caption, autoprolong_choices, checked_addon, checked_autoprolong
from simulator.functions.quoting import sentence
from simulator.itemtypes import Family
from simulator.knobs import IntoCart
from simulator.lifecycle import begin, new_key, order_key
from simulator.texts import addon_page, dictionary

_ADDON: Final = "addon_"


@typed_function("edit")
def edit(call: Call) -> Document:
    """Without ``sok`` the form of a service, with it a change of the fields that were given."""
    item = call.item()
    if call.sent:
        return _change(call, item)
    tariff = call.world.pricelists[item.pricelist]
    nodes = [*tparams(call), Node("elid", str(item.id)), *_form_fields(call, item), *_choices(call, item)]
    return form(nodes, messages=dictionary(call.lang, tariff), pages=[addon_page(tariff)] if tariff.addons else [])


def _form_fields(call: Call, item: Item) -> list[Node]:
    world = call.world
    tariff = world.pricelists[item.pricelist]
    title = f"{tariff.name} #{item.id}"
    nodes = fields([("id", str(item.id)), ("name", shown_name(call, item)), ("title_name", title)])
    nodes += fields(_own_fields(call, item))
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
    if item.type.is_server:
        nodes.append(Node("reboot", "on"))
    asked = _asked_addons(call, tariff)
    for number, value in {**item.addons, **asked}.items():
        current = item.addons.get(number, "")
        nodes += fields([(f"{_ADDON}{number}", value), (f"{_ADDON}{number}_current_value", current)])
    nodes += fields([(f"resource_{name}", value) for name, value in (tariff.resources | item.resources).items()])
    if world.settings.remoteid_in_forms:
        nodes.append(Node("remoteid", item.remoteid))
    return nodes


def _own_fields(call: Call, item: Item) -> list[tuple[str, str]]:
    """What only services of this type have."""
    domain = shown_domain(call, item)
    match item.type.family:
        case Family.LICENCE:
            own = [("licname", item.licname), ("ip", item.ip), ("lickey", item.lickey)]
            return [*own, ("webdomains", item.addons.get(3889, "")), *item.details.items()]
        case Family.SERVER:
            access = [("username", item.username), ("password", item.password)]
            return [
                ("domain", domain),
                ("ip", item.ip),
                *access,
                ("ostempl", item.ostempl),
                ("recipe", item.recipe),
            ]
        case Family.HOSTING:
            access = [("username", item.username), ("userpassword", item.password)]
            servers = [("nameserver1", "ns1.upstream.example"), ("nameserver2", "ns2.upstream.example")]
            return [("domain", domain), ("ip", item.ip), *access, *servers]
        case Family.CERTIFICATE:
            return [("domain", domain), *item.details.items()]
        case Family.DOMAIN:
            owner = ("service_profile_owner", item.details.get("owner", ""))
            return [("domain", domain), *item.details.items(), owner]


def _asked_addons(call: Call, tariff: Pricelist) -> dict[int, str]:
    """The form may be asked with other add-ons than the service has: it shows them, and what they would cost."""
    shown = call.world.settings.change_quote == "shown" and not call.sent
    return _checked_addons(call, tariff) if shown else {}


def _quote(call: Call, item: Item, tariff: Pricelist) -> str:
    asked = _asked_addons(call, tariff)
    if not asked:
        return ""
    return sentence(call, "", max(_extra_cost(call, item, tariff, asked), Decimal(0)), item.currency)


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
    extra = _extra_cost(call, item, tariff, addons)
    if extra > 0 and goes_into_cart(call, world.settings.addon_cart):
        return cart_answer(call, [put(world, item, Operation.SETPARAM, extra, item.period, addons)])
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
    """A fresh key: it stands in the answer, where the panel does so and the key is there already."""
    if not item.type.is_licence:
        raise bad_value("clicked_button", "newkey")
    call.world.touch(item)
    plain = done(Node("elid", str(item.id)))
    if call.world.settings.licence_key_delay:
        order_key(call.world, item, call.world.clock.now())
        call.world.touch(item)
        return plain
    item.lickey = new_key(item)
    match call.world.settings.newkey_answer:
        case "lickey":
            return Document(Shape.RESULT, [Node("lickey", item.lickey)])
        case "lickey_and_ok":
            return done(Node("lickey", item.lickey))
        case "ok":
            return plain


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
    match item.type.family:
        case Family.LICENCE:
            if "licname" in params:
                new["licname"] = new["name"] = call.text("licname")
            if "ip" in params:
                new["ip"] = checked_ip(call.text("ip"))
        case Family.SERVER | Family.HOSTING:
            if call.text("domain"):
                new["domain"] = checked_domain(call.text("domain"))
            if call.text("ostempl"):
                if call.text("ostempl") not in tariff.ostempl:
                    raise bad_value("ostempl", call.text("ostempl"))
                new["ostempl"] = call.text("ostempl")
        case Family.CERTIFICATE:
            pass
        case Family.DOMAIN:
            item.details |= name_servers(call)
    return new


def checked_remoteid(call: Call, value: str, item: Item | None = None) -> str:
    """A mark of the reseller: cut short or refused as a duplicate where the panel is set so."""
    if len(value) > 255 or not value.isprintable():
        raise bad_value("remoteid", value)
    value = value[: call.world.settings.remoteid_length]
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


def _extra_cost(call: Call, item: Item, tariff: Pricelist, addons: dict[int, str]) -> Decimal:
    before, after = tariff.price(item.period, item.addons), tariff.price(item.period, {**item.addons, **addons})
    return call.world.discounted(after - before)


def goes_into_cart(call: Call, rule: IntoCart) -> bool:
    """Whether a paid change of a living service goes into the cart instead of being done at once."""
    if call.text("clicked_button") == "basket" or rule is IntoCart.ALWAYS:
        return True
    return rule is IntoCart.WITHOUT_SKIPBASKET and call.text("skipbasket") != "on"
