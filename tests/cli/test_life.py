"""The life of a service from the shell, with a whole reseller behind it; and the work of people on its tasks."""

import pytest

from tests.cli.shell import Shell
from tests.flow.shop import Shop


@pytest.mark.proof
async def test_a_service_is_led_through_its_life_from_the_shell(shop: Shop, shop_shell: Shell) -> None:
    resell = shop_shell.resell
    (await resell("order", "VDS-1", "--customer", "jane", "--period", 1, "--wait")).done()
    prolonged = (await resell("prolong", 1, "--period", 1, "--key", "p-1", "--wait", "--json")).done().json
    assert (prolonged["kind"], prolonged["created"], prolonged["stage"]) == ("prolong", True, "completed")
    assert prolonged["cost"]["amount"] == "5.0000"
    again = (await resell("prolong", 1, "--period", 1, "--key", "p-1", "--json")).done().json
    assert (again["operation"], again["created"]) == (prolonged["operation"], False)
    changed = (await resell("change", 1, "--addon", "ram=2", "--domain", "v2.example.com")).done()
    assert "look again with: resell operations show 3" in changed.lines[-1]
    suspended = await resell("suspend", 1, "--reason", "it sends spam", "--wait")
    assert suspended.done().lines[-1].startswith("service 1 is suspended as item ")
    service = (await resell("services", "show", 1, "--json")).done().json
    assert (service["addons"], service["name"]) == ({"ram": 2}, "v2.example.com")
    refused = await resell("close", 1, "--at", "end_of_term", "--dry-run")
    assert (refused.status, "--dry-run" in refused.err) == (2, True)
    later = await resell("close", 1, "--at", "end_of_term")
    assert later.done().lines == ["service 1 is closed at the end of its term"]
    again = (await resell("close", 1, "--at", "end_of_term", "--json")).done().json
    assert again == {"service": 1, "at_end_of_term": "close", "changed": False}
    assert (await resell("services", "show", 1, "--json")).done().json["at_end_of_term"] == "close"
    assert (await resell("close", 1, "--wait")).done().lines[-1].startswith("service 1 is closed")
    (await resell("resume", 1)).failed("service 1 is closed; nothing can be done to it any more")
    assert len([charge for charge in await shop.upstream.charges() if charge["operation"] == "prolong"]) == 1


@pytest.mark.proof
async def test_a_task_is_taken_handed_over_and_done_from_the_shell(shop: Shop, shop_shell: Shell) -> None:
    resell = shop_shell.resell
    (await resell("order", "VDS-1", "--customer", "jane", "--period", 1, "--wait")).done()
    waiting = await resell("change-plan", 1, "VDS-2", "--wait")
    assert waiting.status == 1
    assert waiting.lines[-2].startswith("awaiting_manual_task; a person may: do the task")
    await shop.until_left_to_people(2)
    [task] = (await resell("tasks", "--mode", "manual", "--free", "--department", "support", "--json")).json["items"]
    number = task["number"]
    taken = (await resell("tasks", "take", number, "--as", "anna")).done()
    assert taken.lines == [f"task {number} is in anna's hands"]
    (await resell("tasks", "take", number, "--as", "boris")).failed(f"task {number} is anna's since")
    (await resell("tasks", "note", number, "boris has the key", "--as", "anna")).done()
    handed = (await resell("tasks", "hand-over", number, "boris", "--as", "anna")).done()
    assert handed.lines == [f"task {number} is in boris's hands; note: boris has the key"]
    shown = (await resell("tasks", "show", number)).done().out
    for words in ("VDS-2", "temporal workflow signal --name manual_change_completed", "task_handed_over"):
        assert words in shown
    [row] = [line for line in (await resell("tasks", "--assignee", "boris")).done().lines if "boris" in line]
    assert "open, manual" in row
    (await resell("tasks", "complete", number, "--note", "done", "--as", "boris")).failed("not done yet")
    [item] = await shop.upstream.items()
    await shop.upstream.admin("PATCH", f"/items/{item['id']}", {"pricelist": 59})
    done = (await resell("tasks", "complete", number, "--note", "done", "--as", "boris", "--json")).done()
    assert done.json["stage"] == "completed"
    assert (await resell("services", "show", 1, "--json")).json["plan"] == "VDS-2"
    (await resell("tasks", "reject", number, "--reason", "no")).failed(f"task {number} is done")
