"""What no row can have, in the path of every route: an answer of 4xx, on both databases."""

import re
from http import HTTPMethod

import pytest

from tests.storefront.api import Api, assert_problem

NUMBERS = (str(2**31), str(2**63 - 1), str(2**63), "9" * 4000)
TEXTS = ("a%00b", "%0A", "%ED%A0%80")
IN_BRACES = re.compile(r"\{\w+\}")
METHODS = {method.value.lower() for method in HTTPMethod}


async def routes(api: Api) -> list[tuple[str, str]]:
    """Method and path of each route that has a parameter in its path."""
    paths = (await api.shop.get("/openapi.json")).json()["paths"]
    return [(method.upper(), path) for path in paths if "{" in path for method in paths[path].keys() & METHODS]


@pytest.mark.proof
async def test_an_absurd_path_is_refused_by_every_route(api: Api) -> None:
    found = await routes(api)
    assert len(found) > 20

    for number, (method, path) in enumerate(found):
        for absurd in (*NUMBERS, *TEXTS):
            answer = await api.operator.request(
                method, IN_BRACES.sub(absurd, path), headers={"Idempotency-Key": f"absurd-{number}"}
            )
            assert 400 <= answer.status_code < 500, (method, path, absurd[:20], answer.text)
    for absurd in NUMBERS[:-1]:
        assert_problem(await api.operator.post(f"/v1/webhooks/deliveries/{absurd}/replay"), 404, "not-found")
    for path in ("/v1/upstreams/a%00b", "/v1/operations/%00", "/v1/upstreams/a%00b/hints", "/%00"):
        assert_problem(await api.operator.get(path), 404, "not-found")
