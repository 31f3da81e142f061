"""Orders that go into the cart: what is answered, what waits there, and what is paid with what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.simulator.running import ORDER, USER, Simulator

NEW, OLD = "v2.vds.order.param", "vds.order.param"
BOTH = {**ORDER, "period": "1"}
FROM_BALANCE = {"clicked_button": "fromsubaccount", "sok": "ok"}


def rows(sim: Simulator) -> list[dict[str, Any]]:
    waiting: list[dict[str, Any]] = sim.admin("GET", f"/accounts/{USER}/cart")["rows"]
    return waiting


@pytest.fixture
def cart_panel(sim: Simulator) -> Simulator:
    """A panel that ignores ``skipbasket``."""
    sim.set(skipbasket="ignored")
    return sim


def test_a_panel_that_ignores_skipbasket_leaves_the_order_unpaid(cart_panel: Simulator) -> None:
    doc = cart_panel.json(NEW, ORDER, remoteid="a-1")
    (row,) = rows(cart_panel)
    assert doc == {"lineitem.id": {"$": str(row["id"])}, "ok": {"$type": "list", "$": "func=cart"}}
    (item,) = cart_panel.rows()
    assert (item["status"], item["remoteid"], item["id"]) == ("1", "a-1", str(row["item"]))
    assert cart_panel.charges() == []
    cart_panel.xml("cartorder.create.confirm", elid=str(row["id"]), paymethod_id="0", sok="ok")
    assert (cart_panel.rows()[0]["status"], rows(cart_panel)) == ("2", [])
    assert [charge["amount"] for charge in cart_panel.charges()] == ["5.00"]


@pytest.mark.parametrize("func", [NEW, OLD])
@pytest.mark.parametrize("knob", ["number", "billorder", "ok", "payment"])
def test_the_answer_may_name_a_row_a_bill_or_nothing(cart_panel: Simulator, func: str, knob: str) -> None:
    cart_panel.set(cart_answer=knob)
    doc = cart_panel.json(func, BOTH)
    (row,) = rows(cart_panel)
    named = {name: value["$"] for name, value in doc.items() if name != "ok"}
    number = {"lineitem.id": str(row["id"])} if func == NEW else {"billorder.id": str(row["bill"])}
    expected = {"number": number, "billorder": {"billorder": str(row["bill"])}}
    assert named == expected.get(knob, {})
    home = "cart" if func == NEW else "basket"
    target = {"number": home, "billorder": "basket", "ok": home, "payment": "payment.add"}[knob]
    assert doc["ok"]["$"] == f"func={target}"
    assert doc["ok"]["$type"] == ("form" if knob in ("ok", "payment") else "list")


def test_the_cart_shows_rows_and_their_sum(cart_panel: Simulator) -> None:
    cart_panel.json(NEW, ORDER, domain="v1.example.test", addon_61="4")
    cart_panel.json(NEW, ORDER, domain="v2.example.test", order_period="12")
    doc = cart_panel.json("cart")
    assert {name: value["$"] for name, value in doc["total"].items()} == {
        "cost": "57.00",
        "currency": "EUR",
        "count": "2",
    }
    (lineitems,) = doc["list"]
    assert lineitems["$name"] == "lineitems"
    first, second = lineitems["elem"]
    assert first["elid"]["$"] == cart_panel.rows()[0]["id"]
    assert first["main"]["name"]["$"] == "VPS-1 v1.example.test"
    assert second["main"]["period"]["$"] == "Year"
    assert first["price"]["price"] == {"cost": {"$": "7.00"}, "currency": {"$": "EUR"}}
    assert first["configuration"]["elem"][0] == {"name": {"$": "RAM, GB"}, "value": {"$": "4"}}
    assert [button["$name"] for button in first["action"]["button"]] == ["delete"]


@pytest.mark.parametrize(("knob", "paid"), [("shared", 2), ("own", 1)])
def test_a_bill_may_cover_everything_that_waits(cart_panel: Simulator, knob: str, paid: int) -> None:
    cart_panel.set(billorder=knob)
    first, second = (cart_panel.json(OLD, BOTH)["billorder.id"]["$"] for _ in range(2))
    assert (first == second) is (knob == "shared")
    cart_panel.xml("payment.add", FROM_BALANCE, billorder=second)
    assert len(cart_panel.charges()) == paid
    assert len(rows(cart_panel)) == 2 - paid


def test_a_new_bill_begins_when_the_old_one_is_paid(cart_panel: Simulator) -> None:
    first = cart_panel.json(OLD, BOTH)["billorder.id"]["$"]
    cart_panel.xml("payment.add", FROM_BALANCE, billorder=first)
    assert cart_panel.json(OLD, BOTH)["billorder.id"]["$"] != first


@pytest.mark.parametrize(("knob", "paid"), [("named", 1), ("whole_cart", 2)])
def test_a_confirmation_may_pay_more_than_it_names(cart_panel: Simulator, knob: str, paid: int) -> None:
    cart_panel.set(confirm_pays=knob)
    _, second = (cart_panel.json(NEW, ORDER)["lineitem.id"]["$"] for _ in range(2))
    cart_panel.xml("cartorder.create.confirm", elid=second, paymethod_id="0", sok="ok")
    assert len(cart_panel.charges()) == paid


def test_too_little_money_leaves_the_whole_bill_unpaid(cart_panel: Simulator) -> None:
    bill = cart_panel.json(OLD, BOTH)["billorder.id"]["$"]
    cart_panel.json(OLD, BOTH, period="36")
    assert cart_panel.error("payment.add", FROM_BALANCE, billorder=bill)[0] == "not_enough_money"
    assert (len(rows(cart_panel)), cart_panel.charges()) == (2, [])


def test_somebody_else_may_put_a_row_into_the_cart(cart_panel: Simulator) -> None:
    ours = cart_panel.json(OLD, BOTH)["billorder.id"]["$"]
    foreign = {"account": USER, "type": "vds", "pricelist": 58, "status": 1, "domain": "foreign.example.test"}
    number = cart_panel.admin("POST", "/items", foreign)["id"]
    row = cart_panel.admin("POST", f"/items/{number}/cart", {"amount": "9.00"})
    assert str(row["billorder"]) == ours
    assert cart_panel.json("basket")["total_sum"]["$"] == "14.00 EUR"


@pytest.mark.parametrize(
    ("knob", "parameters", "done"),
    [
        ("asked", {}, True),
        ("asked", {"clicked_button": "basket"}, False),
        ("without_skipbasket", {}, False),
        ("without_skipbasket", {"skipbasket": "on"}, True),
        ("always", {"skipbasket": "on"}, False),
    ],
)
def test_a_renewal_and_an_addon_may_go_into_the_cart(
    sim: Simulator, knob: str, parameters: dict[str, str], *, done: bool
) -> None:
    elid = str(sim.order())
    sim.set(prolong_cart=knob, addon_cart=knob)
    renewal = sim.xml("service.prolong", parameters, elid=elid, period="1", sok="ok")
    assert (renewal.findtext("doc/newexpiredate") is not None) is done
    changed = sim.xml("vds.edit", parameters, elid=elid, addon_61="4", sok="ok")
    assert len(sim.charges()) == (3 if done else 1)
    if not done:
        bill = renewal.findtext("billorder") or ""
        assert changed.findtext("billorder") == bill
        sim.xml("payment.add", FROM_BALANCE, billorder=bill)
        assert [charge["operation"] for charge in sim.charges()] == ["open", "prolong", "setparam"]


def test_on_a_panel_of_the_new_dialect_a_renewal_becomes_a_row_of_the_new_cart(sim: Simulator) -> None:
    elid = str(sim.order())
    sim.set(dialects=[6], prolong_cart="always")
    answer = sim.xml("service.prolong", elid=elid, period="1", sok="ok")
    assert answer.findtext("lineitem.id") == str(rows(sim)[0]["id"])


@pytest.mark.parametrize(("knob", "waiting"), [("loose", 0), ("payable", 1)])
def test_what_was_refused_for_money_may_stand_in_the_cart(sim: Simulator, knob: str, waiting: int) -> None:
    sim.set(not_enough_money="ordered_row", unpaid_rows=knob)
    sim.admin("PATCH", f"/accounts/{USER}", {"balance": "1.00"})
    assert sim.error(NEW, ORDER, remoteid="a-1")[0] == "not_enough_money"
    assert len(rows(sim)) == waiting
    sim.admin("POST", f"/accounts/{USER}/top-up", {"amount": "50.00"})
    assert sim.rows()[0]["status"] == "1", "nothing pays it automatically"
    if waiting:
        sim.xml("payment.add", FROM_BALANCE, billorder=str(rows(sim)[0]["bill"]))
        assert sim.rows()[0]["status"] == "2"


@pytest.mark.parametrize("knob", ["loose", "payable"])
def test_a_top_up_may_pay_what_waits_by_itself(sim: Simulator, knob: str) -> None:
    sim.set(not_enough_money="ordered_row", unpaid_rows=knob, top_up_pays="unpaid")
    sim.admin("PATCH", f"/accounts/{USER}", {"balance": "0"})
    for mark in ("a-1", "a-2"):
        assert sim.error(NEW, ORDER, remoteid=mark)[0] == "not_enough_money"
    sim.admin("POST", f"/accounts/{USER}/top-up", {"amount": "9.00"})
    assert [row["status"] for row in sim.rows()] == ["2", "1"], "as far as the money goes"
    sim.admin("POST", f"/accounts/{USER}/top-up", {"amount": "9.00"})
    assert [charge["remoteid"] for charge in sim.charges()] == ["a-1", "a-2"]


def test_a_certificate_comes_into_the_new_cart_when_it_is_asked_to(sim: Simulator) -> None:
    order = {
        "pricelist": "410",
        "period": "12",
        "domain": "shop.example.test",
        "approver_email": "admin@shop.example.test",
        "clicked_button": "quickbasket",
        "sok": "ok",
    }
    assert sim.xml("certificate.order.param", order).findtext("billorder.id")
    assert sim.xml("certificate.order.param", order, force_use_new_cart="on").findtext("lineitem.id")


@pytest.mark.parametrize("knob", ["item", "lineitem"])
def test_what_a_row_s_elid_means_is_a_knob(cart_panel: Simulator, knob: str) -> None:
    cart_panel.set(cart_elid=knob)
    cart_panel.json(NEW, ORDER)
    (row,) = rows(cart_panel)
    (shown,) = cart_panel.json("cart")["list"][0]["elem"]
    assert shown["elid"]["$"] == str(row["item"] if knob == "item" else row["id"])


def test_what_waits_in_the_cart_is_still_there_after_a_crash(start: Callable[[], Simulator]) -> None:
    first = start()
    first.set(skipbasket="ignored", opening_delay=0)
    bill = first.json(OLD, BOTH)["billorder.id"]["$"]
    first.kill()
    second = start()
    second.json(OLD, BOTH)
    second.xml("payment.add", FROM_BALANCE, billorder=bill)
    assert len(second.charges()) == 2
