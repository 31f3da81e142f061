"""What is particular about each machine-readable format."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.running import Simulator

NEW_FORM = {"pricelist": "58", "order_period": "1", "datacenter": "1"}


def test_an_attribute_is_a_field_of_its_own_in_bjson(sim: Simulator) -> None:
    sim.order()
    (row,) = sim.json("vds", out="bjson")["elem"]
    assert (row["item_status"], row["item_status_orig"]) == ("Active", "2")


def test_tables_of_a_form_are_row_arrays_in_bjson_and_choices_are_k_and_v(sim: Simulator) -> None:
    form = sim.json("vds.order", out="bjson", period="1")
    assert form["model"]["period"] == "1"
    first = {"pricelist": "58", "desc": "VPS-1", "price": "5.00 EUR", "order_available": "on"}
    assert form["list"]["tariflist"][0] == first
    assert form["slist"]["datacenter"] == [{"k": "1", "v": "Helsinki"}, {"k": "2", "v": "Amsterdam"}]


def test_texts_of_a_form_are_name_and_msg_in_bjson_and_a_dictionary_in_json(sim: Simulator) -> None:
    number = str(sim.order())
    texts = sim.json("vds.edit", out="bjson", elid=number)["messages"]
    assert {"name": "addon_61", "msg": "RAM, GB"} in texts
    messages = sim.json("vds.edit", elid=number)["messages"]["msg"]
    assert messages["item_status_5_open"] == "Opening", "the dictionary says nothing about this item"
    assert "hint_addon_61" in messages


@pytest.mark.parametrize("out", ["json", "xjson"])
def test_the_new_order_form_writes_arrays_also_for_one(sim: Simulator, out: str) -> None:
    for func in ("v2.vds.order.param", "v2.vhost.order.pricelist"):
        doc = sim.json(func, {**NEW_FORM} if "vds" in func else {}, out=out)
        assert isinstance(doc["slist"], list)
        assert isinstance(doc["list"], list)


def test_the_form_describes_its_addon_fields(sim: Simulator) -> None:
    (page,) = sim.json("v2.vds.order.param", NEW_FORM)["metadata"]["form"]["page"]
    assert page["$name"] == "addon"
    described: dict[str, Any] = {field["$name"]: field for field in page["field"]}
    assert described["addon_61"]["slider"] == {"$name": "addon_61", "$min": "2", "$max": "16", "$step": "1"}
    assert described["addon_62"]["input"]["$type"] == "checkbox"
    (hosting,) = sim.json("v2.vhost.order.param", pricelist="20")["metadata"]["form"]["page"]
    assert "select" in hosting["field"][0]


@pytest.mark.parametrize(("knob", "shape"), [("array", list), ("object", dict)])
def test_a_value_in_sjson_is_an_array_or_an_object(sim: Simulator, knob: str, shape: type) -> None:
    sim.order()
    sim.set(sjson_values=knob)
    listed = sim.json("vds", out="sjson")
    assert isinstance(listed["elem"], list), "rows are arrays either way"
    assert isinstance(listed["elem"][0]["item_status"], shape)
    if shape is dict:
        assert listed["elem"][0]["item_status"] == {"$orig": "2", "$": "Active"}
        assert isinstance(sim.json("vds.edit", out="sjson", elid="1")["error"], dict)
    form = sim.json("vds.order.param", out="sjson", pricelist="58")
    assert isinstance(form["list"], list)
    assert isinstance(form["slist"][0]["val"], list)
