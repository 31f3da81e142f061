"""What only domains have: their name servers, and an order as a wizard of four steps (name, contacts, name servers,
payment).

Each step but the last only leads to the next one; a browser sends all fields that it has gathered with every step.
"""

from __future__ import annotations

from typing import Final

from simulator.call import Call, typed_function
from simulator.catalogue import Pricelist
from simulator.document import Document, Node, done, fields, form, leads_to
from simulator.errors import bad_value
from simulator.functions.lists import tparams
from simulator.functions.order_details import name_servers
from simulator.functions.order_form import tariff_of
from simulator.functions.ordering import QUICK, order

OF_DOMAINS: Final = ("ns", "order.name", "order.contact", "order.ns", "order.payment")
"""Functions that only domains have."""
_CONTACT_FIELDS: Final = ("email", "firstname", "lastname", "phone")
_CONTACTS: Final = ("owner", "admin", "tech", "bill")


@typed_function("order.name")
def name_step(call: Call) -> Document:
    """Which names are to be had."""
    tariff = tariff_of(call)
    name = call.text("domain_name")
    shown = [("domain_name", name), ("select_domain_0", call.text("select_domain_0") or "off")]
    return _step(call, tariff, "order.contact", [*shown, ("autoprolong_0", "off"), ("licence_agreement_0", "off")])


@typed_function("order.contact")
def contact_step(call: Call) -> Document:
    """Who it belongs to: no profile is needed beforehand."""
    names = [f"{contact}_{field}" for contact in _CONTACTS for field in _CONTACT_FIELDS]
    tariff = tariff_of(call)
    if call.sent and not call.text("owner_email"):
        raise bad_value("owner_email", "")
    return _step(call, tariff, "order.ns", [(name, call.text(name)) for name in names])


@typed_function("order.ns")
def name_server_step(call: Call) -> Document:
    """Which name servers it gets."""
    names = ("ns0", "ns1", "ns2", "ns3", "ns_additional")
    return _step(call, tariff_of(call), "order.payment", [(name, call.text(name)) for name in names])


@typed_function("order.payment")
def payment_step(call: Call) -> Document:
    """What it costs; sent, the order itself."""
    owner = call.text("owner") or call.text("owner_email")
    given = {"domain": call.text("domain_name"), "operation": "register", "countdomain": "1", "owner": owner}
    call.params |= {**given, "clicked_button": QUICK}
    if call.text("autoprolong_0") in ("on", "off"):
        call.params["autoprolong"] = call.text("period") if call.text("autoprolong_0") == "on" else "null"
    return order(call)


@typed_function("ns")
def domain_name_servers(call: Call) -> Document:
    """The name servers of a domain: read, or with ``sok`` changed."""
    item = call.item()
    if not call.sent:
        names = ("ns0", "ns1", "ns2", "ns3", "ns_additional")
        return form([*tparams(call), Node("elid", str(item.id)), *fields((n, item.details.get(n, "")) for n in names)])
    item.details |= name_servers(call)
    call.world.record(item, call.func, call.client.name)
    call.world.touch(item)
    return done(Node("elid", str(item.id)))


def _step(call: Call, tariff: Pricelist, following: str, values: list[tuple[str, str]]) -> Document:
    if call.sent:
        return leads_to(f"{call.itemtype.value}.{following}")
    return form([*tparams(call), Node("pricelist", str(tariff.id)), *fields(values)])
