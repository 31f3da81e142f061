"""Ordering: what is refused, what is charged, and how a service comes to life."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest

from tests.simulator.running import ORDER, USER, Simulator

ORDERING = "v2.vds.order.param"


def test_an_order_is_charged_once_and_opens(sim: Simulator) -> None:
    number = sim.order(remoteid="a-1", domain="V1.Example.Test", addon_61="4", ostempl="Ubuntu-24.04", autoprolong="on")
    (row,) = sim.rows()
    assert (row["status"], row["domain"], row["remoteid"]) == ("2", "v1.example.test", "a-1")
    assert (row["item_cost"], row["autoprolong"]) == ("7.0000", "Month")
    assert date.fromisoformat(row["expiredate"]) > datetime.now(UTC).date()
    (charge,) = sim.charges()
    expected = {"item": number, "amount": "7.00", "operation": "open", "remoteid": "a-1", "account": USER}
    assert expected.items() <= charge.items()
    assert sim.balance() == "93.00"
    form = {child.tag: child.text for child in sim.xml("vds.edit", elid=str(number))}
    assert (form["ostempl"], form["addon_61"], form["username"]) == ("Ubuntu-24.04", "4", "root")
    assert form["password"]


def test_the_name_is_invented_when_none_is_given(sim: Simulator) -> None:
    number = sim.order()
    assert sim.rows()[0]["domain"] == f"vds{number}.upstream.example"


def test_reading_the_form_costs_nothing(sim: Simulator) -> None:
    doc = sim.xml(ORDERING, ORDER, sok="-", order_period="12", addon_62="on")
    assert doc.findtext("list[@name='total_summary']/elem/cost/price/cost") == "74.00"
    assert "74.00 EUR" in (doc.findtext("orderinfo") or "")
    assert sim.rows() == []
    assert sim.charges() == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"pricelist": "-"}, ("wizard_unavailable", "pricelist")),
        ({"pricelist": "999"}, ("wizard_unavailable", "pricelist")),
        ({"pricelist": "20"}, ("wizard_unavailable", "pricelist")),
        ({"order_period": "-"}, ("value", "order_period")),
        ({"order_period": "5"}, ("value", "order_period")),
        ({"order_period": "-", "period": "1"}, ("value", "order_period")),
        ({"datacenter": "-"}, ("value", "datacenter")),
        ({"datacenter": "7"}, ("value", "datacenter")),
        ({"ostempl": "Windows"}, ("value", "ostempl")),
        ({"recipe": "none-such"}, ("value", "recipe")),
        ({"addon_61": "many"}, ("value", "addon_61")),
        ({"addon_61": "99"}, ("limit", "addon_61")),
        ({"addon_9": "1"}, ("value", "addon_9")),
        ({"domain": "not a domain"}, ("value", "domain")),
        ({"autoprolong": "5"}, ("value", "autoprolong")),
        ({"order_count": "11"}, ("limit", "order_count")),
        ({"promocode": "SUMMER"}, ("missed", "promocode")),
        ({"project": "2"}, ("missed", "project")),
    ],
)
def test_a_bad_field_is_named_and_nothing_happens(
    sim: Simulator, changed: dict[str, str], expected: tuple[str, str]
) -> None:
    assert sim.error(ORDERING, {**ORDER, **changed}) == expected
    assert sim.rows() == []
    assert sim.charges() == []


def test_each_dialect_wants_its_own_name_for_the_period(sim: Simulator) -> None:
    assert sim.error("vds.order.param", ORDER) == ("value", "period")
    assert sim.xml("vds.order.param", ORDER, period="1").findtext("item.id")


@pytest.mark.parametrize(("spoken", "refused"), [(5, "v2.vds.order.param"), (6, "vds.order.param")])
def test_a_panel_of_one_dialect_does_not_know_the_other(sim: Simulator, spoken: int, refused: str) -> None:
    sim.set(dialects=[spoken])
    assert sim.error(refused, ORDER, period="1") == ("missed", "func")
    licence = {"pricelist": "3541", "period": "1", "ip": "192.0.2.1", "sok": "ok", "skipbasket": "on"}
    assert sim.xml("soft.order.param", licence).findtext("id"), "licences have one name in both"


def test_several_at_once(sim: Simulator) -> None:
    answer = sim.xml(ORDERING, ORDER, order_count="3").findtext("item.id")
    assert answer == ", ".join(row["id"] for row in sim.rows())
    assert len(sim.charges()) == 3


def test_too_little_money_leaves_nothing(sim: Simulator) -> None:
    assert sim.error(ORDERING, ORDER, order_period="36")[0] == "not_enough_money"
    assert sim.rows() == []


def test_too_little_money_may_leave_an_ordered_row(sim: Simulator) -> None:
    sim.set(not_enough_money="ordered_row")
    assert sim.error(ORDERING, ORDER, order_period="36", remoteid="a-1")[0] == "not_enough_money"
    (row,) = sim.rows()
    assert (row["status"], row["remoteid"]) == ("1", "a-1")
    assert sim.charges() == []


def test_credit_counts_as_money_and_a_reserve_does_not(sim: Simulator) -> None:
    sim.admin("PATCH", f"/accounts/{USER}", {"balance": "0", "credit_limit": "5"})
    sim.order()
    assert sim.balance() == "-5.00"
    sim.admin("PATCH", f"/accounts/{USER}", {"balance": "10", "credit_limit": "0", "reserved": "6"})
    assert sim.error(ORDERING, ORDER)[0] == "not_enough_money"


def test_many_at_once_never_overdraw(sim: Simulator) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: sim.raw(ORDERING, ORDER).text, range(30)))
    assert sum("not_enough_money" in answer for answer in answers) == 10
    assert len(sim.charges()) == 20
    assert sim.balance() == "0.00"


def test_the_same_mark_twice_is_two_services_unless_the_panel_refuses_it(sim: Simulator) -> None:
    assert sim.order(remoteid="a-1") != sim.order(remoteid="a-1")
    sim.set(remoteid_unique=True)
    assert sim.error(ORDERING, ORDER, remoteid="a-1") == ("exists", "remoteid")
    assert len(sim.charges(remoteid="a-1")) == 2


def test_an_order_passes_through_ordered_and_processing(sim: Simulator) -> None:
    sim.set(processing_delay=3600, opening_delay=3600)
    number = sim.order()
    (row,) = sim.rows()
    assert (row["status"], row["expiredate"]) == ("1", "")
    sim.admin("POST", "/clock", {"advance_seconds": 3601})
    (row,) = sim.rows()
    assert (row["status"], row["status_msg"]) == ("5", "item_status_5_open")
    sim.admin("POST", "/clock", {"advance_seconds": 3601})
    assert sim.wait_for_status(number, "2")["ip"]


def test_a_manual_opening_waits_for_a_person(sim: Simulator) -> None:
    sim.set(opening="manual")
    number = sim.order()
    sim.admin("POST", "/clock", {"advance_days": 2})
    assert sim.rows()[0]["status"] == "5"
    sim.admin("POST", f"/items/{number}/open")
    assert sim.rows()[0]["status"] == "2"


def test_a_service_that_no_module_can_open_says_so(sim: Simulator) -> None:
    sim.set(opening="no_module")
    sim.order()
    (row,) = sim.rows()
    assert (row["status"], row["status_msg"]) == ("5", "item_status_service_nosuitable")


def test_a_refused_opening_gives_the_money_back(sim: Simulator) -> None:
    sim.set(opening="refused")
    sim.order()
    assert sim.rows()[0]["status"] == "4"
    assert sim.balance() == "100.00"
    assert [charge["operation"] for charge in sim.charges()] == ["open", "refund"]


def test_a_row_may_appear_later_than_the_answer(sim: Simulator) -> None:
    sim.set(commit_delay=3600)
    number = sim.order()
    assert sim.rows() == []
    assert sim.error("vds.edit", elid=str(number)) == ("missed", "vds")
    sim.admin("POST", "/clock", {"advance_seconds": 3601})
    assert [row["id"] for row in sim.rows()] == [str(number)]


def test_a_licence_key_arrives_later(sim: Simulator) -> None:
    sim.set(licence_key_delay=3600)
    licence = {"pricelist": "3541", "period": "-100", "ip": "192.0.2.1", "licname": "L-1"}
    number = sim.xml("soft.order.param", licence, sok="ok", skipbasket="on").findtext("id") or ""
    form = sim.xml("soft.edit", elid=number)
    assert (form.findtext("status"), form.findtext("lickey")) == ("2", "")
    sim.admin("POST", "/clock", {"advance_seconds": 3601})
    assert sim.xml("soft.edit", elid=number).findtext("lickey")


def test_the_old_cart_is_paid_with_payment_add(sim: Simulator) -> None:
    sim.set(opening_delay=3600)
    order = {**ORDER, "period": "1", "skipbasket": "-"}
    bill = sim.json("vds.order.param", order)["billorder.id"]["$"]
    assert sim.rows()[0]["status"] == "1"
    basket = sim.json("basket")
    assert (basket["billorder"]["$"], basket["total_sum"]["$"]) == (bill, "5.00 EUR")
    assert basket["list"]["elem"]["item.type"] == {"$": "vds"}
    assert sim.charges() == []
    sim.xml("payment.add", billorder=bill, clicked_button="fromsubaccount", sok="ok")
    assert sim.rows()[0]["status"] == "5"
    assert len(sim.charges()) == 1
    assert sim.error("payment.add", billorder=bill, clicked_button="fromsubaccount", sok="ok")[0] == "missed"


def test_the_new_cart_is_paid_with_a_confirmation_that_names_no_service(sim: Simulator) -> None:
    order = {**ORDER, "skipbasket": "-", "clicked_button": "order"}
    first, second = (sim.json(ORDERING, order)["lineitem.id"]["$"] for _ in range(2))
    sim.xml("cart", id=second, clicked_button="delete", sok="ok")
    assert [row["id"]["$"] for row in sim.json("cart")["list"][0]["elem"]] == [first]
    doc = sim.json("cartorder.create.confirm", elid=first, paymethod_id="0", sok="ok")
    assert list(doc) == ["ok"]
    assert [row["status"] for row in sim.rows()] == ["2"]
    assert "elem" not in sim.json("cart")["list"][0]


def test_an_emptied_cart_takes_its_unpaid_services_along(sim: Simulator) -> None:
    sim.json(ORDERING, {**ORDER, "skipbasket": "-"})
    sim.xml("cart.empty", sok="ok")
    assert sim.rows() == []


def test_money_in_another_currency_is_converted(sim: Simulator) -> None:
    sim.admin("POST", "/accounts", {"name": "roubles", "password": "word", "balance": "1000", "currency": "RUB"})
    sim.order(authinfo="roubles:word")
    assert sim.balance("roubles") == "500.00"


@pytest.mark.parametrize(("func", "pricelist"), [("v2.vhost.order.param", "20"), ("v2.dedic.order.param", "90")])
def test_hosting_and_dedicated_servers_are_ordered_alike(sim: Simulator, func: str, pricelist: str) -> None:
    sim.xml(func, ORDER, pricelist=pricelist, domain="h1.example.test")
    (row,) = sim.rows(func.split(".")[1])
    assert (row["domain"], row["status"]) == ("h1.example.test", "2")


def test_a_licence_address_may_be_checked_first(sim: Simulator) -> None:
    check = {"pricelist": "3541", "period": "1", "ip": "192.0.2.1"}
    assert sim.xml("soft.checkip", check).find("ok") is not None
    sim.xml("soft.order.param", check, sok="ok", skipbasket="on")
    assert sim.error("soft.checkip", check) == ("exists", "ip")


@pytest.mark.parametrize("field", ["pricelist", "order_period", "datacenter", "order_count", "addon_61"])
def test_odd_numbers_are_refused_like_any_other(sim: Simulator, field: str) -> None:
    for odd in ("²", "٣", "1_2", "9" * 5000, "-1", "1.0", "\x00", "1, 2"):
        assert sim.error(ORDERING, {**ORDER, field: odd})[0] in ("value", "limit", "wizard_unavailable"), odd


def test_a_service_is_not_found_under_an_odd_number(sim: Simulator) -> None:
    for odd in ("²", "٣", "1_2", "9" * 5000, "-1", "", "\x00", "1, 2"):
        assert sim.error("vds.edit", elid=odd) == ("missed", "vds"), odd


def test_a_mark_is_given_back_as_it_was_written(sim: Simulator) -> None:
    mark = "<a&b> \"c\" 'd' ü"
    sim.order(remoteid=mark)
    assert sim.rows()[0]["remoteid"] == mark
    for out in ("json", "xjson"):
        assert sim.json("vds", out=out)["elem"]["remoteid"]["$"] == mark
    assert sim.json("vds", out="bjson")["elem"][0]["remoteid"] == mark
    assert sim.error(ORDERING, ORDER, remoteid="a\nb") == ("value", "remoteid")
