"""Many services at once, and lists of them."""

from __future__ import annotations

from pathlib import Path

from tests.simulator.running import USER, Simulator

MANY = {"account": USER, "type": "vds", "pricelist": 58, "domain": "v.example.test", "count": 3}


def test_many_are_made_in_one_call_and_differ_by_number_and_name(sim: Simulator) -> None:
    made = sim.admin("POST", "/items/many", MANY)
    assert made["count"] == 3
    rows = sim.rows()
    assert [int(row["id"]) for row in rows] == list(range(made["first"], made["last"] + 1))
    assert [row["name"] for row in rows] == ["1-v.example.test", "2-v.example.test", "3-v.example.test"]
    assert {row["status"] for row in rows} == {"2"}
    assert sim.charges() == []


def test_nothing_is_made_where_the_request_makes_no_sense(sim: Simulator) -> None:
    for wrong in ({"count": 0}, {"pricelist": 20}, {"account": "nobody"}):
        answer = sim.client.post(f"{sim.root}/_sim/items/many", json=MANY | wrong)
        assert answer.status_code in (404, 422), answer.text
    assert sim.rows() == []


def test_they_are_kept_over_a_crash(tmp_path: Path) -> None:
    first = Simulator(tmp_path / "state")
    first.admin("POST", "/items/many", MANY)
    first.kill()
    second = Simulator(tmp_path / "state")
    try:
        assert len(second.rows()) == 3
    finally:
        second.close()


def test_rows_that_were_read_look_as_the_knobs_say_now(sim: Simulator) -> None:
    sim.set(remoteid_in_lists=False)
    sim.admin("POST", "/items/many", MANY)
    assert all("remoteid" not in row for row in sim.rows())
    sim.set(opening="manual", opening_delay=2.0, latency_ms=1)
    sim.set(remoteid_in_lists=True)
    assert all("remoteid" in row for row in sim.rows())
