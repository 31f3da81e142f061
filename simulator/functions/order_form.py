"""What an order form accepts: the checks of single fields and the choices it offers."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from simulator.call import Call, whole_number
from simulator.catalogue import Addon, AddonKind, Pricelist, period_caption
from simulator.document import Node, slist
from simulator.errors import PanelError, bad_value, limit

_DOMAIN: Final = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
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


def checked_domain(value: str) -> str:
    """A host or domain name, lower case, in ASCII."""
    name = value.lower().rstrip(".")
    if not _DOMAIN.fullmatch(name):
        raise bad_value("domain", value)
    return name


def checked_ip(value: str) -> str:
    """An IPv4 or IPv6 address."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise bad_value("ip", value) from None


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


def autoprolong_choices(tariff: Pricelist, lang: str) -> list[tuple[str, str]]:
    """The renewal periods that a form offers."""
    off = "не продлевать" if lang == "ru" else "do not renew"
    return [(NO_RENEWAL, off), *((str(p), period_caption(p, lang)) for p in tariff.prices if p > 0)]


def addon_caption(addon: Addon) -> Node:
    """The choices of an add-on of the enumeration kind."""
    return slist(f"addon_{addon.id}", [(key, f"{key} ({price:.2f})") for key, price in addon.values.items()])
