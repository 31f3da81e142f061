"""The invented queue of events: polled, per account, emptied by being read."""

from __future__ import annotations

import pytest

from tests.simulator.running import USER, Simulator


def take(sim: Simulator, **more: str) -> list[tuple[str, str]]:
    return [(row["item"], row["action"]) for row in sim.rows("sim.events.take", **more)]


def test_without_the_knob_there_is_no_queue(sim: Simulator) -> None:
    sim.order()
    assert sim.error("sim.events.take") == ("missed", "func")


def test_reading_empties_the_queue_of_the_account(sim: Simulator) -> None:
    sim.set(event_queue="on")
    number = str(sim.order())
    sim.xml("vds.suspend", elid=number)
    sim.admin("PATCH", f"/items/{number}", {"ip": "192.0.2.9"})
    assert take(sim, authinfo="other:word") == []
    expected = [(number, "service.postopen"), (number, "service.postsuspend"), (number, "item.edit")]
    assert take(sim) == expected
    assert take(sim) == []


def test_a_second_reader_takes_what_was_meant_for_the_first(sim: Simulator) -> None:
    sim.set(event_queue="on")
    number = sim.order()
    sim.rows()
    (event,) = sim.admin("DELETE", f"/accounts/{USER}/events")["events"]
    assert (event["item"], event["action"]) == (number, "service.postopen")
    assert take(sim) == []


@pytest.mark.parametrize(("fault", "count"), [("lose", 0), ("twice", 6), ("shuffled", 3)])
def test_a_batch_may_be_lost_come_twice_or_in_any_order(sim: Simulator, fault: str, count: int) -> None:
    sim.set(event_queue="on", event_fault=fault)
    for item in (1, 2, 3):
        sim.admin("POST", f"/accounts/{USER}/events", {"item": item, "action": "service.postopen"})
    taken = take(sim)
    assert len(taken) == count
    assert set(taken) <= {(str(item), "service.postopen") for item in (1, 2, 3)}
    assert take(sim) == []


def test_an_event_may_come_late(sim: Simulator) -> None:
    sim.set(event_queue="on", event_delay=3600)
    number = str(sim.order())
    assert take(sim) == []
    sim.admin("POST", "/clock", {"advance_seconds": 3601})
    assert take(sim) == [(number, "service.postopen")]
