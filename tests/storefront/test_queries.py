"""A filter given several times is a set; what can be meant once is refused when it is given twice."""

import httpx

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
