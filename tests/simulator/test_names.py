"""Names and marks come back spelled in other ways than they were sent."""

from __future__ import annotations

import pytest

from tests.simulator.running import ORDER, Simulator

UNICODE, PUNYCODE = "сервер.example.test", "xn--b1afb6bcb.example.test"


@pytest.mark.parametrize(
    ("knob", "sent", "shown"),
    [
        ("as_sent", UNICODE, UNICODE),
        ("as_sent", PUNYCODE, PUNYCODE),
        ("unicode", PUNYCODE, UNICODE),
        ("punycode", UNICODE, PUNYCODE),
        ("upper", "v1.example.test", "V1.EXAMPLE.TEST"),
        ("trailing_dot", "v1.example.test", "v1.example.test."),
        ("without_www", "www.example.test", "example.test"),
    ],
)
def test_lists_and_forms_spell_names_in_the_panel_s_way(sim: Simulator, knob: str, sent: str, shown: str) -> None:
    sim.set(names=knob)
    number = str(sim.order(domain=sent))
    (row,) = sim.rows()
    assert (row["domain"], row["name"]) == (shown, shown)
    form = sim.xml("vds.edit", elid=number)
    assert (form.findtext("domain"), form.findtext("name")) == (shown, shown)


def test_a_name_of_the_staff_s_own_is_not_respelled(sim: Simulator) -> None:
    sim.set(names="upper")
    number = sim.order(domain="v1.example.test")
    sim.admin("PATCH", f"/items/{number}", {"name": "the shop"})
    assert sim.rows()[0]["name"] == "the shop"


def test_a_domain_is_taken_in_either_spelling(sim: Simulator) -> None:
    order = {"pricelist": "510", "period": "12", "operation": "register", "countdomain": "1"}
    order |= {"clicked_button": "quickbasket", "skipbasket": "on", "sok": "ok"}
    assert sim.xml("domain.order.param", order, domain="сервер.example").findtext("item.id")
    assert sim.error("domain.order.param", order, domain="xn--b1afb6bcb.example") == ("exists", "domain")


def test_a_mark_may_be_cut_short(sim: Simulator) -> None:
    sim.set(remoteid_length=8)
    number = str(sim.order(remoteid="svc-0190-long"))
    assert (sim.rows()[0]["remoteid"], sim.charges()[0]["remoteid"]) == ("svc-0190", "svc-0190")
    sim.xml("vds.edit", elid=number, remoteid="svc-0191-long", sok="ok")
    assert sim.xml("vds.edit", elid=number).findtext("remoteid") == "svc-0191"
    sim.set(remoteid_unique=True)
    assert sim.error("v2.vds.order.param", ORDER, remoteid="svc-0191-other") == ("exists", "remoteid")


def test_staff_may_leave_a_second_service_with_the_same_mark(sim: Simulator) -> None:
    number = sim.order(remoteid="a-1", domain="v1.example.test")
    twin = sim.admin("POST", f"/items/{number}/clone", {"charge": True})
    assert [(row["id"], row["remoteid"], row["domain"]) for row in sim.rows()] == [
        (str(number), "a-1", "v1.example.test"),
        (str(twin["id"]), "a-1", "v1.example.test"),
    ]
    assert len(sim.charges(remoteid="a-1")) == 2
    sim.admin("POST", f"/items/{number}/clone", {"remoteid": "", "domain": "v2.example.test"})
    assert sim.rows()[2]["remoteid"] == ""
    assert len(sim.charges()) == 2
