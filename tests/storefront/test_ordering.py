"""POST /v1/services: an order is accepted, once, or refused with the field that is wrong."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from models.database import Database
from models.order import Operation
from tests.infrastructure.processes import free_port
from tests.storefront.api import ORDER, Api, api_settings, assert_problem, running_api
from tests.storefront.catalogue import fill_catalogue


async def test_an_order_is_accepted_with_its_service_and_operation(api: Api) -> None:
    answer = await api.post_order(
        "cart-1", domain="Bücher.example", parameters={"template": "debian-12"}, addons={"ram": 2}
    )

    assert answer.status_code == 201
    service, operation = answer.json()["service"], answer.json()["operation"]
    assert answer.headers["Location"] == f"/v1/services/{service['number']}"
    assert service["plan"] == "VDS-1"
    assert service["customer"] == "c-17"
    assert service["status"] == "ordered"
    assert service["name"] == "xn--bcher-kva.example"
    assert service["upstream"] == {"name": "main", "number": None}
    assert service["cost"] is None, "a shop is not told what we pay"
    assert service["parameters"] == {"template": "debian-12"}
    assert service["addons"] == {"ram": 2}
    assert service["processing_module"] == "main-vds"
    assert service["created_at"].endswith("Z")
    assert operation["service"] == service["number"]
    assert operation["kind"] == "open"
    assert operation["stage"] in ("accepted", "checking_balance")
    assert operation["actor"] == "shop"
    assert operation["workflow_id"] == f"service-{service['number']}-open-{operation['number']}"
    seen_by_us = (await api.operator.get(f"/v1/operations/{operation['number']}")).json()
    assert seen_by_us["workflow_url"].startswith("http://ui.test/namespaces/test-")
    assert seen_by_us["workflow_url"].endswith(f"/workflows/{operation['workflow_id']}")
    assert (await api.shop.get(answer.headers["Location"])).json() == service


async def test_the_workflow_of_an_accepted_order_is_started(sqlite_api: Api, temporal_client: Client) -> None:
    order = await sqlite_api.order()

    described = await temporal_client.get_workflow_handle(order["operation"]["workflow_id"]).describe()

    assert described.task_queue == sqlite_api.settings.task_queue
    assert order["operation"]["workflow_started_at"] is not None


async def test_the_same_key_and_body_give_the_same_numbers(api: Api) -> None:
    first = await api.post_order("cart-1")
    again = await api.post_order("cart-1")

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["service"]["number"] == first.json()["service"]["number"]
    assert again.json()["operation"]["number"] == first.json()["operation"]["number"]
    assert again.headers["Location"] == first.headers["Location"]
    assert await api.count(Operation) == 1


async def test_the_same_key_with_another_body_is_refused(api: Api) -> None:
    await api.order("cart-1")

    detail = assert_problem(
        await api.post_order("cart-1", customer="c-18"), 422, "idempotency-key-reused", "Idempotency-Key"
    )

    assert "operation 1" in detail
    assert await api.count(Operation) == 1


async def test_the_same_key_of_another_client_is_another_order(sqlite_api: Api) -> None:
    await sqlite_api.order("cart-1")

    answer = await sqlite_api.operator.post("/v1/services", json=ORDER, headers={"Idempotency-Key": "cart-1"})

    assert answer.status_code == 201
    assert answer.json()["operation"]["actor"] == "olga"


@pytest.mark.proof
@pytest.mark.dialects
async def test_twenty_identical_orders_at_once_make_one_service(api: Api) -> None:
    answers = await asyncio.gather(*(api.post_order("cart-1") for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["service"]["number"] for answer in answers}) == 1
    assert len({answer.json()["operation"]["number"] for answer in answers}) == 1
    assert await api.count(Operation) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"plan": "VDS-9"}, "plan"),
        ({"plan": "VDS-2"}, "plan"),
        ({"plan": ""}, "plan"),
        ({"plan": None}, "plan"),
        ({"period_months": 5}, "period_months"),
        ({"period_months": "1"}, "period_months"),
        ({"period_months": 10**40}, "period_months"),
        ({"customer": "  "}, "customer"),
        ({"customer": "c\0"}, "customer"),
        ({"customer": "x" * 201}, "customer"),
        ({"domain": "no_dots"}, "domain"),
        ({"domain": ""}, "domain"),
        ({"domain": "192.0.2.1"}, "domain"),
        ({"parameters": {"template": "beos"}}, "parameters.template"),
        ({"parameters": {"colour": "red"}}, "parameters.colour"),
        ({"parameters": {"template": "a\0"}}, "parameters.template"),
        ({"parameters": []}, "parameters"),
        ({"addons": {"ram": -1}}, "addons.ram"),
        ({"addons": {"ram": "much"}}, "addons.ram"),
        ({"addons": {"wings": 1}}, "addons.wings"),
        ({"priority": "high"}, "priority"),
    ],
    ids=str,
)
async def test_what_is_wrong_is_named(idle_api: Api, change: dict[str, object], field: str) -> None:
    assert_problem(await idle_api.post_order("cart-1", **change), 422, "invalid-field", field)

    assert await idle_api.count(Operation) == 0


async def test_several_wrong_fields_are_all_named(idle_api: Api) -> None:
    answer = await idle_api.post_order("cart-1", period_months="one", colour="red")

    assert {error["field"] for error in answer.json()["errors"]} == {"period_months", "colour"}


@pytest.mark.parametrize("key", [None, "", "k" * 256, "schlüssel"])
async def test_without_a_usable_key_nothing_is_ordered(idle_api: Api, key: str | None) -> None:
    headers = {} if key is None else {b"Idempotency-Key": key.encode("latin-1")}

    answer = await idle_api.shop.post("/v1/services", json=ORDER, headers=headers)

    assert_problem(answer, 400, "invalid-idempotency-key", "Idempotency-Key")
    assert await idle_api.count(Operation) == 0


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b"", "application/json"),
        (b"\xff\xfe{}", "application/json"),
        (b"[" * 5000, "application/json"),
        (b"plan=VDS-1", "application/x-www-form-urlencoded"),
    ],
    ids=["cut off", "a list", "null", "empty", "not UTF-8", "deeply nested", "a form"],
)
async def test_a_body_that_is_no_order_is_named(idle_api: Api, content: bytes, media_type: str) -> None:
    headers = {"Idempotency-Key": "cart-1", "Content-Type": media_type}

    answer = await idle_api.shop.post("/v1/services", content=content, headers=headers)

    assert_problem(answer, 422, "invalid-body", "body")


async def test_half_a_character_is_refused_and_shown_without_breaking_the_answer(idle_api: Api) -> None:
    body = rb'{"plan": "VDS-1", "period_months": 1, "customer": "c", "parameters": {"\ud800": "x"}}'

    answer = await idle_api.shop.post(
        "/v1/services", content=body, headers={"Idempotency-Key": "cart-1", "Content-Type": "application/json"}
    )

    assert answer.status_code == 422
    assert answer.json()["field"].startswith("parameters")


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
async def test_a_body_beyond_all_measure_is_not_read(idle_api: Api, chunked: bool) -> None:
    async def in_chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    content = in_chunks() if chunked else b" " * 100_000
    headers = {"Idempotency-Key": "cart-1", "Content-Type": "application/json"}

    answer = await idle_api.shop.post("/v1/services", content=content, headers=headers)

    assert_problem(answer, 413, "body-too-large")


async def test_without_temporal_an_order_is_accepted_within_seconds(
    migrated_database_url: str, unreachable_temporal: Client
) -> None:
    database = Database(migrated_database_url)
    await fill_catalogue(database)
    async with running_api(database, unreachable_temporal, api_settings(migrated_database_url)) as api:
        async with asyncio.timeout(6):
            order = await api.order()

        assert order["operation"]["stage"] == "accepted"
        assert order["operation"]["workflow_started_at"] is None
        shown = (await api.shop.get(f"/v1/operations/{order['operation']['number']}")).json()
        assert [passed["stage"] for passed in shown["stages"]] == ["accepted"]
        assert await api.count(Operation) == 1
    await database.close()


async def test_without_the_database_an_order_is_put_off(unreachable_temporal: Client) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    database = Database(url)
    async with running_api(database, unreachable_temporal, api_settings(url)) as api:
        answer = await api.post_order("cart-1")

        assert_problem(answer, 503, "database-unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    await database.close()


async def test_what_was_sent_is_told_back_to_be_recognised_not_to_be_read_again(idle_api: Api) -> None:
    answer = await idle_api.post_order("cart-1", addons={"x" * 30_000: 1})

    detail = assert_problem(answer, 422, "invalid-field", f"addons.{'x' * 30_000}")
    assert len(detail) < 2_100
