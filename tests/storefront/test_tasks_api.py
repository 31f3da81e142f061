"""People's work on tasks: who has one in hand, what is noted, what only its holder may do."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from models.columns import utc_now
from models.enums import Stage
from models.order import Task
from orders.tasks import manual
from tests.storefront.api import COLLEAGUE, Api, assert_problem

ACTIONS: dict[str, object] = {
    "take": {},
    "release": {},
    "hand-over": {"to": "boris"},
    "note": {"note": "the upstream calls back"},
    "complete": {"note": "done"},
    "reject": {"reason": "no room"},
}


async def with_tasks(api: Api) -> Api:
    """Task 1 asks a person to act; task 2 is automatic."""
    await api.order("cart-1")
    await api.order("cart-2")
    async with api.database.write() as session:
        await manual.open_task(session, 1, "the upstream can't do it by itself")
    return api


@pytest.fixture
async def manual_api(api: Api) -> Api:
    return await with_tasks(api)


@pytest.fixture
async def manual_sqlite_api(sqlite_api: Api) -> Api:
    return await with_tasks(sqlite_api)


async def act(api: Api, action: str, body: object = None, task: int = 1, **more: Any) -> Any:
    return await api.operator.post(f"/v1/tasks/{task}/{action}", json=body, **more)


async def test_a_manual_task_shows_all_that_is_needed_to_do_it(manual_sqlite_api: Api) -> None:
    task = (await manual_sqlite_api.operator.get("/v1/tasks/1")).json()

    assert (task["mode"], task["state"], task["assignee"], task["overdue"]) == ("manual", "open", None, False)
    assert task["due_at"] is not None
    assert task["signal_command"].startswith("temporal workflow signal --name manual_change_completed --workflow-id s")
    assert task["signal_command"] in task["instructions"]
    assert [entry["action"] for entry in task["history"]] == ["order_accepted", "manual_task_opened"]
    assert (await manual_sqlite_api.shop.get("/v1/tasks/1")).json()["history"] is None


async def test_the_upstreams_words_are_no_command(sqlite_api: Api) -> None:
    """A reason may quote the upstream: what looks like a command or a step in it is neither."""
    await sqlite_api.order("cart-1")
    quoted = "refused\n9. Pay it.\ntemporal workflow signal --name cancel --workflow-id x"
    async with sqlite_api.database.write() as session:
        await manual.open_task(session, 1, quoted)
    task = (await sqlite_api.operator.get("/v1/tasks/1")).json()
    assert task["signal_command"].startswith("temporal workflow signal --name manual_change_completed --workflow-id s")
    assert "9. Pay it." not in task["instructions"].splitlines()


async def test_a_task_goes_from_hand_to_hand_and_its_history_tells(manual_api: Api) -> None:
    assert (await act(manual_api, "take")).json()["assignee"] == "olga"
    assert (await act(manual_api, "take")).json()["taken_at"] is not None
    for action in ("take", "release", "complete", "reject"):
        answer = await act(manual_api, action, ACTIONS[action], headers=COLLEAGUE)
        assert "olga's since" in assert_problem(answer, 409, "refused")
    assert (await act(manual_api, "note", {"note": "I am off, boris"})).json()["note"] == "I am off, boris"
    assert (await act(manual_api, "hand-over", {"to": "boris"})).json()["assignee"] == "boris"
    assert_problem(await act(manual_api, "release"), 409, "refused")
    assert (await act(manual_api, "release", headers=COLLEAGUE)).json()["assignee"] is None

    history = (await manual_api.operator.get("/v1/tasks/1")).json()["history"]

    assert [(entry["actor"], entry["action"], entry["detail"]) for entry in history if entry["subject"] == "task"] == [
        ("olga", "task_taken", {"to": "olga"}),
        ("olga", "task_noted", {"note": "I am off, boris"}),
        ("olga", "task_handed_over", {"from": "olga", "to": "boris"}),
        ("boris", "task_released", {"from": "boris"}),
    ]


async def test_of_two_who_take_a_task_at_once_one_has_it(manual_api: Api) -> None:
    answers = await asyncio.gather(*(act(manual_api, "take", headers=who) for who in [COLLEAGUE, {}] * 4))

    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [409] * 4
    assert len({answer.json()["assignee"] for answer in answers if answer.is_success}) == 1
    history = (await manual_api.operator.get("/v1/tasks/1")).json()["history"]
    assert [entry["action"] for entry in history].count("task_taken") == 1


async def test_an_automatic_task_is_only_acted_on_with_a_reason(manual_sqlite_api: Api) -> None:
    for action, body in ACTIONS.items():
        assert "is automatic" in assert_problem(await act(manual_sqlite_api, action, body, task=2), 409, "refused")
    assert_problem(await act(manual_sqlite_api, "take", {"override": True}, task=2), 422, "invalid-field", "reason")
    why = {"override": True, "reason": "it hangs"}
    assert (await act(manual_sqlite_api, "take", why, task=2)).json()["assignee"] == "olga"
    opening = assert_problem(await act(manual_sqlite_api, "complete", why, task=2), 409, "refused")
    assert "mark operation 2 done" in opening
    assert_problem(await act(manual_sqlite_api, "take", why), 409, "refused")  # a manual one is there to be acted on

    await manual_sqlite_api.enter(2, Stage.QUEUED)  # what has not begun is cancelled without its workflow
    rejected = await act(manual_sqlite_api, "reject", why, task=2)

    assert rejected.status_code == 200, rejected.text
    assert rejected.json()["state"] == "cancelled"
    history = (await manual_sqlite_api.operator.get("/v1/tasks/2")).json()["history"]
    assert ("task_taken", "it hangs") in [(entry["action"], entry["detail"].get("override")) for entry in history]
    assert ("cancel", "override of task 2: it hangs") in [
        (entry["action"], entry["detail"].get("reason")) for entry in history
    ]


async def test_nobody_acts_on_a_task_that_is_over(manual_sqlite_api: Api) -> None:
    await manual_sqlite_api.enter(1, Stage.CANCELLED)

    for action, body in ACTIONS.items():
        assert "is cancelled" in assert_problem(await act(manual_sqlite_api, action, body), 409, "refused")


async def test_lists_find_what_is_to_be_done(manual_api: Api) -> None:
    await act(manual_api, "take")
    async with manual_api.database.write() as session:
        task = await session.get_one(Task, 1)
        task.due_at, task.created_at = utc_now() - timedelta(hours=1), utc_now() - timedelta(hours=25)

    async def found(question: str) -> list[int]:
        answer = await manual_api.shop.get(f"/v1/tasks?{question}")
        assert answer.status_code == 200, answer.text
        return [task["number"] for task in answer.json()["items"]]

    for question in ("mode=manual", "assignee=olga", "taken=true", "overdue=true", "older_than=24h", "older_than=90m"):
        assert await found(question) == [1], question
    for question in ("mode=automatic", "taken=false", "overdue=false"):
        assert await found(question) == [2], question
    assert await found("department=support&state=open") == [2, 1]
    assert await found("older_than=2d") == await found("assignee=boris") == []
    assert (await manual_api.shop.get("/v1/tasks/1")).json()["overdue"] is True


@pytest.mark.parametrize("action", ACTIONS)
async def test_tasks_are_for_operators_and_must_be_there(idle_api: Api, action: str) -> None:
    body = ACTIONS[action]
    assert_problem(await idle_api.shop.post(f"/v1/tasks/1/{action}", json=body), 403, "forbidden")
    for number in (1, 10**30):
        answer = await idle_api.operator.post(f"/v1/tasks/{number}/{action}", json=body)
        assert_problem(answer, 404, "not-found")


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("take", {"override": "yes"}, "override"),
        ("hand-over", {}, "to"),
        ("hand-over", {"to": " "}, "to"),
        ("hand-over", {"to": "x" * 65}, "to"),
        ("note", {"note": ""}, "note"),
        ("complete", {"note": "a\0"}, "note"),
        ("reject", {}, "reason"),
        ("reject", {"reason": "no", "note": "x"}, "note"),
    ],
)
async def test_what_is_wrong_is_named(idle_api: Api, action: str, body: object, field: str) -> None:
    assert_problem(await idle_api.operator.post(f"/v1/tasks/1/{action}", json=body), 422, "invalid-field", field)


async def test_an_age_is_minutes_hours_or_days(idle_api: Api) -> None:
    assert_problem(await idle_api.shop.get("/v1/tasks?older_than=soon"), 422, "invalid-field", "older_than")
