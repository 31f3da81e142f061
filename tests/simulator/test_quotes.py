"""What an order form says that an order would cost: in each way that panels have, and always what is charged."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.simulator.running import ORDER, USER, Simulator

NEW, OLD = "v2.vds.order.param", "vds.order.param"
FORM = {"pricelist": "58", "order_period": "1", "period": "1", "datacenter": "1", "addon_61": "4"}


def tables(sim: Simulator, func: str) -> dict[str, Any]:
    doc = sim.json(func, FORM)
    return {entry["$name"]: entry for entry in doc.get("list", [])}


def test_sums_of_the_new_form_are_nodes_within_nodes(sim: Simulator) -> None:
    total = tables(sim, NEW)["total_summary"]["elem"]
    assert total["label"] == {"$weight": "bold", "$": "Total"}
    assert {name: value["$"] for name, value in total["cost"]["price"].items()} == {
        "cost": "7.00",
        "currency": "EUR",
        "discount": "0.00",
        "discountPercent": "0",
        "noDiscountCost": "7.00",
        "sign": "€",
    }
    rows = tables(sim, NEW)["pricelist_summary"]["elem"]
    assert [row["cost"]["price"]["cost"]["$"] for row in rows] == ["5.00", "2.00"]


def test_sums_of_the_old_form_are_flat(sim: Simulator) -> None:
    assert tables(sim, OLD)["total_summary"]["elem"]["cost"] == {"$": "7.00 EUR"}


def test_they_may_be_flat_in_the_new_form_too(sim: Simulator) -> None:
    sim.set(quote="flat")
    assert tables(sim, NEW)["total_summary"]["elem"]["cost"] == {"$": "7.00 EUR"}


def test_they_may_be_nested_everywhere(sim: Simulator) -> None:
    sim.set(quote="nested_everywhere")
    assert tables(sim, OLD)["total_summary"]["elem"]["cost"]["price"]["cost"] == {"$": "7.00"}
    form = sim.xml("service.prolong", elid=str(sim.order()))
    assert form.findtext("list[@name='total_summary']/elem/cost/price/cost") == "5.00"


@pytest.mark.parametrize("func", [NEW, OLD])
def test_there_may_be_a_sentence_only_or_nothing_at_all(sim: Simulator, func: str) -> None:
    sim.set(quote="text")
    assert tables(sim, func) == {}
    assert "Total: 7.00 EUR" in sim.json(func, FORM)["orderinfo"]["$"]
    sim.set(quote="absent")
    assert tables(sim, func) == {}
    assert "7.00" not in sim.raw(func, FORM).text


@pytest.mark.parametrize("func", [NEW, OLD])
def test_a_sum_may_be_there_and_be_no_number(sim: Simulator, func: str) -> None:
    sim.set(quote="unreadable")
    total = tables(sim, func)["total_summary"]["elem"]["cost"]
    assert (total["price"]["cost"] if func == NEW else total) == {"$": "on request"}
    assert "7.00" not in sim.raw(func, FORM).text


def test_a_discount_makes_the_total_differ_from_the_list_price_and_is_what_is_charged(sim: Simulator) -> None:
    sim.set(discount_percent=10)
    price = tables(sim, NEW)["total_summary"]["elem"]["cost"]["price"]
    assert (price["cost"]["$"], price["noDiscountCost"]["$"], price["discount"]["$"]) == ("6.30", "7.00", "0.70")
    assert price["discountPercent"]["$"] == "10"
    old = tables(sim, OLD)
    assert old["total_summary"]["elem"]["cost"]["$"] == "6.30 EUR"
    assert old["discount_summary"]["elem"]["cost"]["$"] == "0.70 EUR"
    number = str(sim.order(addon_61="4"))
    assert sim.xml("service.prolong", elid=number).findtext("list[@name='total_summary']/elem/cost") == "6.30 EUR"
    sim.xml("service.prolong", elid=number, period="1", sok="ok")
    sim.xml("vds.edit", elid=number, addon_62="on", sok="ok")
    assert [charge["amount"] for charge in sim.charges()] == ["6.30", "6.30", "1.80"]


@pytest.mark.parametrize("period", ["-50", "-100", "0"])
def test_a_day_a_trial_and_a_lifetime_are_ordered_by_their_codes(sim: Simulator, period: str) -> None:
    sim.admin("PATCH", "/pricelists/58", {"prices": {"-50": "0.20", "-100": "0", "0": "90.00"}})
    sim.order(order_period=period, autoprolong="off")
    assert Decimal(sim.rows()[0]["item_cost"]) == Decimal({"-50": "0.20", "-100": "0", "0": "90.00"}[period])


@pytest.mark.parametrize(
    ("knob", "func", "value", "outcome"),
    [
        ("strict", NEW, "off", "null"),
        ("strict", NEW, "on", "1"),
        ("strict", NEW, "null", None),
        ("strict", NEW, "1", None),
        ("lenient", NEW, "off", "null"),
        ("lenient", NEW, "null", "1"),
        ("lenient", NEW, "12", "1"),
        ("strict", OLD, "null", "null"),
        ("strict", OLD, "12", "12"),
        ("strict", OLD, "off", None),
        ("lenient", OLD, "off", "null"),
    ],
)
def test_the_renewal_is_a_flag_in_new_forms_and_a_period_in_old_ones(
    sim: Simulator, knob: str, func: str, value: str, outcome: str | None
) -> None:
    sim.set(autoprolong_flag=knob)
    order = {**ORDER, "period": "1", "autoprolong": value}
    if outcome is None:
        assert sim.error(func, order) == ("value", "autoprolong")
        assert sim.charges() == []
    else:
        sim.xml(func, order)
        (item,) = sim.admin("GET", "/items")["items"]
        assert item["autoprolong"] == outcome


def test_a_tariff_in_another_currency_is_quoted_in_it_and_charged_in_the_account_s(sim: Simulator) -> None:
    sim.admin("PATCH", "/pricelists/58", {"currency": "RUB", "prices": {"1": "500.00"}})
    price = sim.json(NEW, ORDER, sok="-")["list"][-1]["elem"]["cost"]["price"]
    assert (price["cost"]["$"], price["currency"]["$"], price["sign"]["$"]) == ("500.00", "RUB", "руб.")
    sim.order()
    (charge,) = sim.charges(account=USER)
    assert (charge["amount"], charge["currency"]) == ("5.00", "EUR")


def test_a_renewal_may_cost_something_else_than_the_order_did(sim: Simulator) -> None:
    number = str(sim.order(addon_61="4"))
    sim.admin("PATCH", "/pricelists/58", {"renewal_prices": {"1": "6.50"}})
    assert sim.xml("service.prolong", elid=number).findtext("list[@name='total_summary']/elem/cost") == "8.50 EUR"
    sim.xml("service.prolong", elid=number, period="1", sok="ok")
    assert [charge["amount"] for charge in sim.charges()] == ["7.00", "8.50"]
    assert sim.xml(NEW, ORDER, sok="-").findtext("list[@name='total_summary']/elem/cost/price/cost") == "5.00"
