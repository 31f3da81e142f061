"""One decision about many operations: a preview writes down which, and a run touches no others."""

from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from models.enums import OperationKind, Stage, TaskState
from models.order import Operation, Task
from orders.decisions import batches
from orders.tasks import manual
from temporal import updates
from tests.storefront.api import COLLEAGUE, Api, assert_problem

PATH = "/v1/operations/batch"
CANCEL: dict[str, Any] = {"action": "cancel", "reason": "the shop closes", "dry_run": True}


async def preview(api: Api, **asked: Any) -> dict[str, Any]:
    answer = await api.operator.post(PATH, json=CANCEL | asked)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def states(batch: dict[str, Any]) -> dict[int, str]:
    return {one["operation"]: one["state"] for one in batch["items"]}


async def stage(client: httpx.AsyncClient, number: int) -> str:
    return str((await client.get(f"/v1/operations/{number}")).json()["stage"])


async def test_an_empty_reference_does_not_find_everything_that_has_none(api: Api) -> None:
    await api.order("cart-1")
    await api.order("cart-2", reference="a")
    wrong = await api.operator.post(PATH, json=CANCEL | {"filter": {"reference": [""]}})
    assert_problem(wrong, 422, "invalid-field", "filter.reference.0")
    assert states(await preview(api, filter={"reference": ["a"]})) == {2: "planned"}
    for path in ("/v1/services", "/v1/operations"):
        assert_problem(await api.shop.get(path, params={"reference": ""}), 422, "invalid-field", "reference")


async def test_a_run_touches_what_the_preview_saw_and_nothing_that_came_later(api: Api) -> None:
    for number in range(1, 5):
        await api.order(f"cart-{number}")
        await api.enter(number, Stage.WAITING_FOR_FUNDS)
    await api.enter(4, Stage.COMPLETED)
    seen = await preview(api, filter={"stage": ["waiting_for_funds", "completed"]})
    assert states(seen) == {1: "planned", 2: "planned", 3: "planned", 4: "excluded"}
    assert "has ended" in seen["items"][3]["message"]
    assert (seen["counts"], seen["finished"], seen["begun_at"]) == ({"planned": 3, "excluded": 1}, False, None)
    assert await stage(api.operator, 1) == "waiting_for_funds", "a preview changes nothing"

    await api.enter(2, Stage.CHECKING_BALANCE)
    await api.order("cart-5")
    await api.enter(5, Stage.WAITING_FOR_FUNDS)
    ran = (await api.operator.post(f"{PATH}/{seen['number']}/run")).json()
    assert states(ran) == {1: "done", 2: "refused", 3: "done", 4: "excluded"}
    assert "gone on since the preview" in ran["items"][1]["message"]
    assert ran["finished"]
    stages = [await stage(api.operator, number) for number in range(1, 6)]
    assert stages == ["cancelled", "checking_balance", "cancelled", "completed", "waiting_for_funds"]

    again = (await api.operator.post(f"{PATH}/{seen['number']}/run")).json()
    assert again == ran == (await api.operator.get(f"{PATH}/{seen['number']}")).json()
    audit = (await api.operator.get("/v1/operations/1/audit")).json()["items"]
    assert [one["detail"]["reason"] for one in audit if one["action"] == "cancel"] == ["the shop closes (batch 1)"]


async def test_it_goes_on_in_parts_until_all_are_done(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "SLICE", 2)
    for number in range(1, 6):
        await api.order(f"cart-{number}")
    number = (await preview(api, filter={"kind": ["open"]}))["number"]
    done = []
    for _ in range(3):
        ran = (await api.operator.post(f"{PATH}/{number}/run")).json()
        done.append((ran["counts"].get("done", 0), ran["finished"]))
    assert done == [(2, False), (4, False), (5, True)]


async def test_an_operation_is_left_where_temporal_is_away_and_done_later(
    sqlite_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sqlite_api.order("cart-1")
    await sqlite_api.enter(1, Stage.NEEDS_ATTENTION, "x")
    number = (await preview(sqlite_api, filter={"operation": [1]}, action="retry"))["number"]
    monkeypatch.setattr(updates, "UPDATE_TIMEOUT_SECONDS", 0.2)  # no worker answers
    assert_problem(await sqlite_api.operator.post(f"{PATH}/{number}/run"), 503, "temporal-unavailable")
    left = (await sqlite_api.operator.get(f"{PATH}/{number}")).json()
    assert (states(left), left["finished"]) == ({1: "planned"}, False)


async def test_who_may_not_decide_singly_may_not_decide_about_many(sqlite_api: Api) -> None:
    await sqlite_api.order("cart-1")
    number = (await preview(sqlite_api, filter={"stage": ["accepted"]}))["number"]
    for path in (PATH, f"{PATH}/{number}/run"):
        assert_problem(await sqlite_api.shop.post(path, json=CANCEL | {"filter": {"kind": ["open"]}}), 403, "forbidden")
    assert_problem(await sqlite_api.stranger.post(f"{PATH}/{number}/run", headers=COLLEAGUE), 404, "not-found")
    assert_problem(await sqlite_api.operator.post(f"{PATH}/99/run"), 404, "not-found")
    assert await stage(sqlite_api.operator, 1) == "accepted"


async def test_a_filter_that_says_nothing_or_finds_too_much_is_refused(
    sqlite_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST", 1)
    for wanted, words in (({}, "is empty"), ({"stage": ["retrying"]}, "finds no operation")):
        answer = await sqlite_api.operator.post(PATH, json=CANCEL | {"filter": wanted})
        assert words in assert_problem(answer, 422, "invalid-field", "filter")
    for number in (1, 2):
        await sqlite_api.order(f"cart-{number}")
    answer = await sqlite_api.operator.post(PATH, json=CANCEL | {"filter": {"kind": ["open"]}})
    assert "more than 1 operations" in assert_problem(answer, 422, "invalid-field", "filter")
    for wrong in ({"dry_run": False}, {"reason": " "}, {"action": "mark_done"}):
        answer = await sqlite_api.operator.post(PATH, json=CANCEL | {"filter": {"kind": ["open"]}} | wrong)
        assert answer.status_code == 422


async def test_tasks_are_assigned_to_a_person_and_to_nobody_what_asks_nothing_of_people(api: Api) -> None:
    for number in range(1, 5):
        await api.order(f"cart-{number}")
    async with api.database.write() as session:
        for number in (1, 2, 3):
            await manual.open_task(session, number, "by hand")
    assign = {"action": "assign", "assignee": "anna", "reason": "olga is away", "filter": {"kind": ["open"]}}
    seen = await preview(api, **assign)
    assert (seen["assignee"], states(seen)) == ("anna", {1: "planned", 2: "planned", 3: "planned", 4: "excluded"})
    assert seen["items"][3]["message"] == "its task is automatic: nobody needs to act on it"
    await api.operator.post("/v1/tasks/2/take")
    await api.operator.post("/v1/tasks/3/take")
    async with api.database.write() as session:
        (await session.get_one(Task, 3)).state = TaskState.DONE
    ran = (await api.operator.post(f"{PATH}/{seen['number']}/run")).json()
    assert states(ran) == {1: "done", 2: "done", 3: "refused", 4: "excluded"}
    assert [one["message"] for one in ran["items"][:2]] == ["task 1 is anna's", "task 2 is anna's"]
    shown = (await api.operator.get("/v1/tasks/1")).json()
    assert (shown["assignee"], shown["history"][-1]["detail"]["reason"]) == ("anna", "olga is away (batch 1)")
    assert (await api.operator.get("/v1/tasks/4")).json()["assignee"] is None
    assert (await api.operator.post(f"{PATH}/{seen['number']}/run")).json() == ran
    for wrong in ({"assignee": None}, {"action": "cancel"}, {"assignee": " "}):
        answer = await api.operator.post(PATH, json={**assign, "dry_run": True, **wrong})
        assert_problem(answer, 422, "invalid-field", "assignee")


@pytest.mark.proof
async def test_the_thousand_and_first_operation_is_one_too_many(sqlite_api: Api) -> None:
    """A preview of a thousand takes as many statements as one of two."""
    await sqlite_api.order("cart-1")
    rows = [
        Operation(id=number, service_id=1, kind=OperationKind.SUSPEND, stage=Stage.CANCELLED).model_dump()
        for number in range(2, batches.MOST + 2)
    ]
    async with sqlite_api.database.write() as session:
        await (await session.connection()).execute(sa.insert(Operation), rows)
    counted: list[str] = []
    engine = sqlite_api.database.engine.sync_engine
    sa.event.listen(engine, "after_cursor_execute", lambda _c, _cursor, statement, *_: counted.append(statement))

    async def statements(numbers: list[int]) -> int:
        counted.clear()
        await preview(sqlite_api, filter={"operation": numbers})
        return len(counted)

    few = await statements([1, 2])
    assert await statements(list(range(1, batches.MOST + 1))) <= few + 2
    answer = await sqlite_api.operator.post(PATH, json=CANCEL | {"filter": {"kind": ["open", "suspend"]}})
    assert "more than 1000 operations" in assert_problem(answer, 422, "invalid-field", "filter")
