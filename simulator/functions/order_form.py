"""What an order form accepts: the checks of single fields and the choices it offers."""

from __future__ import annotations

from typing import Final

from simulator.call import Call, whole_number
from simulator.catalogue import DATACENTERS, RECIPES, Addon, AddonKind, Pricelist, period_caption
from simulator.document import Document, Node, fields, form, slist
from simulator.errors import PanelError, bad_value, limit
from simulator.functions.lists import tparams
from simulator.functions.quoting import order_lines, sentence, summaries
from simulator.texts import addon_page, dictionary

NO_RENEWAL: Final = "null"


def period_field(call: Call) -> str:
    """The new forms call the period ``order_period``."""
    return "order_period" if call.dialect == 6 else "period"


def tariff_of(call: Call) -> Pricelist:
    """The tariff of the wizard; without a valid one there is no wizard."""
    value = call.text("pricelist")
    number = whole_number(value)
    tariff = None if number is None else call.world.pricelists.get(number)
    if tariff is None or tariff.type is not call.itemtype or not tariff.active:
        raise PanelError("wizard_unavailable", "pricelist")
    return tariff


def checked_addon(addon: Addon, value: str) -> str:
    """The value of an add-on."""
    field = f"addon_{addon.id}"
    match addon.kind:
        case AddonKind.BOOL:
            if value not in ("on", "off"):
                raise bad_value(field, value)
        case AddonKind.INT:
            number = whole_number(value)
            if number is None:
                raise bad_value(field, value)
            if not addon.included <= number <= addon.maximum:
                raise limit(field, value)
        case AddonKind.ENUM:
            if value not in addon.values:
                raise bad_value(field, value)
    return value


def checked_autoprolong(tariff: Pricelist, value: str, period: int) -> str:
    """A renewal period, or none. ``on`` means the period that was ordered."""
    match value:
        case "null" | "off" | "":
            return NO_RENEWAL
        case "on":
            return str(period) if period > 0 else NO_RENEWAL
        case _ if whole_number(value) in {length for length in tariff.prices if length > 0}:
            return str(int(value))
        case _:
            raise bad_value("autoprolong", value)


def ordered_autoprolong(call: Call, tariff: Pricelist, period: int) -> str:
    """The renewal that an order asks for: a flag in the new forms, a period or ``null`` in the old ones."""
    settings, value = call.world.settings, call.text("autoprolong")
    if not value:
        return checked_autoprolong(tariff, "on" if settings.default_autoprolong == "period" else "off", period)
    is_flag = value in ("on", "off")
    strict = settings.autoprolong_flag == "strict"
    if strict and is_flag != (call.dialect == 6):
        raise bad_value("autoprolong", value)
    if call.dialect == 6 and not is_flag:
        value = "on"
    return checked_autoprolong(tariff, value, period)


def autoprolong_choices(tariff: Pricelist, lang: str) -> list[tuple[str, str]]:
    """The renewal periods that a form offers."""
    off = "не продлевать" if lang == "ru" else "do not renew"
    return [(NO_RENEWAL, off), *((str(p), period_caption(p, lang)) for p in tariff.prices if p > 0)]


def addon_caption(addon: Addon) -> Node:
    """The choices of an add-on of the enumeration kind."""
    return slist(f"addon_{addon.id}", [(key, f"{key} ({price:.2f})") for key, price in addon.values.items()])


# -- the form


def period_of(call: Call, tariff: Pricelist, *, required: bool) -> int:
    """The period that is ordered."""
    name = period_field(call)
    value = call.text(name)
    if not value and not required:
        return 1 if 1 in tariff.prices else next(iter(tariff.prices))
    for period in tariff.prices:
        if str(period) == value:
            return period
    raise bad_value(name, value)


def datacenter_of(call: Call, tariff: Pricelist, *, required: bool) -> int:
    """The data centre that is ordered; 0 for what has none."""
    if not tariff.datacenters:
        return 0
    value = call.text("datacenter")
    if not value and not required:
        return tariff.datacenters[0]
    number = whole_number(value)
    if number is None or number not in tariff.datacenters or number not in open_datacenters(call):
        raise bad_value("datacenter", value)
    return number


def open_datacenters(call: Call) -> dict[int, str]:
    """The data centres that take orders at the moment."""
    closed = call.world.settings.closed_datacenters
    return {number: name for number, name in DATACENTERS.items() if number not in closed}


def addons_of(call: Call, tariff: Pricelist) -> dict[int, str]:
    """The add-ons that are ordered; those that are not named have their defaults."""
    chosen = {addon.id: addon.default for addon in tariff.addons}
    for name, value in call.params.items():
        number = whole_number(name.removeprefix("addon_"))
        if number is None or not name.startswith("addon_"):
            continue
        addon = tariff.addon(number)
        if addon is not None:
            chosen[addon.id] = checked_addon(addon, value.strip())
        elif call.world.settings.unknown_addon == "refuse":
            raise bad_value(name, value)
    return chosen


def order_quote(call: Call) -> Document:
    """The form as it stands for these values, with what it would cost."""
    tariff = tariff_of(call)
    period = period_of(call, tariff, required=False)
    addons = addons_of(call, tariff)
    total = call.world.price(tariff, period, addons)
    described = f"{tariff.description}; {period_caption(period, call.lang)}"
    values = [
        ("pricelist", str(tariff.id)),
        (period_field(call), str(period)),
        ("datacenter", str(datacenter_of(call, tariff, required=False) or "")),
        ("domain", call.text("domain")),
        ("autoprolong", _shown_renewal(call, period)),
        ("orderinfo", sentence(call, described, total, tariff.currency)),
        *((f"addon_{number}", value) for number, value in addons.items()),
    ]
    new_form = call.dialect == 6
    if new_form:
        values += [("show_btn", "pay_order"), ("lineitem_id", ""), ("item_id", ""), ("autoprolong_unavailable", "off")]
    nodes = [*tparams(call), *fields(values), *_choices(call, tariff)]
    nodes += summaries(call, order_lines(tariff, period, addons), tariff.currency, new_form=new_form)
    pages = [addon_page(tariff)] if tariff.addons else []
    return arrays(call, form(nodes, messages=dictionary(call.lang, tariff), pages=pages))


def _shown_renewal(call: Call, period: int) -> str:
    if call.dialect == 6:
        return "on" if period > 0 else "off"
    return str(period) if period > 0 else NO_RENEWAL


def _choices(call: Call, tariff: Pricelist) -> list[Node]:
    nodes = [slist(period_field(call), [(str(p), period_caption(p, call.lang)) for p in tariff.prices])]
    if call.dialect == 5:
        nodes.append(slist("autoprolong", autoprolong_choices(tariff, call.lang)))
    if tariff.datacenters:
        nodes.append(slist("datacenter", [(str(d), DATACENTERS[d]) for d in tariff.datacenters]))
    if tariff.ostempl:
        nodes.append(slist("ostempl", [(name, name) for name in tariff.ostempl], valuegroup="Linux"))
        nodes.append(slist("recipe", [(name, RECIPES[name]) for name in tariff.recipes], depend=tariff.ostempl[0]))
    return nodes + [addon_caption(addon) for addon in tariff.addons if addon.values]


def arrays(call: Call, document: Document) -> Document:
    """The new forms write choices and tables as arrays in JSON, also where there is one of them."""
    for node in document.nodes:
        if call.dialect == 6 and node.tag in ("slist", "list"):
            node.always_array = True
    return document
