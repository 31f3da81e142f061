"""The columns of a service as live panels show them, and as documentation has them."""

from __future__ import annotations

import pytest

from tests.simulator.running import USER, Simulator

YEARLY = {"account": USER, "type": "vds", "pricelist": 58, "period": 12, "expiredate": "2027-03-31"}


def make(sim: Simulator, **more: object) -> str:
    return str(sim.admin("POST", "/items", {**YEARLY, **more})["id"])


def test_the_cost_is_by_the_month_and_the_item_cost_of_the_whole_period(sim: Simulator) -> None:
    elid = make(sim, cost="1530.00")
    (row,) = sim.rows()
    assert (row["cost"], row["item_cost"], row["currency_str"]) == ("127.50 EUR / Month", "1530.0000", "EUR")
    assert sim.rows(lang="ru")[0]["cost"] == "127.50 EUR / Месяц"
    assert "period" not in row, "the list does not tell of which period"
    form = sim.xml("vds.edit", elid=elid)
    assert (form.findtext("item_cost"), form.findtext("period")) == ("1530.0000", "12")


def test_a_period_that_has_no_months_shows_its_price_alone(sim: Simulator) -> None:
    sim.set(types=["instances", "soft"])
    sim.admin("POST", "/items", {"account": USER, "type": "instances", "pricelist": 70, "period": -50})
    sim.admin("POST", "/items", {"account": USER, "type": "soft", "pricelist": 3542, "period": 0})
    assert sim.rows("instances")[0]["cost"] == "0.20 EUR / Day"
    assert sim.rows("soft")[0]["cost"] == "300.00 EUR"


def test_the_real_date_is_always_there_and_the_other_one_may_be_a_phrase(sim: Simulator) -> None:
    elid = make(sim)
    (row,) = sim.rows()
    assert (row["expiredate"], row["real_expiredate"], row["billdaily"]) == ("2027-03-31", "2027-03-31", "off")
    sim.admin("PATCH", f"/items/{elid}", {"billdaily": True})
    (row,) = sim.rows()
    assert (row["expiredate"], row["real_expiredate"], row["billdaily"]) == ("daily charges", "2027-03-31", "on")


def test_a_tariff_is_its_name_and_apart_from_it_its_number(sim: Simulator) -> None:
    make(sim)
    sim.admin("PATCH", "/pricelists/58", {"name": "Renamed"})
    (row,) = sim.rows()
    assert (row["pricelist"], row["pricelist_id"], row["intname"]) == ("Renamed", "58", "vds_58")


def test_servers_and_licences_have_columns_of_their_own(sim: Simulator) -> None:
    make(sim)
    (row,) = sim.rows()
    assert (row["ostempl"], row["datacenter"], row["datacentername"]) == ("Debian-12", "1", "Helsinki")
    assert row["ipv6_subnet"].endswith("::/64")
    body = {"account": USER, "type": "soft", "pricelist": 3541, "licname": "L-1", "ip": "192.0.2.1"}
    sim.admin("POST", "/items", body)
    (row,) = sim.rows("soft")
    assert (row["real_ipchange"], row["real_keychange"], row["remoteip"]) == ("on", "on", "192.0.2.1")
    assert row["update_expiredate"] == row["real_expiredate"]


@pytest.mark.parametrize(("code", "english", "russian"), [("1", "Month", "Месяц"), ("null", "Disabled", "Отключено")])
def test_the_renewal_is_a_word_in_lists_and_a_code_in_forms(
    sim: Simulator, code: str, english: str, russian: str
) -> None:
    elid = make(sim, autoprolong=code)
    assert (sim.rows()[0]["autoprolong"], sim.rows(lang="ru")[0]["autoprolong"]) == (english, russian)
    assert sim.xml("vds.edit", elid=elid).findtext("autoprolong") == code


def test_plain_columns_are_the_other_choice(sim: Simulator) -> None:
    sim.set(columns="plain")
    make(sim, autoprolong="12")
    (row,) = sim.rows()
    assert (row["cost"], row["period"], row["autoprolong"]) == ("50.00 EUR", "12", "12")
    assert not {"item_cost", "real_expiredate", "currency_str", "intname"} & set(row)


@pytest.mark.parametrize(("style", "shown"), [("code", "EUR"), ("lower", "eur"), ("sign", "€")])
def test_a_currency_may_be_written_in_three_ways(sim: Simulator, style: str, shown: str) -> None:
    sim.set(currency_style=style)
    make(sim)
    assert sim.rows()[0]["currency_str"] == shown
    assert sim.json("whoami")["user"]["$currency"] == shown
    assert sim.json("subaccount")["elem"]["currency"]["$"] == shown


def test_a_change_under_way_may_show_in_the_special_status_only(sim: Simulator) -> None:
    elid = make(sim)
    sim.set(operation_delay=3600)
    sim.xml("service.prolong", elid=elid, period="12", sok="ok")
    assert (sim.rows()[0]["status"], sim.rows()[0]["special_status"]) == ("5", "1")
    sim.set(processing_shown="special_status")
    (row,) = sim.rows()
    assert (row["status"], row["item_status"], row["special_status"], row["status_msg"]) == ("2", "Active", "1", "")
    sim.admin("POST", "/clock", {"advance_seconds": 3601})
    assert (sim.rows()[0]["status"], sim.rows()[0]["special_status"]) == ("2", "0")


def test_a_stopped_service_is_special_when_it_is_billed_all_the_same(sim: Simulator) -> None:
    elid = make(sim)
    sim.xml("service.stop", elid=elid)
    (row,) = sim.rows()
    assert (row["status"], row["status_msg"], row["special_status"]) == ("2", "item_status_2_stop", "0")
    sim.admin("PATCH", f"/items/{elid}", {"billdaily": True})
    assert sim.rows()[0]["special_status"] == "2"
    sim.xml("service.start", elid=elid)
    assert (sim.rows()[0]["special_status"], sim.rows()[0]["status_msg"]) == ("0", "")


def test_a_status_of_nought_is_shown_as_cancelled(sim: Simulator) -> None:
    elid = make(sim)
    sim.admin("PATCH", f"/items/{elid}", {"status": 0})
    assert (sim.rows()[0]["status"], sim.rows()[0]["item_status"]) == ("0", "Cancelled")
    assert sim.error("vds.suspend", elid=elid) == ("value", "status")


def test_a_list_may_be_newest_first(sim: Simulator) -> None:
    first, second = make(sim), make(sim)
    assert [row["id"] for row in sim.rows()] == [first, second]
    sim.set(list_order="newest_first")
    assert [row["id"] for row in sim.rows()] == [second, first]
    assert [row["id"] for row in sim.rows(p_col="+id")] == [first, second]


def test_a_list_may_lag_behind_the_form(sim: Simulator) -> None:
    sim.set(list_lag=3600, combined_list="present")
    elid = str(sim.order())
    assert sim.rows() == []
    assert sim.rows("service") == []
    assert sim.xml("vds.edit", elid=elid).findtext("id") == elid
    sim.admin("POST", "/clock", {"advance_seconds": 3601})
    assert [row["id"] for row in sim.rows()] == [elid]


def test_servers_may_be_listed_under_a_sub_type(sim: Simulator) -> None:
    elid = make(sim)
    assert sim.error("vds.vps") == ("missed", "func")
    sim.set(server_list="vds.vps")
    assert sim.rows() == []
    assert [row["id"] for row in sim.rows("vds.vps")] == [elid]
    assert sim.xml("vds.vps.edit", elid=elid).findtext("id") == elid
    assert "vds.vps" in [node.attrib["action"] for node in sim.xml("menu").findall("mainmenu/node/node")]


def test_a_product_type_that_the_panel_lacks_is_an_unknown_function(sim: Simulator) -> None:
    sim.set(types=["vds"], unknown_function="not_loaded")
    error = sim.xml("vhost").find("error")
    assert error is not None
    assert error.findtext("msg") == "The module vhost is not loaded"
    assert [row["id"] for row in sim.rows()] == []
    assert "<itemtype>vhost" not in sim.raw("pricelist.export").text


def test_a_panel_may_speak_russian_only(sim: Simulator) -> None:
    make(sim, autoprolong="1")
    assert sim.rows(lang="en")[0]["autoprolong"] == "Month"
    sim.set(language="ru")
    (row,) = sim.rows(lang="en")
    assert (row["item_status"], row["autoprolong"], row["cost"]) == ("Активен", "Месяц", "4.17 EUR / Месяц")
    error = sim.xml("vds.edit", elid="1", lang="en").find("error")
    assert error is not None
    assert error.findtext("msg") == "Объект vds с id 1 не найден"
