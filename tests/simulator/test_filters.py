"""Filters are kept per user: they narrow every list that is asked for in his name, and say so at its root."""

from __future__ import annotations

import pytest

from tests.simulator.running import PASSWORD, USER, Simulator


@pytest.fixture
def narrowed(sim: Simulator) -> Simulator:
    """Two services, of which the interface shows the first one only."""
    for name in ("v0.example.test", "v1.example.test"):
        sim.admin("POST", "/items", {"account": USER, "type": "vds", "pricelist": 58, "domain": name})
    sim.admin("PATCH", f"/accounts/{USER}", {"filters": {"vds": {"domain": "v0.example.test"}}})
    return sim


def test_a_filter_set_in_the_interface_narrows_api_lists_of_every_format(narrowed: Simulator) -> None:
    doc = narrowed.xml("vds")
    assert [row.findtext("domain") for row in doc.findall("elem")] == ["v0.example.test"]
    assert [node.text for node in doc.findall("p_filter")] == ["Domain name = v0.example.test"]
    assert doc.findtext("p_elems") == "1"
    for out in ("json", "xjson"):
        listed = narrowed.json("vds", out=out)
        assert (listed["elem"]["domain"]["$"], listed["p_filter"]["$"]) == (
            "v0.example.test",
            "Domain name = v0.example.test",
        )
    assert narrowed.json("vds", out="sjson")["p_filter"] == [{"$": "Domain name = v0.example.test"}]
    assert narrowed.json("vds", out="bjson")["p_filter"] == "Domain name = v0.example.test"


def test_several_filters_are_several_nodes(narrowed: Simulator) -> None:
    narrowed.admin("PATCH", f"/accounts/{USER}", {"filters": {"vds": {"domain": "v0.example.test", "status": "3"}}})
    doc = narrowed.json("vds", out="bjson")
    assert doc["p_filter"] == ["Domain name = v0.example.test", "Status = 3"]
    assert "elem" not in doc


def test_it_holds_for_sessions_and_one_off_logins_alike_and_for_this_user_only(narrowed: Simulator) -> None:
    session = narrowed.json("auth", authinfo="-", username=USER, password=PASSWORD)["auth"]["$id"]
    narrowed.client.cookies.clear()
    assert len(narrowed.rows(authinfo="-", auth=session)) == 1
    narrowed.xml("vds.filter", authinfo="-", auth=session, sok="ok")
    assert len(narrowed.rows()) == 2
    assert narrowed.xml("vds", authinfo="other:word").find("p_filter") is None


def test_with_json_the_filter_form_only_echoes(narrowed: Simulator) -> None:
    echoed = narrowed.json("vds.filter", domain="v1.example.test", sok="ok")
    assert echoed["domain"] == {"$": "v1.example.test"}
    assert narrowed.rows()[0]["domain"] == "v0.example.test", "nothing was kept"
    narrowed.xml("vds.filter", domain="v1.example.test", sok="ok")
    assert narrowed.rows()[0]["domain"] == "v1.example.test"


@pytest.mark.parametrize(("knob", "stored", "one_off"), [("stored", 1, 0), ("every", 1, 1), ("none", 0, 0)])
def test_what_is_named_at_the_root_is_a_knob(narrowed: Simulator, knob: str, stored: int, one_off: int) -> None:
    narrowed.set(filters_shown=knob)
    assert len(narrowed.xml("vds").findall("p_filter")) == stored
    assert len(narrowed.rows()) == 1, "it narrows all the same"
    narrowed.xml("vds.filter", sok="ok")
    doc = narrowed.xml("vds", filter="on", domain="v1.example.test")
    assert (len(doc.findall("elem")), len(doc.findall("p_filter"))) == (1, one_off)


def test_lists_of_money_can_be_narrowed_too(sim: Simulator) -> None:
    first, second = sim.order(), sim.order()
    sim.xml("expense.filter", item=str(first), sok="ok")
    assert [row["item"] for row in sim.rows("expense")] == [str(first)]
    assert sim.xml("expense").findtext("p_filter") == f"Service ID = {first}"
    sim.xml("expense.filter", sok="ok")
    assert [row["item"] for row in sim.rows("expense")] == [str(first), str(second)]
