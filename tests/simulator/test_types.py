"""Certificates, domains, licences: what is particular about ordering them, and what becomes of them."""

from __future__ import annotations

import pytest

from tests.simulator.running import Simulator

PAID = {"sok": "ok", "skipbasket": "on"}
CERTIFICATE = {
    "pricelist": "410",
    "period": "12",
    "domain": "*.shop.example",
    "approver_email": "admin@shop.example",
    "clicked_button": "quickbasket",
    **PAID,
}
DOMAIN = {
    "pricelist": "510",
    "period": "12",
    "domain": "shop.example",
    "operation": "register",
    "countdomain": "1",
    "clicked_button": "quickbasket",
    **PAID,
}


@pytest.mark.parametrize(
    ("function", "order", "wrong"),
    [
        ("certificate", CERTIFICATE, {"domain": "-"}),
        ("certificate", CERTIFICATE, {"approver_email": "nobody"}),
        ("certificate", CERTIFICATE, {"csr": "please"}),
        ("domain", DOMAIN, {"domain": "-"}),
        ("domain", DOMAIN, {"domain": "shop.test"}),
        ("domain", DOMAIN, {"domain": "www.shop.example"}),
        ("domain", DOMAIN, {"operation": "-"}),
        ("domain", DOMAIN, {"countdomain": "2"}),
    ],
)
def test_a_field_that_is_not_right_is_named(
    sim: Simulator, function: str, order: dict[str, str], wrong: dict[str, str]
) -> None:
    assert sim.error(f"{function}.order.param", order | wrong) == ("value", next(iter(wrong)))
    assert sim.charges() == []


def test_another_button_leads_to_another_step(sim: Simulator) -> None:
    answer = sim.xml("certificate.order.param", CERTIFICATE, clicked_button="finish")
    assert (answer.find("ok"), answer.find("id")) == (None, None)
    assert answer.find("slist") is not None
    assert sim.charges() == []


def test_they_have_one_order_function_and_no_switches(sim: Simulator) -> None:
    assert sim.error("v2.domain.order.param", DOMAIN) == ("missed", "func")
    assert sim.error("certificate.suspend", elid="1") == ("missed", "func")
    assert sim.error("domain.resume", elid="1") == ("missed", "func")


def test_a_certificate_is_active_when_it_is_issued(sim: Simulator) -> None:
    sim.set(certificate_delay=3600)
    number = sim.xml("certificate.order.param", CERTIFICATE).findtext("item.id") or ""
    (row,) = sim.rows("certificate")
    assert (row["domain"], row["status"], row["service_status"]) == ("*.shop.example", "5", "3")
    sim.admin("POST", "/clock", {"advance_seconds": 3601})
    (row,) = sim.rows("certificate")
    assert (row["status"], row["service_status"]) == ("2", "5")
    assert sim.xml("certificate.edit", elid=number).findtext("csr")
    assert sim.xml("service.prolong", elid=number, period="12", sok="ok").findtext("doc/newexpiredate")


def test_a_domain_can_be_had_once(sim: Simulator) -> None:
    number = sim.xml("domain.order.param", DOMAIN, ns0="ns1.shop.example").findtext("item.id") or ""
    assert sim.error("domain.order.param", DOMAIN) == ("exists", "domain")
    form = sim.xml("domain.edit", elid=number)
    assert (form.findtext("ns0"), form.findtext("domainstatus")) == ("ns1.shop.example", "2")
    sim.xml("domain.delete", elid=number, sok="ok")
    assert sim.rows("domain")[0]["domainstatus"] == "0"
    assert sim.xml("domain.order.param", DOMAIN).findtext("item.id")


def test_a_domain_may_want_its_owner(sim: Simulator) -> None:
    sim.set(domain_contacts="needed")
    assert sim.error("domain.order.param", DOMAIN) == ("value", "owner")
    assert sim.xml("domain.order.param", DOMAIN, owner="17").findtext("item.id")


def test_a_new_key_takes_as_long_as_the_first(sim: Simulator) -> None:
    licence = {"pricelist": "3601", "period": "1", "ip": "192.0.2.1", "licname": "L-1"}
    number = sim.xml("softexternal.order.param", licence, **PAID).findtext("id") or ""
    key = sim.xml("softexternal.edit", elid=number).findtext("lickey")
    sim.set(licence_key_delay=3600)
    sim.xml("softexternal.edit", elid=number, clicked_button="newkey", sok="ok")
    assert sim.xml("softexternal.edit", elid=number).findtext("lickey") == ""
    sim.admin("POST", "/clock", {"advance_seconds": 3601})
    assert sim.xml("softexternal.edit", elid=number).findtext("lickey") not in ("", key)
