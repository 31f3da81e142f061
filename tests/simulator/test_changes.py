"""Changes of living services: several at once, refused ones, a new key, another tariff and what becomes of add-ons."""

from __future__ import annotations

import pytest

from tests.simulator.running import USER, Simulator


def make(sim: Simulator, **more: object) -> str:
    sim.admin("POST", "/clock", {"set": "2027-03-01T12:00:00Z"})
    body = {"account": USER, "type": "vds", "pricelist": 58, "expiredate": "2027-03-31", **more}
    return str(sim.admin("POST", "/items", body)["id"])


def statuses(sim: Simulator) -> list[str]:
    return [row["status"] for row in sim.rows()]


def test_several_services_are_named_in_one_call(sim: Simulator) -> None:
    both = f"{make(sim)}, {make(sim)}"
    sim.xml("vds.suspend", elid=both)
    assert statuses(sim) == ["3", "3"]
    sim.xml("vds.resume", elid=both)
    assert statuses(sim) == ["2", "2"]
    sim.xml("service.stop", elid=both)
    assert [row["status_msg"] for row in sim.rows()] == ["item_status_2_stop"] * 2
    sim.xml("vds.start", elid=both)
    assert [row["status_msg"] for row in sim.rows()] == ["", ""]
    sim.xml("vds.delete", elid=both, sok="ok")
    assert statuses(sim) == ["4", "4"]


def test_one_wrong_number_among_several_stops_them_all(sim: Simulator) -> None:
    assert sim.error("vds.delete", elid=f"{make(sim)}, 1", sok="ok") == ("missed", "vds")
    assert statuses(sim) == ["2"]


def test_a_client_may_lack_the_right_to_suspend_some_types(sim: Simulator) -> None:
    elid = make(sim)
    dedicated = make(sim, type="dedic", pricelist=90)
    sim.set(suspend_refused_for=["dedic", "softexternal"])
    assert sim.error("dedic.suspend", elid=dedicated) == ("access", None)
    assert sim.error("dedic.resume", elid=dedicated) == ("access", None)
    assert sim.xml("vds.suspend", elid=elid).find("ok") is not None


def test_deleting_too_early_names_the_least_term_and_what_is_left(sim: Simulator) -> None:
    elid = make(sim)
    sim.set(delete="minimum_term")
    sim.admin("POST", "/clock", {"advance_days": 10})
    error = sim.xml("vds.delete", elid=elid, sok="ok").find("error")
    assert error is not None
    assert error.attrib["type"] == "pricelist_min_order"
    text = "The minimum order period of this tariff is 30 days. 20 days are left"
    assert error.findtext("msg") == text
    sim.admin("POST", "/clock", {"advance_days": 20})
    sim.xml("vds.delete", elid=elid, sok="ok")
    assert statuses(sim) == ["4"]


def test_deleting_may_do_without_sok(sim: Simulator) -> None:
    elid = make(sim)
    sim.xml("vds.delete", elid=elid)
    assert statuses(sim) == ["2"]
    sim.set(delete_needs_sok=False)
    sim.xml("vds.delete", elid=elid)
    assert statuses(sim) == ["4"]


@pytest.mark.parametrize(
    ("knob", "tags"), [("lickey", ["lickey"]), ("lickey_and_ok", ["lickey", "ok"]), ("ok", ["elid", "ok"])]
)
def test_a_new_key_stands_in_the_answer_or_in_the_form_only(sim: Simulator, knob: str, tags: list[str]) -> None:
    elid = make(sim, type="soft", pricelist=3541, licname="L-1", ip="192.0.2.1")
    sim.set(newkey_answer=knob)
    answer = sim.xml("soft.edit", elid=elid, clicked_button="newkey", sok="ok")
    assert [child.tag for child in answer] == tags
    key = sim.xml("soft.edit", elid=elid).findtext("lickey")
    assert key
    if "lickey" in tags:
        assert answer.findtext("lickey") == key


def test_a_key_that_comes_later_is_not_in_the_answer(sim: Simulator) -> None:
    elid = make(sim, type="soft", pricelist=3541, licname="L-1", ip="192.0.2.1")
    sim.set(licence_key_delay=3600)
    answer = sim.xml("soft.edit", elid=elid, clicked_button="newkey", sok="ok")
    assert (answer.find("lickey"), answer.find("ok") is not None) == (None, True)
    sim.admin("POST", "/clock", {"advance_seconds": 3601})
    assert sim.xml("soft.edit", elid=elid).findtext("lickey")


def test_a_change_of_tariff_may_have_to_be_walked(sim: Simulator) -> None:
    elid = make(sim)
    sim.set(tariff_change="wizard", disk_change="automatic")
    chosen = {"elid": elid, "pricelist": "59", "sok": "ok"}
    for func, following in (
        ("service.changepricelist", "pricelist"),
        ("service.changepricelist.pricelist", "getmoney"),
    ):
        ok = sim.xml(func, chosen, period="1").find("ok")
        assert ok is not None
        assert ok.attrib["type"] == "form"
        assert ok.text == f"func=service.changepricelist.{following}&elid={elid}&pricelist=59"
    assert (sim.rows()[0]["pricelist_id"], sim.charges()) == ("58", []), "nothing is done yet"
    sim.xml("service.changepricelist.getmoney", chosen)
    assert (sim.rows()[0]["pricelist_id"], len(sim.charges())) == ("59", 1)


@pytest.mark.parametrize(
    ("knob", "addons", "cost"),
    [
        ("lost", {"71": "2", "72": "off"}, "10.00"),
        ("mapped", {"71": "8", "72": "on"}, "18.00"),
        ("kept", {"61": "8", "62": "on", "71": "2", "72": "off"}, "18.00"),
    ],
)
def test_addons_are_lost_mapped_or_kept_when_the_tariff_changes(
    sim: Simulator, knob: str, addons: dict[str, str], cost: str
) -> None:
    elid = make(sim, addons={"61": "8", "62": "on"})
    sim.set(addons_on_change=knob, disk_change="automatic")
    quote = sim.xml("service.changepricelist.pricelist", elid=elid, pricelist="59")
    assert quote.findtext("newprice") == f"{cost} EUR"
    sim.xml("service.changepricelist", elid=elid, pricelist="59", period="1", sok="ok")
    item = sim.admin("GET", f"/items/{elid}")
    assert (item["addons"], item["cost"]) == (addons, cost)
    form = sim.xml("vds.edit", elid=elid)
    assert {f"addon_{number}": value for number, value in addons.items()}.items() <= {
        child.tag: child.text for child in form
    }.items()
