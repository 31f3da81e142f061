"""A filter given several times is a set; what can be meant once is refused when it is given twice."""

import itertools

import httpx
import pytest

from models.enums import Stage
from tests.storefront.api import ORDER, SHOP_TOKEN, Api, assert_problem


async def numbers(api: Api, path: str, *parameters: tuple[str, str]) -> list[int]:
    """What the list shows, page by page."""
    found: list[int] = []
    cursor: list[tuple[str, str]] = []
    while True:
        answer = await api.operator.get(path, params=[*parameters, *cursor])
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [one["number"] for one in page["items"]]
        if page["next_cursor"] is None:
            return found
        cursor = [("cursor", page["next_cursor"])]


async def test_a_filter_given_several_times_is_a_set(api: Api) -> None:
    for number in range(1, 7):
        await api.order(f"cart-{number}", customer=f"c-{number % 3}")
    for number, stage in (
        (2, Stage.WAITING_FOR_FUNDS),
        (3, Stage.CANCELLED),
        (4, Stage.COMPLETED),
        (6, Stage.CANCELLED),
    ):
        await api.enter(number, stage)

    ended = [("stage", "completed"), ("stage", "cancelled"), ("stage", "completed")]
    assert await numbers(api, "/v1/operations", *ended) == [6, 4, 3]
    assert await numbers(api, "/v1/operations", *ended, ("limit", "2")) == [6, 4, 3]
    assert await numbers(api, "/v1/operations", *ended, ("service", "3"), ("service", "4"), ("service", "5")) == [4, 3]
    assert await numbers(api, "/v1/services", ("customer", "c-0"), ("customer", "c-1")) == [6, 4, 3, 1]
    assert await numbers(api, "/v1/services", ("plan", "VDS-1"), ("plan", "VDS-2")) == [6, 5, 4, 3, 2, 1]
    assert await numbers(api, "/v1/tasks", ("state", "open"), ("state", "done"), ("service", "1")) == [1]
    assert await numbers(api, "/v1/tasks", ("taken", "true")) == []
    assert await numbers(api, "/v1/tasks", ("taken", "true"), ("taken", "false")) == [6, 5, 4, 3, 2, 1]


async def test_one_wrong_value_of_several_is_named(idle_api: Api) -> None:
    for path, query, field in (
        ("/v1/operations", "stage=completed&stage=nonsense", "stage"),
        ("/v1/services", "plan=VDS-1&plan=NONE-9", "plan"),
        ("/v1/operations", "upstream=main&upstream=none", "upstream"),
        ("/v1/tasks", "service=1&service=9223372036854775808", "service"),
        ("/v1/operations", "&".join(f"service={number}" for number in range(1, 53)), "service"),
    ):
        assert_problem(await idle_api.operator.get(f"{path}?{query}"), 422, "invalid-field", field)


async def test_an_order_has_one_key(idle_api: Api) -> None:
    for keys in (("a", "b"), ("a", "a"), ("", "a")):
        headers = [("Authorization", f"Bearer {SHOP_TOKEN}"), *(("Idempotency-Key", key) for key in keys)]
        async with httpx.AsyncClient(base_url=idle_api.address, headers=headers, trust_env=False) as client:
            answer = await client.post("/v1/services", json=dict(ORDER))
        assert_problem(answer, 400, "invalid-idempotency-key", "Idempotency-Key")


async def test_what_can_be_meant_once_is_refused_when_it_is_given_twice(idle_api: Api) -> None:
    for path, query, field in (
        ("/v1/services", "limit=1&limit=2", "limit"),
        ("/v1/operations", "cursor=a&cursor=b", "cursor"),
        ("/v1/tasks", "older_than=3d&older_than=90m", "older_than"),
    ):
        assert_problem(await idle_api.operator.get(f"{path}?{query}"), 422, "invalid-field", field)


async def test_a_parameter_that_no_route_knows_is_refused_before_anything_is_done(api: Api) -> None:
    """A slip of the pen in `dry_run` or `at` would buy, or close, for real."""
    await api.order("cart-1")
    keys = itertools.count()
    for method, path, body, query in (
        ("POST", "/v1/services", dict(ORDER), "dryrun=true"),
        ("DELETE", "/v1/services/1", None, "At=end_of_term"),
        ("POST", "/v1/services/1/prolong", {"period_months": 1}, "dry-run=true"),
        ("PATCH", "/v1/services/1/renewal", {"renew": False}, "dry_run=true"),
        ("PATCH", "/v1/services/1/reference", {"reference": "x"}, "dry_run=true"),
        ("POST", "/v1/operations/1/cancel", {}, "dry_run=true"),
        ("GET", "/v1/services", None, "stauts=active"),
        ("GET", "/v1/services/1", None, "fields=name"),
        ("GET", "/v1/token", None, "x=1"),
    ):
        headers = {"Idempotency-Key": f"typo-{next(keys)}"}
        answer = await api.shop.request(method, f"{path}?{query}", json=body, headers=headers)
        assert_problem(answer, 422, "invalid-field", query.partition("=")[0])
    service = (await api.shop.get("/v1/services/1")).json()
    assert (service["reference"], service["at_end_of_term"]) == (None, "renew")
    assert await numbers(api, "/v1/operations") == [1]


async def test_the_known_parameters_are_named(idle_api: Api) -> None:
    answer = await idle_api.shop.delete("/v1/services/1?At=end_of_term", headers={"Idempotency-Key": "k"})
    assert answer.json()["detail"] == "At: is not known here; known: at, dry_run"
    answer = await idle_api.shop.get("/v1/token?x=1")
    assert answer.json()["detail"] == "x: is not known here; this address takes no parameters"


@pytest.mark.parametrize("name", ["created_after", "created_before", "ended_after", "ended_before"])
async def test_a_time_that_can_not_be_read_in_one_way_is_refused(idle_api: Api, name: str) -> None:
    for wrong in (
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-02T00:00:00Z"),
        *("1", "1767225600", "-1.5", "2026-03-01", "2026-03-01T00:00:00", "2026-02-30T00:00:00Z", "today", ""),
    ):
        answer = await idle_api.operator.get("/v1/operations", params={name: wrong})
        assert_problem(answer, 422, "invalid-field", name)
        assert "2026-03-01T00:00:00Z" in answer.json()["detail"], answer.text
    for right in ("0002-01-01T00:00:00+14:00", "9998-12-31T23:59:59.999999-14:00", "2026-03-01T00:00:00.5+02:00"):
        answer = await idle_api.operator.get("/v1/operations", params={name: right})
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", ["expires_after", "expires_before"])
async def test_a_day_is_written_as_a_day(idle_api: Api, name: str) -> None:
    for wrong in ("0", "1767225600", "2026-03-31T00:00:00Z", "2026-02-30", "2026-3-1", "20260331", ""):
        answer = await idle_api.operator.get("/v1/services", params={name: wrong})
        assert_problem(answer, 422, "invalid-field", name)
        assert "2026-03-31" in answer.json()["detail"], answer.text
    for right in ("0001-01-01", "9999-12-31", "2026-02-28"):
        assert (await idle_api.operator.get("/v1/services", params={name: right})).status_code == 200
