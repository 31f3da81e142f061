"""Who may do what, and what is written down about it."""

import logging

import httpx
import pytest

from tests.storefront.api import ORDER, SHOP_TOKEN, Api, assert_problem

READ_BY_ALL = [
    "/v1/services",
    "/v1/operations",
    "/v1/tasks",
]
OF_OPERATORS = ["/v1/upstreams", "/v1/upstreams/main", "/v1/upstreams/main/orphans", "/v1/upstreams/main/events"]
DECISIONS = ["retry", "correct", "accept-price", "mark-done"]


@pytest.mark.parametrize("path", READ_BY_ALL)
async def test_both_roles_read_and_nobody_else(idle_api: Api, path: str) -> None:
    assert (await idle_api.shop.get(path)).status_code == 200
    assert (await idle_api.operator.get(path)).status_code == 200
    answer = await idle_api.stranger.get(path)
    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", OF_OPERATORS)
async def test_upstreams_are_for_operators(idle_api: Api, path: str) -> None:
    assert (await idle_api.operator.get(path)).status_code == 200
    assert_problem(await idle_api.shop.get(path), 403, "forbidden")


@pytest.mark.parametrize(
    "authorization", ["Bearer", "Bearer wrong-token", f"Basic {SHOP_TOKEN}", SHOP_TOKEN, "Bearer \xfc\xfc\xfc"]
)
async def test_what_is_not_a_token_of_ours_is_refused(idle_api: Api, authorization: str) -> None:
    headers = {b"Authorization": authorization.encode("latin-1")}

    answer = await idle_api.stranger.get("/v1/services", headers=headers)

    assert_problem(answer, 401, "unauthenticated")
    assert "WWW-Authenticate" in answer.headers


async def test_a_strangers_body_is_not_even_parsed(idle_api: Api) -> None:
    answer = await idle_api.stranger.post("/v1/services", content=b"{", headers={"Content-Type": "application/json"})

    assert_problem(answer, 401, "unauthenticated")


@pytest.mark.parametrize("decision", DECISIONS)
async def test_a_storefront_does_not_decide(idle_api: Api, decision: str) -> None:
    answer = await idle_api.shop.post(f"/v1/operations/1/{decision}", json={"reason": "because"})

    assert "needs the role" in assert_problem(answer, 403, "forbidden")


@pytest.mark.parametrize("what", ["audit", "intents"])
async def test_the_audit_and_the_evidence_are_for_operators(idle_api: Api, what: str) -> None:
    assert_problem(await idle_api.shop.get(f"/v1/operations/1/{what}"), 403, "forbidden")
    assert_problem(await idle_api.operator.get(f"/v1/operations/1/{what}"), 404, "not-found")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json"])
async def test_some_things_need_no_token(idle_api: Api, path: str) -> None:
    assert (await idle_api.stranger.get(path)).status_code == 200


async def test_a_wrong_method_is_a_problem_that_names_the_right_ones(idle_api: Api) -> None:
    answer = await idle_api.shop.put("/v1/services", json=ORDER)

    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Allow" in answer.headers


async def test_every_answer_has_a_request_id(idle_api: Api) -> None:
    async def request_id(client: httpx.AsyncClient, path: str, sent: str | None = None) -> str:
        headers = {} if sent is None else {"X-Request-Id": sent}
        return (await client.get(path, headers=headers)).headers["X-Request-Id"]

    assert await request_id(idle_api.shop, "/v1/services", "abc-1.2_3") == "abc-1.2_3"
    assert await request_id(idle_api.stranger, "/v1/services", "abc") == "abc"
    assert await request_id(idle_api.stranger, "/nothing")
    assert await request_id(idle_api.shop, "/v1/services") != await request_id(idle_api.shop, "/v1/services")
    assert await request_id(idle_api.shop, "/v1/services", "two words") != "two words"
    assert await request_id(idle_api.shop, "/v1/services", "x" * 200) != "x" * 200


async def test_the_access_log_has_one_line_without_tokens_or_customers(
    idle_api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="storefront.access"):
        await idle_api.shop.get("/v1/services", params={"customer": "anna"}, headers={"X-Request-Id": "ask-1"})
        await idle_api.shop.get("/v1/services/%0AforgedB")

    entries = [entry for entry in caplog.records if entry.name == "storefront.access"]
    read, forged = [entry.getMessage() for entry in entries]
    assert read.startswith("GET /v1/services 200 ")
    assert read.endswith("client=shop")
    assert [getattr(entries[0], name) for name in ("method", "path", "status")] == ["GET", "/v1/services", 200]
    assert "anna" not in read
    assert SHOP_TOKEN not in read
    assert "\n" not in forged
