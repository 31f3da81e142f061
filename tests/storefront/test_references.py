"""What a shop writes on its services and requests: it reads it again, and changes it without an operation."""

from typing import Any

import pytest

from models.enums import Stage
from orders.lifecycle.intake import ServiceRequest, _body_hash
from storefront.problems import KEY_HEADER
from telemetry.fields import HEADER
from tests.storefront.api import RIVAL, Api, assert_problem
from tests.storefront.test_life_api import REQUESTS, ask, opened
from tests.storefront.test_stream import following

WRITTEN: dict[str, Any] = {"reference": "order 4711", "metadata": {"invoice": "2026-17", "notes": "two\nlines"}}
NOTHING_WRITTEN: dict[str, Any] = {"reference": None, "metadata": {}}
PATH = "/v1/services/1/reference"


def written(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in WRITTEN}


async def test_an_order_carries_them_to_its_service_and_its_operation(api: Api) -> None:
    body = await api.order("cart-1", **WRITTEN)
    assert written(body["service"]) == written(body["operation"]) == WRITTEN
    assert written((await api.shop.get("/v1/services/1")).json()) == WRITTEN
    assert written((await api.shop.get("/v1/operations/1")).json()) == WRITTEN
    assert written((await api.order("cart-2"))["service"]) == NOTHING_WRITTEN


async def test_every_request_has_its_own_and_the_service_keeps_its_own(api: Api) -> None:
    serving = await opened(api)
    for number, (method, path, body, _) in enumerate(REQUESTS, start=2):
        own = {"reference": f"ticket {number}", "metadata": {"n": str(number)}}
        asked = await ask(serving.shop, method, path, {**(body or {}), **own}, f"k-{number}")  # type: ignore[dict-item]
        assert asked.status_code == 201, asked.text
        assert written(asked.json()["operation"]) == own
        assert written(asked.json()["service"]) == NOTHING_WRITTEN


async def test_an_operation_names_the_request_that_began_it_and_a_shop_sees_its_own_only(sqlite_api: Api) -> None:
    api = sqlite_api
    api.shop.headers[HEADER], api.operator.headers[HEADER] = "cart-4711.try_1", "olgas-own"
    await api.order("cart-1")
    await api.enter(1, Stage.COMPLETED)
    assert (await ask(api.operator, "POST", "/prolong", {"period_months": 1})).status_code == 201
    for client, seen in ((api.operator, ["cart-4711.try_1", "olgas-own"]), (api.shop, ["cart-4711.try_1", None])):
        assert [(await client.get(f"/v1/operations/{one}")).json()["request_id"] for one in (1, 2)] == seen


async def test_the_same_key_with_another_reference_is_another_request(sqlite_api: Api) -> None:
    await sqlite_api.order("cart-1", **WRITTEN)
    again = await sqlite_api.post_order("cart-1", **WRITTEN)
    assert again.status_code == 200
    for other in ({"reference": "order 4712"}, {"metadata": {"invoice": "2026-18"}}, NOTHING_WRITTEN):
        assert_problem(
            await sqlite_api.post_order("cart-1", **WRITTEN | other), 422, "idempotency-key-reused", KEY_HEADER
        )
    await sqlite_api.enter(1, Stage.COMPLETED)
    body = {"period_months": 1, "reference": "a"}
    assert (await ask(sqlite_api.shop, "POST", "/prolong", body)).status_code == 201
    answer = await ask(sqlite_api.shop, "POST", "/prolong", body | {"reference": "b"})
    assert_problem(answer, 422, "idempotency-key-reused", KEY_HEADER)


def test_a_request_without_them_hashes_as_ever() -> None:
    """Keys are compared for ever: a retry over an upgrade is the same request."""
    plain = ServiceRequest(plan="VDS-1", period_months=1, customer="c-17")
    assert _body_hash(plain) == "95289a3a8bbe29c3728235ce6dfcbf17a3cdf3be5ede6065d15378c971926e37"
    for empty in (NOTHING_WRITTEN, {"reference": ""}):
        assert _body_hash(ServiceRequest.model_validate(plain.model_dump() | empty)) == _body_hash(plain)


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"reference": "x" * 201}, "reference", "has 201 characters; at most 200 are allowed"),
        ({"reference": "   "}, "reference", "is blank"),
        ({"metadata": {"a": "x" * 501}}, "metadata.a", "has 501 characters; at most 500 are allowed"),
        ({"metadata": {"k" * 41: "x"}}, f"metadata.{'k' * 41}", "has 41 characters; at most 40 are allowed"),
        ({"metadata": {"": "x"}}, "metadata.", "is empty"),
        ({"metadata": dict.fromkeys(map(str, range(21)), "x")}, "metadata", "has 21 entries; at most 20 are allowed"),
    ],
)
async def test_what_is_too_long_is_said_with_its_length(
    idle_api: Api, wrong: dict[str, Any], field: str, words: str
) -> None:
    answer = await idle_api.post_order("k", **wrong)
    assert assert_problem(answer, 422, "invalid-field", field) == f"{field}: {words}"


async def test_they_are_changed_at_once_and_in_the_history(api: Api) -> None:
    await api.order("cart-1", **WRITTEN)
    change = {"reference": "order 4712", "metadata": {"invoice": None, "key": "x"}}
    answer = await api.shop.patch(PATH, json=change)
    assert answer.status_code == 200, answer.text
    now = {"reference": "order 4712", "metadata": {"notes": "two\nlines", "key": "x"}}
    assert written(answer.json()) == written((await api.shop.get("/v1/services/1")).json()) == now
    assert written((await api.shop.get("/v1/operations/1")).json()) == WRITTEN, "as its request gave it"
    entry = (await api.shop.get("/v1/services/1/history")).json()["items"][0]
    assert (entry["actor"], entry["action"], entry["source"]) == ("shop", "reference_changed", "person")
    assert entry["changes"] == {
        "reference": {"before": "order 4711", "after": "order 4712"},
        "metadata.invoice": {"before": "2026-17", "after": ""},
        "metadata.key": {"before": "", "after": "x"},
    }
    removed = await api.shop.patch(PATH, json={"reference": None})
    assert written(removed.json()) == {**now, "reference": None}
    assert len((await api.shop.get("/v1/operations")).json()["items"]) == 1, "no operation is needed"


async def test_what_is_another_shops_is_not_found_and_viewers_write_nothing(sqlite_api: Api) -> None:
    await sqlite_api.order("cart-1", **WRITTEN)
    assert_problem(await sqlite_api.shop.patch(PATH, json={"reference": "x"}, headers=RIVAL), 404, "not-found")
    assert written((await sqlite_api.shop.get("/v1/services/1")).json()) == WRITTEN


TOO_MUCH: list[tuple[dict[str, Any], str]] = [
    ({"reference": "x" * 201}, "reference"),
    ({"reference": "a\x00b"}, "reference"),
    ({"metadata": {str(n): "v" for n in range(21)}}, "metadata"),
    ({"metadata": {"k" * 41: "v"}}, f"metadata.{'k' * 41}"),
    ({"metadata": {" ": "v"}}, "metadata. "),
    ({"metadata": {"k": "v" * 501}}, "metadata.k"),
    ({"metadata": {"k": 5}}, "metadata.k"),
    ({"metadata": {f"{n:02}": "v" * 400 for n in range(10)}}, "metadata"),
]


@pytest.mark.parametrize(
    ("given", "field"), [*TOO_MUCH[:3], *(pytest.param(*one, marks=pytest.mark.proof) for one in TOO_MUCH[3:])]
)
async def test_what_is_too_much_is_refused_by_its_name(sqlite_api: Api, given: dict[str, Any], field: str) -> None:
    refused = await sqlite_api.post_order("cart-1", **given)
    assert_problem(refused, 422, "invalid-field", refused.json().get("field"))
    assert refused.json()["field"].startswith(field)
    await sqlite_api.order("cart-2")
    assert (await sqlite_api.shop.patch(PATH, json=given)).status_code == 422


async def test_a_change_adds_up_to_what_an_order_may_have(sqlite_api: Api) -> None:
    await sqlite_api.order("cart-1", metadata={f"{n:02}": "v" for n in range(20)})
    more = await sqlite_api.shop.patch(PATH, json={"metadata": {"20": "v"}})
    assert "would have 21 keys; at most 20" in assert_problem(more, 422, "invalid-field", "metadata")
    swapped = await sqlite_api.shop.patch(PATH, json={"metadata": {"20": "v", "00": None}})
    assert swapped.status_code == 200
    longer = await sqlite_api.shop.patch(PATH, json={"metadata": {f"{n:02}": "v" * 300 for n in range(1, 20)}})
    assert "at most 4000" in assert_problem(longer, 422, "invalid-field", "metadata")
    nothing = await sqlite_api.shop.patch(PATH, json={})
    assert "reference or metadata" in assert_problem(nothing, 422, "invalid-field", "reference")


@pytest.mark.proof
async def test_the_stream_repeats_what_the_request_gave(sqlite_api: Api) -> None:
    await sqlite_api.order("cart-1", **WRITTEN)
    async with following(sqlite_api, 1) as events:
        event = await events.next()
    assert written(event.data) == WRITTEN
    assert (event.data["operation"], event.data["service"], event.data["stage"]) == (1, 1, "accepted")
