"""The later life of a service: renewed, stopped, started, moved to another tariff, expired."""

from __future__ import annotations

from datetime import date

import pytest

from tests.simulator.running import USER, Simulator


def make(sim: Simulator, **more: object) -> str:
    """An active service of 5.00 EUR a month that ends on 2027-03-31, on 2027-03-01."""
    sim.admin("POST", "/clock", {"set": "2027-03-01T12:00:00Z"})
    body = {"account": USER, "type": "vds", "pricelist": 58, "expiredate": "2027-03-31", "domain": "v.example.test"}
    return str(sim.admin("POST", "/items", {**body, **more})["id"])


def row(sim: Simulator) -> dict[str, str]:
    (only,) = sim.rows()
    return only


def test_the_renewal_form_tells_the_new_date_and_the_price(sim: Simulator) -> None:
    elid = make(sim)
    form = sim.xml("service.prolong", elid=elid, period="12")
    assert (form.findtext("expiredate"), form.findtext("newexpiredate")) == ("2027-03-31", "2028-03-31")
    assert form.findtext("list[@name='total_summary']/elem/cost") == "50.00 EUR"
    assert sim.charges() == []


def test_a_renewal_answers_with_a_nested_document_and_charges(sim: Simulator) -> None:
    elid = make(sim)
    assert sim.xml("service.prolong", elid=elid, period="1", sok="ok").findtext("doc/newexpiredate") == "2027-04-30"
    assert row(sim)["expiredate"] == "2027-04-30"
    sim.xml("service.prolong", elid=elid, period="1", sok="ok")
    assert [charge["operation"] for charge in sim.charges()] == ["prolong", "prolong"], "a repetition charges again"


def test_a_renewal_may_go_through_the_cart(sim: Simulator) -> None:
    elid = make(sim)
    bill = sim.xml("service.prolong", elid=elid, period="1", clicked_button="basket", sok="ok").findtext("billorder")
    assert row(sim)["expiredate"] == "2027-03-31"
    sim.xml("payment.add", billorder=bill or "", clicked_button="fromsubaccount", sok="ok")
    assert row(sim)["expiredate"] == "2027-04-30"


def test_a_renewal_too_early_is_refused_with_a_date(sim: Simulator) -> None:
    elid = make(sim)
    sim.set(prolong_not_before_days=7)
    error = sim.xml("service.prolong", elid=elid, period="1", sok="ok").find("error")
    assert error is not None
    assert error.findtext("param[@name='value']") == "2027-03-24"
    sim.admin("POST", "/clock", {"set": "2027-03-24T00:00:01Z"})
    sim.xml("service.prolong", elid=elid, period="1", sok="ok")
    assert row(sim)["expiredate"] == "2027-04-30"


@pytest.mark.parametrize("period", ["", "5", "-100"])
def test_a_renewal_for_an_unsold_period_is_refused(sim: Simulator, period: str) -> None:
    assert sim.error("service.prolong", elid=make(sim), period=period, sok="ok") == ("value", "period")


def test_a_renewal_needs_money(sim: Simulator) -> None:
    elid = make(sim)
    sim.admin("PATCH", f"/accounts/{USER}", {"balance": "4.99"})
    assert sim.error("service.prolong", elid=elid, period="1", sok="ok")[0] == "not_enough_money"
    assert row(sim)["expiredate"] == "2027-03-31"


def test_an_operation_may_take_its_time(sim: Simulator) -> None:
    elid = make(sim)
    sim.set(operation_delay=3600)
    sim.xml("service.prolong", elid=elid, period="1", sok="ok")
    assert (row(sim)["status"], row(sim)["status_msg"]) == ("5", "item_status_5_prolong")
    assert row(sim)["expiredate"] == "2027-03-31"
    sim.admin("POST", "/clock", {"advance_seconds": 3601})
    assert (row(sim)["status"], row(sim)["expiredate"]) == ("2", "2027-04-30")


def test_a_client_stops_and_starts_a_service(sim: Simulator) -> None:
    elid = make(sim)
    sim.xml("vds.suspend", elid=elid)
    assert (row(sim)["status"], row(sim)["status_msg"]) == ("3", "item_status_3_employeesuspend")
    sim.xml("vds.resume", elid=elid)
    assert (row(sim)["status"], row(sim)["status_msg"]) == ("2", "")


def test_stopping_may_need_sok_or_be_closed_to_clients(sim: Simulator) -> None:
    elid = make(sim)
    sim.set(suspend_needs_sok=True)
    sim.xml("vds.suspend", elid=elid)
    assert row(sim)["status"] == "2"
    sim.xml("vds.suspend", elid=elid, sok="ok")
    assert row(sim)["status"] == "3"
    sim.set(suspend_resume="access")
    assert sim.error("vds.resume", elid=elid, sok="ok") == ("access", None)


@pytest.mark.parametrize("reason", ["abusesuspend", "employeesuspend"])
def test_what_staff_stopped_a_client_cannot_start(sim: Simulator, reason: str) -> None:
    elid = make(sim)
    sim.xml("vds.suspend", elid=elid)
    sim.admin("PATCH", f"/items/{elid}", {"reason": reason})
    assert sim.error("vds.resume", elid=elid) == ("access", None)
    sim.xml("service.prolong", elid=elid, period="1", sok="ok")
    assert row(sim)["status"] == "3", "renewing does not undo it either"


def test_a_deleted_service_can_have_nothing_done_to_it(sim: Simulator) -> None:
    elid = make(sim)
    sim.xml("vds.delete", elid=elid, sok="ok")
    for func in ("vds.suspend", "vds.resume", "vds.delete", "vds.reboot"):
        assert sim.error(func, elid=elid, sok="ok") == ("missed", "vds")
    assert sim.error("service.prolong", elid=elid, period="1", sok="ok") == ("missed", "vds")


def test_a_tariff_is_changed_in_three_steps(sim: Simulator) -> None:
    elid = make(sim)
    choices = sim.xml("service.changepricelist", elid=elid).findall("slist[@name='pricelist']/val")
    assert [choice.attrib["key"] for choice in choices] == ["59", "60"]
    quote = sim.xml("service.changepricelist.pricelist", elid=elid, pricelist="60")
    assert (quote.findtext("oldprice"), quote.findtext("newprice")) == ("5.00 EUR", "7.00 EUR")
    assert quote.findtext("money_info") == "2.00 EUR"
    sim.xml("service.changepricelist.getmoney", elid=elid, pricelist="60", sok="ok")
    assert (row(sim)["pricelist"], row(sim)["item_cost"], row(sim)["status"]) == ("VPS-1 RAM+", "7.0000", "2")
    assert [charge["amount"] for charge in sim.charges()] == ["2.00"]


def test_a_tariff_with_another_disk_waits_for_a_person(sim: Simulator) -> None:
    elid = make(sim)
    sim.xml("service.changepricelist", elid=elid, pricelist="59", period="1", sok="ok")
    assert (row(sim)["status"], row(sim)["status_msg"]) == ("5", "item_status_5_need_configure")
    assert row(sim)["pricelist"] == "VPS-1"
    sim.admin("POST", f"/items/{elid}/finish")
    assert (row(sim)["status"], row(sim)["pricelist"]) == ("2", "VPS-2")
    assert sim.xml("vds.edit", elid=elid).findtext("resource_disk") == "60"


@pytest.mark.parametrize(("knob", "outcome"), [("automatic", "VPS-2"), ("refused", "VPS-1")])
def test_another_disk_may_be_no_trouble_or_forbidden(sim: Simulator, knob: str, outcome: str) -> None:
    elid = make(sim)
    sim.set(disk_change=knob)
    sim.raw("service.changepricelist", elid=elid, pricelist="59", period="1", sok="ok")
    assert (row(sim)["pricelist"], row(sim)["status"]) == (outcome, "2")


def test_an_enforced_expiry_renews_or_stops(sim: Simulator) -> None:
    elid = make(sim, autoprolong="1")
    sim.set(expiry="enforced")
    sim.admin("POST", "/clock", {"set": "2027-03-31T00:00:01Z"})
    assert (row(sim)["status"], row(sim)["expiredate"]) == ("2", "2027-04-30")
    sim.xml("vds.edit", elid=elid, autoprolong="null", sok="ok")
    sim.admin("POST", "/clock", {"set": "2027-04-30T00:00:01Z"})
    assert (row(sim)["status"], row(sim)["status_msg"]) == ("3", "item_status_3_autosuspend")
    assert sim.error("vds.resume", elid=elid) == ("access", None)
    sim.xml("service.prolong", elid=elid, period="1", sok="ok")
    assert row(sim)["status"] == "2"
    assert len(sim.charges()) == 2


def test_an_automatic_renewal_without_money_stops_the_service(sim: Simulator) -> None:
    make(sim, autoprolong="1")
    sim.admin("PATCH", f"/accounts/{USER}", {"balance": "0"})
    sim.set(expiry="enforced")
    sim.admin("POST", "/clock", {"set": "2027-04-01T00:00:00Z"})
    assert row(sim)["status_msg"] == "item_status_3_autosuspend"
    assert sim.charges() == []


def test_a_long_sleep_renews_as_often_as_it_must(sim: Simulator) -> None:
    make(sim, autoprolong="1")
    sim.set(expiry="enforced")
    sim.admin("POST", "/clock", {"set": "2027-06-15T00:00:00Z"})
    assert date.fromisoformat(row(sim)["expiredate"]) > date(2027, 6, 15)
    assert len(sim.charges()) == 3


def test_an_expiry_may_be_ignored(sim: Simulator) -> None:
    make(sim)
    sim.admin("POST", "/clock", {"advance_days": 365})
    assert row(sim)["status"] == "2"


def test_password_and_restart(sim: Simulator) -> None:
    elid = make(sim)
    sim.xml("service.reboot", elid=elid)
    banner = sim.xml("service.changepassword", elid=elid, passwd="a-new-one", confirm="a-new-one", sok="ok")
    assert banner.findtext("banner")
    assert sim.xml("vds.edit", elid=elid).findtext("password") == "a-new-one"
    assert sim.error("service.changepassword", elid=elid, passwd="a", confirm="b", sok="ok") == ("value", "confirm")
