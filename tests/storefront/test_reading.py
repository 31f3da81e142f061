"""Services, operations, tasks: each is shown, listed, filtered, and paged without a gap or a repetition."""

from datetime import UTC, datetime

import httpx
import pytest

from models.enums import FailureClass, Stage
from orders.lifecycle.stages import enter, locked_operation, note_next_try
from tests.storefront.api import Api, assert_problem


async def numbers(api: Api, path: str, **filters: str | int) -> list[int]:
    answer = await api.shop.get(path, params=filters)
    assert answer.status_code == 200, answer.text
    return [item["number"] for item in answer.json()["items"]]


async def test_an_operation_is_shown_with_the_stages_it_has_passed(api: Api) -> None:
    await api.started_order()
    async with api.database.write() as session:
        operation = await locked_operation(session, 1)
        await enter(session, operation, Stage.WAITING_FOR_FUNDS, "5.00 EUR needed", failure=FailureClass.FUNDS)

    shown = (await api.shop.get("/v1/operations/1")).json()

    assert [entry["stage"] for entry in shown["stages"]] == ["accepted", "checking_balance", "waiting_for_funds"]
    assert shown["stages"][-1]["reason"] == "the reseller's account at the upstream has too little money"
    assert shown["stage"] == "waiting_for_funds"
    assert shown["stage_since"] == shown["stages"][-1]["at"]
    assert shown["waits_for"].startswith("money on the upstream account (the reseller's account")
    for_us = (await api.operator.get("/v1/operations/1")).json()
    assert for_us["stages"][-1]["reason"] == "5.00 EUR needed"
    assert for_us["waits_for"] == "money on the upstream account (5.00 EUR needed)"
    assert shown["next_step"]
    assert shown["person_may"] == "cancel the order", "a shop does not top up the upstream account"
    assert shown["failure_class"] == "funds"
    assert shown["task"] == 1
    assert shown["ended_at"] is None


@pytest.mark.parametrize(
    ("failure", "waits_for", "next_step"),
    [
        pytest.param(
            FailureClass.NOT_SENT,
            "the upstream to be reachable again",
            "the request of this attempt was not sent",
            marks=pytest.mark.proof,
        ),
        (FailureClass.OUTCOME_UNKNOWN, "an answer of the upstream to the reading", "repeated automatically"),
        pytest.param(
            FailureClass.UNHEALTHY,
            "the upstream account to work again",
            "one call tests the account from time to time",
            marks=pytest.mark.proof,
        ),
        pytest.param(
            FailureClass.NOT_YET,
            "the time before which the upstream refuses it",
            "nothing was charged",
            marks=pytest.mark.proof,
        ),
        (None, "the end of the problem that holds it up", "no request of it is under way"),
    ],
)
async def test_an_operation_that_is_tried_again_says_why_how_often_and_when(
    api: Api, failure: FailureClass | None, waits_for: str, next_step: str
) -> None:
    await api.started_order()
    at = datetime(2031, 3, 1, 12, 0, 5, tzinfo=UTC)
    async with api.database.write() as session:
        operation = await locked_operation(session, 1)
        await enter(session, operation, Stage.RETRYING, "its cause", failure=failure)
        for _ in range(3):
            await note_next_try(session, 1, at)
    for_shop = (await api.shop.get("/v1/operations/1")).json()
    assert for_shop["waits_for"].startswith(waits_for)
    assert "its cause" not in for_shop["waits_for"], "it may have an address in it"
    shown = (await api.operator.get("/v1/operations/1")).json()
    assert shown["waits_for"].startswith(waits_for)
    assert shown["waits_for"].endswith("(its cause)")
    assert next_step in shown["next_step"]
    assert shown["next_step"].endswith("Nothing has been sent for it so far")
    assert (shown["tries"], shown["next_try_at"]) == (3, "2031-03-01T12:00:05Z")
    await api.enter(1, Stage.SUBMITTING)
    shown = (await api.shop.get("/v1/operations/1")).json()
    assert (shown["tries"], shown["next_try_at"]) == (0, None), "that was of the stage before"


async def test_a_task_carries_the_service_number_and_ends_with_its_operation(api: Api) -> None:
    await api.order()
    task = (await api.shop.get("/v1/tasks/1")).json()
    assert (task["service"], task["operation"]) == (1, 1)
    assert (task["mode"], task["state"], task["department"]) == ("automatic", "open", "support")
    assert task["title"] == "Open VDS-1 as service 1 at main"

    await api.enter(1, Stage.COMPLETED)

    task = (await api.shop.get("/v1/tasks/1")).json()
    assert task["state"] == "done"
    assert task["closed_at"].endswith("Z")


async def test_services_are_listed_by_customer_status_and_plan(api: Api) -> None:
    await api.order("cart-1", customer="anna")
    await api.order("cart-2", customer="bert")
    await api.order("cart-3", customer="anna")

    assert await numbers(api, "/v1/services") == [3, 2, 1]
    assert await numbers(api, "/v1/services", customer="anna") == [3, 1]
    assert await numbers(api, "/v1/services", customer="anna", status="active") == []
    assert await numbers(api, "/v1/services", status="ordered", plan="VDS-1") == [3, 2, 1]
    assert await numbers(api, "/v1/services", plan="VDS-2") == []


async def test_operations_are_listed_by_stage_service_kind_and_upstream(api: Api) -> None:
    await api.order("cart-1")
    await api.order("cart-2")
    await api.enter(2, Stage.NEEDS_ATTENTION, "no such tariff")

    assert await numbers(api, "/v1/operations") == [2, 1]
    assert await numbers(api, "/v1/operations", stage="needs_attention") == [2]
    assert await numbers(api, "/v1/operations", service=1) == [1]
    assert await numbers(api, "/v1/operations", service=9) == []
    assert await numbers(api, "/v1/operations", kind="open", upstream="main") == [2, 1]
    assert await numbers(api, "/v1/operations", kind="close") == []


async def test_tasks_are_listed_by_state_service_and_department(api: Api) -> None:
    await api.order("cart-1")
    await api.order("cart-2")
    await api.enter(1, Stage.CANCELLED)

    assert await numbers(api, "/v1/tasks") == [2, 1]
    assert await numbers(api, "/v1/tasks", state="cancelled") == [1]
    assert await numbers(api, "/v1/tasks", service=2, department="support") == [2]
    assert await numbers(api, "/v1/tasks", department="sales") == []


async def test_pages_follow_each_other_while_new_orders_come_in(api: Api) -> None:
    for order in range(5):
        await api.order(f"cart-{order}")
    first = (await api.shop.get("/v1/operations", params={"limit": 2})).json()
    await api.order("meanwhile")
    second = (await api.shop.get("/v1/operations", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    third = (await api.shop.get("/v1/operations", params={"limit": 2, "cursor": second["next_cursor"]})).json()

    pages = [[item["number"] for item in page["items"]] for page in (first, second, third)]
    assert pages == [[5, 4], [3, 2], [1]]
    assert third["next_cursor"] is None


async def test_a_last_page_that_is_full_has_no_next(sqlite_api: Api) -> None:
    await sqlite_api.order("cart-1")

    page = (await sqlite_api.shop.get("/v1/services", params={"limit": 1})).json()

    assert page["next_cursor"] is None


async def test_the_cursor_of_another_list_is_refused(sqlite_api: Api) -> None:
    await sqlite_api.order("cart-1")
    await sqlite_api.order("cart-2")
    cursor = (await sqlite_api.shop.get("/v1/services", params={"limit": 1})).json()["next_cursor"]

    answer = await sqlite_api.shop.get("/v1/operations", params={"cursor": cursor})

    assert_problem(answer, 422, "invalid-field", "cursor")


@pytest.mark.parametrize(
    ("path", "parameter", "value"),
    [
        ("/v1/services", "status", "broken"),
        ("/v1/services", "plan", "VDS-9"),
        ("/v1/services", "customer", "a\0"),
        ("/v1/services", "limit", "0"),
        ("/v1/services", "limit", "201"),
        ("/v1/services", "limit", "many"),
        ("/v1/services", "cursor", "AAAA"),
        ("/v1/services", "cursor", "schlüssel"),
        ("/v1/services", "cursor", "c2VydmljZSA5OTk5OTk5OTk5OTk5OTk5OTk5OTk"),
        ("/v1/services", "cursor", ""),
        ("/v1/services", "statsu", "active"),
        ("/v1/operations", "stage", "lost"),
        ("/v1/operations", "kind", "explode"),
        ("/v1/operations", "upstream", "nowhere"),
        ("/v1/operations", "service", "first"),
        ("/v1/operations", "service", "99999999999999"),
        ("/v1/tasks", "state", "maybe"),
        ("/v1/upstreams/main/events", "kind", "exploded"),
    ],
)
async def test_a_filter_that_can_not_be_right_is_named(idle_api: Api, path: str, parameter: str, value: str) -> None:
    assert_problem(await idle_api.operator.get(path, params={parameter: value}), 422, "invalid-field", parameter)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/services/1",
        "/v1/services/0",
        "/v1/services/-1",
        "/v1/services/99999999999999999999",
        "/v1/operations/1",
        "/v1/operations/1/stream",
        "/v1/tasks/1",
        "/v1/upstreams/nowhere",
        "/v1/upstreams/nowhere/events",
        "/v1/upstreams/nowhere/orphans",
        "/v1/nothing",
        "/v1/services/",
        "/nothing",
    ],
)
async def test_what_is_not_there_is_said_so(idle_api: Api, path: str) -> None:
    assert_problem(await idle_api.operator.get(path), 404, "not-found")


async def test_a_number_that_is_none_is_named(idle_api: Api) -> None:
    answer: httpx.Response = await idle_api.shop.get("/v1/services/first")

    assert_problem(answer, 422, "invalid-field", "number")
