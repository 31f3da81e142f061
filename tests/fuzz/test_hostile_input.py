"""Absurd values in every path, query, header and body: no answer of 5xx; what is refused is named."""

import json
from itertools import count
from random import Random
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from models.enums import Stage
from tests.fuzz.amount import FACTOR, at_once, drawn
from tests.fuzz.hostile import JSON, TEXTS
from tests.fuzz.places import STREAMED, Place, Request, requests
from tests.storefront.api import Api, assert_problem

PLACES_PER_OPERATION = 2
TOKENS = ("operator-token", "operator-token", "shop-token", "rival-token")
SLOT = "a value goes here"


def filled(request: Request, place: Place, draw: Random) -> tuple[Request, bytes | None, str]:
    """The request with a drawn value in its place, its body as it is sent, and the value."""
    if place.where in ("path", "query"):
        value = draw.choice(TEXTS)
        return request.with_value(place, quote(value.encode("utf-8", "surrogatepass"), safe="")), None, value
    if place.where == "header":
        value = draw.choice(TEXTS)
        return request.with_value(place, value.encode("utf-8", "surrogatepass")), None, value
    value = draw.choice([*map(json.dumps, TEXTS), *JSON])
    changed = request.with_value(place, SLOT)
    return changed, json.dumps(changed.body).replace(json.dumps(SLOT), value).encode(), value


def listed(headers: dict[str, bytes]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value) for name, value in headers.items()]


def checked(answer: httpx.Response, place: Place, told: str) -> None:
    """Below 500; with a type, whatever is refused; and with the name of the field, if that is what is wrong."""
    assert answer.status_code < 500 or answer.json()["type"] == "urn:resellflow:problem:upstream-failed", (
        f"{told}: {answer.status_code} {answer.text[:300]}"
    )
    if answer.status_code < 400:
        return
    assert answer.headers["content-type"] == "application/problem+json", told
    problem = answer.json()
    if answer.status_code in (400, 422):
        assert problem["field"], f"{told}: {answer.text[:300]}"
        assert problem["detail"], told


@pytest.mark.proof
@pytest.mark.timeout(120 * FACTOR)
async def test_no_value_in_any_place_brings_an_operation_down(api: Api) -> None:
    await api.order("cart-1")
    await api.order("cart-2")
    await api.enter(int(STREAMED), Stage.CANCELLED)
    app = api.server.config.app
    assert isinstance(app, FastAPI)
    draw, keys = drawn(__name__), count(1)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=api.address) as client:
        for request, places in requests(app.openapi()):
            for _ in range(PLACES_PER_OPERATION * FACTOR):
                place = draw.choice(places)
                sent, body, value = filled(request, place, draw)
                if body is None and sent.body is not None:
                    body = json.dumps(sent.body).encode()
                headers = {
                    "Authorization": f"Bearer {draw.choice(TOKENS)}".encode(),
                    "Idempotency-Key": f"absurd-{next(keys)}".encode(),
                    "Content-Type": b"application/json",
                }
                query = "&".join(f"{name}={text}" for name, text in sent.query.items())
                address = f"{sent.path}?{query}".rstrip("?")
                with at_once():
                    answer = await client.request(
                        sent.method, address, content=body, headers=listed(headers | sent.headers)
                    )
                checked(answer, place, f"{sent.method} {sent.path}, {place.where} {place.name!r} = {value[:60]!r}")


async def test_a_number_of_an_item_is_a_line_of_visible_text(idle_api: Api) -> None:
    for absurd in ("\0", "a\0b", "9" * 65, "\x7f", "1\n"):
        answer = await idle_api.operator.post("/v1/services/1/link", json={"upstream_number": absurd})
        assert_problem(answer, 422, "invalid-field", "upstream_number")
