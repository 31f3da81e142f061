"""Product types beyond the common ones, licences in the new form, and the wizard of domains."""

from __future__ import annotations

import pytest

from tests.simulator.running import ORDER, Simulator

LICENCE = {"pricelist": "3541", "period": "1", "ip": "192.0.2.1", "licname": "L-1", "skipbasket": "on", "sok": "ok"}
WIZARD = {"pricelist": "510", "period": "12", "domain_name": "shop.example", "select_domain_0": "on", "sok": "ok"}


@pytest.mark.parametrize(("itemtype", "tariff"), [("instances", "70"), ("not-install", "80")])
def test_a_hoster_s_own_types_are_ordered_listed_and_read_like_servers(
    sim: Simulator, itemtype: str, tariff: str
) -> None:
    order = {**ORDER, "pricelist": tariff, "autoprolong": "off", "remoteid": "a-1"}
    assert sim.error(f"v2.{itemtype}.order.param", order) == ("missed", "func"), (
        "a panel has them only if it is told to"
    )
    sim.set(types=[itemtype])
    number = sim.xml(f"v2.{itemtype}.order.param", order).findtext("item.id") or ""
    (row,) = sim.rows(itemtype)
    assert (row["id"], row["remoteid"], row["status"]) == (number, "a-1", "2")
    assert sim.xml(f"{itemtype}.edit", elid=number).findtext("username") == "root"
    assert sim.error("vds") == ("missed", "func")


def test_a_licence_may_be_ordered_in_the_new_form(sim: Simulator) -> None:
    order = {**LICENCE, "order_period": "1", "autoprolong": "off"}
    assert sim.xml("v2.soft.order.param", order).findtext("item.id")
    assert sim.xml("soft.order.param", LICENCE).findtext("id")
    sim.set(dialects=[5])
    assert sim.error("v2.soft.order.param", order) == ("missed", "func")


def test_a_module_belongs_to_a_licence(sim: Simulator) -> None:
    sim.set(types=["soft", "addition"])
    licence = sim.xml("soft.order.param", LICENCE).findtext("id") or ""
    module = {"pricelist": "3701", "period": "1", "skipbasket": "on", "sok": "ok"}
    assert sim.error("addition.order.param", module) == ("value", "item")
    number = sim.xml("addition.order.param", module, item=licence).findtext("id") or ""
    assert sim.xml("addition.edit", elid=number).findtext("item") == licence
    assert sim.error("v2.addition.order.param", module, item=licence) == ("missed", "func")


@pytest.mark.parametrize(("renewal", "message"), [("1", ""), ("null", "item_status_service_nosuitable")])
def test_some_external_products_are_connected_only_if_they_are_renewed_as_ordered(
    sim: Simulator, renewal: str, message: str
) -> None:
    sim.set(external_renewal="as_ordered")
    sim.xml("softexternal.order.param", LICENCE, pricelist="3601", autoprolong=renewal)
    assert sim.rows("softexternal")[0]["status_msg"] == message


def test_a_domain_is_ordered_in_four_steps(sim: Simulator) -> None:
    for step, following in (("name", "contact"), ("contact", "ns"), ("ns", "payment")):
        shown = sim.xml(f"domain.order.{step}", {**WIZARD, "sok": "-"})
        assert shown.find("ok") is None
        ok = sim.xml(f"domain.order.{step}", WIZARD, owner_email="owner@shop.example").find("ok")
        assert ok is not None
        assert (ok.attrib["type"], ok.text) == ("form", f"func=domain.order.{following}")
    assert sim.charges() == []
    final = {"owner_email": "owner@shop.example", "autoprolong_0": "off", "ns0": "ns1.shop.example", "skipbasket": "on"}
    number = sim.xml("domain.order.payment", WIZARD, **final).findtext("item.id") or ""
    form = sim.xml("domain.edit", elid=number)
    assert (form.findtext("domain"), form.findtext("ns0")) == ("shop.example", "ns1.shop.example")
    assert form.findtext("service_profile_owner") == "owner@shop.example"
    assert form.findtext("autoprolong") == "null"


def test_a_domain_s_contact_needs_an_address_and_its_name_servers_can_be_changed(sim: Simulator) -> None:
    assert sim.error("domain.order.contact", WIZARD) == ("value", "owner_email")
    assert sim.error("vds.order.contact", WIZARD) == ("missed", "func")
    number = sim.xml("domain.order.payment", WIZARD, owner_email="o@shop.example", skipbasket="on").findtext("item.id")
    sim.xml("domain.ns", elid=number or "", ns0="ns9.shop.example", sok="ok")
    assert sim.xml("domain.ns", elid=number or "").findtext("ns0") == "ns9.shop.example"
