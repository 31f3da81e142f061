"""HEAD wherever there is a GET, and Allow as it is, whichever file a route stands in."""

import asyncio

from tests.storefront.api import Api


async def test_head_is_get_without_its_body(api: Api) -> None:
    await api.order()
    for path in ("/v1/services", "/v1/services/1", "/v1/operations/1", "/healthz", "/openapi.json", "/v1/services/99"):
        get, head = await api.shop.get(path), await api.shop.head(path)

        assert head.status_code == get.status_code
        assert head.content == b""
        for name in ("content-type", "content-length"):
            assert head.headers[name] == get.headers[name], path
    assert (await api.stranger.head("/v1/services")).status_code == 401


async def test_the_head_of_a_stream_ends(sqlite_api: Api) -> None:
    await sqlite_api.order()

    async with asyncio.timeout(10):
        head = await sqlite_api.shop.head("/v1/operations/1/stream")

    assert head.status_code == 200
    assert head.headers["content-type"].startswith("text/event-stream")


async def test_a_method_that_is_not_known_is_told_those_that_are(idle_api: Api) -> None:
    for method, path, known in (
        ("POST", "/v1/services/1", "DELETE, GET, HEAD, PATCH"),
        ("DELETE", "/v1/services", "GET, HEAD, POST"),
        ("HEAD", "/v1/services/1/prolong", "POST"),
        ("OPTIONS", "/v1/services/1/owner", "PUT"),
        ("PUT", "/v1/webhooks/deliveries/7", "GET, HEAD"),
        ("POST", "/healthz", "GET, HEAD"),
        ("POST", "/docs", "GET, HEAD"),
        ("PUT", "/docs/assets/swagger-ui.css", "GET, HEAD"),
    ):
        answer = await idle_api.operator.request(method, path)

        assert answer.status_code == 405, (method, path)
        assert answer.headers["allow"] == known
        if method != "HEAD":
            assert answer.json()["detail"] == f"{path} does not support {method}. It supports {known}."
