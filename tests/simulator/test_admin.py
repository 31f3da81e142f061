"""The admin API: services, accounts, tariffs and knobs changed by hand."""

from __future__ import annotations

from datetime import date

import pytest

from tests.simulator.running import ORDER, USER, Simulator


def test_staff_suspends_extends_moves_and_deletes_a_service(sim: Simulator) -> None:
    number = sim.order()
    sim.admin("PATCH", f"/items/{number}", {"reason": "employeesuspend"})
    (row,) = sim.rows()
    assert (row["status"], row["status_msg"]) == ("3", "item_status_3_employeesuspend")
    before = date.fromisoformat(row["expiredate"])
    sim.admin("PATCH", f"/items/{number}", {"status": 2, "extend_months": 12, "ip": "192.0.2.99", "pricelist": 59})
    (row,) = sim.rows()
    assert (row["status"], row["status_msg"], row["ip"]) == ("2", "", "192.0.2.99")
    assert (row["pricelist"], row["item_cost"]) == ("VPS-2", "10.0000")
    assert date.fromisoformat(row["expiredate"]).year == before.year + 1
    sim.admin("DELETE", f"/items/{number}")
    assert sim.rows()[0]["status"] == "4"
    sim.admin("DELETE", f"/items/{number}?how=vanish")
    assert sim.rows() == []
    assert len(sim.charges()) == 1, "nothing by hand was charged"


def test_a_value_that_cannot_be_right_is_taken(sim: Simulator) -> None:
    number = sim.order()
    sim.admin("PATCH", f"/items/{number}", {"expiredate": "1969-12-31", "cost": "0"})
    (row,) = sim.rows()
    assert (row["expiredate"], row["item_cost"]) == ("1969-12-31", "0.0000")


def test_items_are_found_by_account_and_mark(sim: Simulator) -> None:
    number = sim.order(remoteid="a-1")
    sim.order(remoteid="a-2")
    found = sim.admin("GET", f"/items?account={USER}&remoteid=a-1")
    assert found["count"] == 1
    assert sim.admin("GET", f"/items/{number}") == found["items"][0]
    assert sim.admin("GET", "/items?account=other")["count"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "/settings", {"no_such_knob": 1}, 422),
        ("PATCH", "/settings", {"opening_delay": -1}, 422),
        ("POST", "/faults", {"kind": "explode"}, 422),
        ("GET", "/items?colour=red", None, 422),
        ("GET", "/items/1", None, 404),
        ("PATCH", "/accounts/nobody", {"balance": "1"}, 404),
        ("POST", "/items", {"account": USER, "type": "vds", "pricelist": 20}, 422),
        ("DELETE", "/faults/99", None, 404),
        ("GET", "/nothing", None, 404),
    ],
)
def test_a_mistake_is_told(sim: Simulator, method: str, path: str, body: object, status: int) -> None:
    answer = sim.client.request(method, f"{sim.root}/_sim{path}", json=body)
    assert answer.status_code == status


def test_the_log_masks_secrets_and_counts(sim: Simulator) -> None:
    sim.admin("DELETE", "/requests")
    sim.raw("v2.vds.order.param", ORDER, sok="-")
    sim.order(remoteid="a-1")
    sim.raw("auth", authinfo="-", username=USER, password="sec:ret")
    log = sim.admin("GET", "/requests")
    assert log["counts"] == {"v2.vds.order.param": 2, "auth": 1}
    assert log["commits"] == {"v2.vds.order.param": 1}
    assert "sec:ret" not in str(log)
    entry = log["requests"][1]
    assert entry["parameters"]["authinfo"] == f"{USER}:***"
    assert entry["parameters"]["remoteid"] == "a-1"
    assert (entry["account"], entry["outcome"], entry["committing"]) == (USER, "ok", True)
    later = sim.admin("GET", f"/requests?since={entry['number']}")
    assert [request["function"] for request in later["requests"]] == ["auth"]


def test_a_price_changes_for_new_orders_only(sim: Simulator) -> None:
    sim.order()
    sim.admin("PATCH", "/pricelists/58", {"prices": {"1": "6.00"}})
    sim.order()
    assert [row["item_cost"] for row in sim.rows()] == ["5.0000", "6.0000"]
    sim.admin("PATCH", "/pricelists/58", {"active": False})
    assert sim.error("v2.vds.order.param", ORDER) == ("wizard_unavailable", "pricelist")
    sim.admin("POST", "/reset")
    assert sim.rows() == []
    assert sim.xml("v2.vds.order.param", ORDER, sok="-").find("error") is None


def test_charges_are_added_up(sim: Simulator) -> None:
    number = sim.order(remoteid="a-1")
    sim.order(remoteid="a-2")
    assert sim.admin("GET", "/charges")["total"] == "10.00"
    assert sim.admin("GET", f"/charges?item={number}")["count"] == 1
    assert sim.admin("GET", "/charges?remoteid=a-2&operation=open")["total"] == "5.00"


def test_the_clock_can_be_set_and_put_back(sim: Simulator) -> None:
    sim.admin("POST", "/clock", {"set": "2027-01-31T12:00:00Z"})
    sim.order()
    assert (sim.rows()[0]["createdate"], sim.rows()[0]["expiredate"]) == ("2027-01-31", "2027-02-28")
    assert sim.admin("POST", "/clock", {"reset": True})["offset_seconds"] == 0


def test_latency_is_a_round_trip(sim: Simulator) -> None:
    sim.set(latency_ms=120)
    assert sim.raw("whoami").elapsed.total_seconds() >= 0.12


def test_an_account_may_have_money_in_two_currencies(sim: Simulator) -> None:
    sim.admin("PATCH", f"/accounts/{USER}", {"currency": "USD", "balance": "33.00"})
    rows = sim.json("subaccount")["elem"]
    assert [(row["currency"]["$"], row["balance"]["$"]) for row in rows] == [("EUR", "100.00"), ("USD", "33.00")]
    sim.order()
    assert sim.balance() == "95.00"
