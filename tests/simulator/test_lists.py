"""Lists and forms of services: paging, filters, columns, changes."""

from __future__ import annotations

import pytest

from tests.simulator.running import USER, Simulator


def make(sim: Simulator, count: int, **more: object) -> list[int]:
    """Services that nobody ordered."""
    body = {"account": USER, "type": "vds", "pricelist": 58, **more}
    return [sim.admin("POST", "/items", {"domain": f"v{n}.example.test", **body})["id"] for n in range(count)]


def test_pages_are_cut_from_the_sorted_list(sim: Simulator) -> None:
    numbers = [str(number) for number in make(sim, 5)]
    assert [row["id"] for row in sim.rows(p_cnt="2", p_num="2", p_col="+id")] == numbers[2:4]
    assert [row["id"] for row in sim.rows(p_cnt="2", p_num="3")] == numbers[4:]
    assert sim.rows(p_cnt="2", p_num="4") == []
    assert [row["id"] for row in sim.rows(p_col="-id")] == numbers[::-1]
    assert sim.xml("vds", p_cnt="2").findtext("p_elems") == "5"


def test_the_plus_of_p_col_may_arrive_as_a_space(sim: Simulator) -> None:
    numbers = [str(number) for number in make(sim, 2)]
    answer = sim.client.get(f"{sim.url}?func=vds&p_col=+id&authinfo=reseller:sec:ret").text
    assert answer.index(numbers[0]) < answer.index(numbers[1])


def test_a_page_may_be_capped_and_the_total_hidden(sim: Simulator) -> None:
    make(sim, 4)
    sim.set(max_page=3, total_shown=False)
    doc = sim.xml("vds", p_cnt="500")
    assert len(doc.findall("elem")) == 3
    assert doc.findtext("p_cnt") == "3"
    assert doc.find("p_elems") is None


@pytest.mark.parametrize("bad", [{"p_cnt": "0"}, {"p_num": "x"}])
def test_a_bad_page_is_refused(sim: Simulator, bad: dict[str, str]) -> None:
    assert sim.error("vds", bad) == ("value", next(iter(bad)))


def test_one_off_filters_know_the_documented_fields_only(sim: Simulator) -> None:
    first, second = make(sim, 2)
    sim.admin("PATCH", f"/items/{second}", {"remoteid": "a-2"})
    assert [row["id"] for row in sim.rows(filter="on", domain="v0.example.test")] == [str(first)]
    assert len(sim.rows(domain="v0.example.test")) == 2, "without filter=on nothing is filtered"
    assert len(sim.rows(filter="on", remoteid="a-2")) == 2, "an unknown field filters nothing"
    sim.set(remoteid_filter=True)
    assert [row["id"] for row in sim.rows(filter="on", remoteid="a-2")] == [str(second)]


def test_a_stored_filter_sticks_to_later_lists(sim: Simulator) -> None:
    make(sim, 2)
    sim.xml("vds.filter", domain="v0.example.test", sok="ok")
    assert len(sim.rows()) == 1
    sim.xml("vds.filter", sok="ok")
    assert len(sim.rows()) == 2


def test_marks_and_domains_may_be_hidden(sim: Simulator) -> None:
    number = sim.order(remoteid="a-1")
    assert sim.rows()[0]["remoteid"] == "a-1"
    assert sim.xml("vds.edit", elid=str(number)).findtext("remoteid") == "a-1"
    sim.set(remoteid_in_lists=False, remoteid_in_forms=False, domain_in_lists=False)
    assert not {"remoteid", "domain"} & set(sim.rows()[0])
    assert sim.rows()[0]["name"] == f"VPS-1 #{number}", "the name does not give it away"
    form = sim.xml("vds.edit", elid=str(number))
    assert form.find("remoteid") is None
    assert form.findtext("domain")


@pytest.mark.parametrize(
    ("style", "columns"),
    [
        ("code", {"status": "3", "item_status": "Suspended"}),
        ("word", {"item_status": "Suspended"}),
        ("real", {"item_status": "Suspended", "item_real_status": "3"}),
    ],
)
def test_the_status_may_be_told_in_three_ways(sim: Simulator, style: str, columns: dict[str, str]) -> None:
    make(sim, 1, status=3, reason="abusesuspend")
    sim.set(status_columns=style)
    (row,) = sim.rows()
    assert {name: row[name] for name in row if name in ("status", "item_status", "item_real_status")} == columns
    assert row["status_msg"] == "item_status_3_abusesuspend"


def test_a_single_row_may_be_an_array(sim: Simulator) -> None:
    make(sim, 1)
    sim.set(single_row="array")
    assert len(sim.json("vds")["elem"]) == 1
    assert isinstance(sim.json("vds")["elem"], list)


def test_a_deleted_service_stays_listed_or_vanishes(sim: Simulator) -> None:
    first, second = make(sim, 2)
    sim.xml("vds.delete", elid=str(first), sok="ok")
    assert sim.rows()[0]["status"] == "4"
    sim.set(deleted_rows="vanish")
    sim.xml("vds.delete", elid=str(second), sok="ok")
    assert [row["id"] for row in sim.rows()] == [str(first)]
    assert sim.error("vds.edit", elid=str(second)) == ("missed", "vds")


@pytest.mark.parametrize(("knob", "kind"), [("confirmation", "confirm"), ("minimum_term", "pricelist_min_order")])
def test_a_deletion_may_be_refused(sim: Simulator, knob: str, kind: str) -> None:
    (number,) = make(sim, 1)
    sim.set(delete=knob)
    assert sim.error("vds.delete", elid=str(number), sok="ok")[0] == kind
    assert sim.rows()[0]["status"] == "2"


def test_the_form_changes_only_what_is_sent(sim: Simulator) -> None:
    (number,) = make(sim, 1, remoteid="old", autoprolong="1")
    elid = str(number)
    assert sim.xml("vds.edit", elid=elid, remoteid="ignored").findtext("remoteid") == "old"
    sim.xml("vds.edit", elid=elid, remoteid="new", sok="ok")
    sim.xml("vds.edit", elid=elid, autoprolong="null", sok="ok")
    (row,) = sim.rows()
    assert (row["remoteid"], row["autoprolong"], row["domain"]) == ("new", "Disabled", "v0.example.test")


def test_a_mark_can_be_emptied(sim: Simulator) -> None:
    (number,) = make(sim, 1, remoteid="old")
    sim.xml("vds.edit", elid=str(number), remoteid="", sok="ok")
    assert sim.rows()[0]["remoteid"] == ""


def test_a_licence_is_pointed_elsewhere(sim: Simulator) -> None:
    body = {"account": USER, "type": "soft", "pricelist": 3541, "licname": "L-1", "ip": "192.0.2.1"}
    elid = str(sim.admin("POST", "/items", body)["id"])
    sim.xml("soft.edit", elid=elid, licname="free.lic", ip="0.0.0.0", remoteid="", sok="ok")  # noqa: S104
    (row,) = sim.rows("soft")
    assert (row["licname"], row["ip"]) == ("free.lic", "0.0.0.0")  # noqa: S104
    assert sim.error("soft.edit", elid=elid, ip="nowhere", sok="ok") == ("value", "ip")
    sim.xml("soft.edit", elid=elid, clicked_button="newkey", sok="ok")
    assert (sim.xml("soft.edit", elid=elid).findtext("lickey") or "").startswith(elid)


def test_a_reinstallation_makes_a_new_password(sim: Simulator) -> None:
    elid = str(sim.order(ostempl="Debian-12"))
    before = sim.xml("vds.edit", elid=elid).findtext("password")
    sim.xml("vds.edit", elid=elid, ostempl="Ubuntu-24.04", sok="ok")
    assert sim.xml("vds.edit", elid=elid).findtext("password") not in ("", before)


def test_more_of_an_addon_costs_more_at_once_or_through_the_cart(sim: Simulator) -> None:
    elid = str(sim.order())
    sim.xml("vds.edit", elid=elid, addon_61="4", sok="ok")
    assert [(charge["operation"], charge["amount"]) for charge in sim.charges()][1:] == [("setparam", "2.00")]
    assert sim.rows()[0]["item_cost"] == "7.0000"
    bill = sim.xml("vds.edit", elid=elid, addon_62="on", clicked_button="basket", sok="ok").findtext("billorder") or ""
    assert sim.rows()[0]["item_cost"] == "7.0000"
    sim.xml("payment.add", billorder=bill, clicked_button="fromsubaccount", sok="ok")
    assert sim.rows()[0]["item_cost"] == "9.0000"


def test_a_service_of_another_type_is_not_found(sim: Simulator) -> None:
    (number,) = make(sim, 1)
    assert sim.error("vhost.edit", elid=str(number)) == ("missed", "vhost")
    assert sim.error("vds.edit", elid="not-a-number") == ("missed", "vds")


def test_history_and_addresses(sim: Simulator) -> None:
    elid = str(sim.order())
    actions = [row["request_action"] for row in sim.rows("service.history", elid=elid)]
    assert actions == ["service.postopen", "v2.vds.order.param"]
    (address,) = sim.rows("service.ip", elid=elid)
    assert (address["name"], address["is_main"]) == (sim.rows()[0]["ip"], "on")


def test_one_list_for_all_types_where_the_panel_has_it(sim: Simulator) -> None:
    make(sim, 1)
    make(sim, 1, type="vhost", pricelist=20)
    assert sim.error("service") == ("missed", "func")
    sim.set(combined_list="present")
    assert [row["itemtype"] for row in sim.rows("service")] == ["vds", "vhost"]


def test_a_service_charged_by_the_day_has_a_phrase_for_its_end(sim: Simulator) -> None:
    (number,) = make(sim, 1, expiredate="2027-03-31")
    sim.admin("PATCH", f"/items/{number}", {"billdaily": True})
    (row,) = sim.rows()
    assert (row["expiredate"], row["real_expiredate"], row["billdaily"]) == ("daily charges", "2027-03-31", "on")


def test_an_unpaid_service_that_is_deleted_cannot_be_paid_any_more(sim: Simulator) -> None:
    order = {"pricelist": "58", "period": "1", "datacenter": "1", "sok": "ok"}
    bill = sim.json("vds.order.param", order)["billorder.id"]["$"]
    sim.xml("vds.delete", elid=sim.rows()[0]["id"], sok="ok")
    assert sim.error("payment.add", billorder=bill, clicked_button="fromsubaccount", sok="ok")[0] == "missed"
    assert sim.charges() == []


def test_p_col_may_be_ignored(sim: Simulator) -> None:
    numbers = [str(number) for number in make(sim, 3)]
    sim.set(sorting="ignored")
    assert [row["id"] for row in sim.rows(p_col="-id")] == numbers
    sim.set(list_order="newest_first")
    assert [row["id"] for row in sim.rows(p_col="+id")] == numbers[::-1]


def test_numbers_may_be_sorted_as_text(sim: Simulator) -> None:
    sim.admin("PATCH", "/settings", {"sorting": "as_text"})
    numbers = [str(number) for number in make(sim, 3)]
    assert [row["id"] for row in sim.rows(p_col="-id")] == sorted(numbers, reverse=True)


def test_p_cnt_may_be_ignored(sim: Simulator) -> None:
    make(sim, 3)
    sim.set(page_size="ignored")
    assert len(sim.rows(p_cnt="1", p_num="2")) == 3
