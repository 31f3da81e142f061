"""What the endpoint takes, and what becomes of it while nobody watches the upstream."""

import os

import httpx
import pytest

from orders import hints
from tests.hints.sender import SECRET, SECRET_VARIABLE, send, signed
from tests.storefront.api import Api, assert_problem

ACCOUNT = 1


async def waiting(api: Api) -> list[tuple[str, str]]:
    async with api.database.read() as session:
        return [(hint.product_type, hint.upstream_number) for hint in await hints.unread(session, ACCOUNT, 1000)]


async def test_a_hint_waits_in_the_table_and_its_repeats_are_one(quiet_api_anywhere: Api) -> None:
    api = quiet_api_anywhere
    answer = await send(api.stranger, {"function": "vds.suspend", "numbers": ["17", "18"], "status": "closed"})
    assert (answer.status_code, answer.json()) == (202, {"numbers": ["17", "18"]})
    for body in ({"function": "v2.vds.edit", "number": "17"}, {"product_type": "vds", "number": "18"}):
        assert (await send(api.stranger, body)).status_code == 202
    assert (await send(api.stranger, {"function": "service.postopen", "number": "17"})).status_code == 202
    assert await waiting(api) == [("vds", "17"), ("vds", "18"), ("", "17")]
    shown = (await api.operator.get("/v1/upstreams/main")).json()["hints"]
    assert (shown["unread"], shown["unread_since"] <= shown["last_received_at"]) == (3, True)


async def test_a_hint_that_comes_again_while_it_is_followed_is_followed_again(quiet_api_anywhere: Api) -> None:
    api = quiet_api_anywhere
    await send(api.stranger, {"numbers": ["17", "18"]})
    async with api.database.read() as session:
        followed = list(await hints.unread(session, ACCOUNT, 10))
    await send(api.stranger, {"number": "17"})
    await hints.note_read(api.database, {"read": followed})
    assert await waiting(api) == [("", "17")]


async def test_a_flood_is_bounded(quiet_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "MOST_UNREAD", 5)
    assert (await send(quiet_api.stranger, {"numbers": [str(n) for n in range(4)]})).status_code == 202
    answer = await send(quiet_api.stranger, {"numbers": ["90", "91"]})
    assert_problem(answer, 429, "too-many-hints")
    assert answer.headers["Retry-After"]
    assert (await send(quiet_api.stranger, {"number": "3"})).status_code == 202, "a repeat takes no room"
    assert len(await waiting(quiet_api)) == 4


async def refused(answer: httpx.Response, words: str, api: Api) -> None:
    assert words in assert_problem(answer, 401, "unauthenticated")
    assert await waiting(api) == []


async def test_only_who_knows_the_secret_is_heard(quiet_api: Api) -> None:
    stranger, body = quiet_api.stranger, {"number": "17"}
    await refused(await send(stranger, body, secret="x" * 24), "no signature fits", quiet_api)
    await refused(await send(stranger, body, upstream="nowhere"), "no signature fits", quiet_api)
    await refused(await send(stranger, body, ahead=-400), "do the clocks agree?", quiet_api)
    await refused(await send(stranger, body, ahead=400), "do the clocks agree?", quiet_api)
    await refused(await stranger.post("/v1/upstreams/main/hints", json=body), "headers webhook-id", quiet_api)
    moved = signed(b'{"number": "17"}')
    for header, other in (("webhook-id", "hint_2"), ("webhook-timestamp", str(int(moved["webhook-timestamp"]) + 1))):
        answer = await stranger.post(
            "/v1/upstreams/main/hints", content=b'{"number": "17"}', headers=moved | {header: other}
        )
        await refused(answer, "no signature fits", quiet_api)
    answer = await stranger.post("/v1/upstreams/main/hints", content=b'{"number": "18"}', headers=moved)
    await refused(answer, "no signature fits", quiet_api)
    # A token is none: an operator's does not replace the signature.
    await refused(await quiet_api.operator.post("/v1/upstreams/main/hints", json=body), "headers", quiet_api)


async def test_a_secret_is_changed_without_a_gap(quiet_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = "a plain secret of some length".replace(" ", "-")
    monkeypatch.setitem(os.environ, SECRET_VARIABLE, f"{fresh} {SECRET}")
    for secret in (fresh, SECRET):
        assert (await send(quiet_api.stranger, {"number": "17"}, secret=secret)).status_code == 202
    monkeypatch.setitem(os.environ, SECRET_VARIABLE, fresh)
    assert (await send(quiet_api.stranger, {"number": "17"})).status_code == 401


@pytest.mark.parametrize("secret", ["", "short", "whsec_!not-base64!"])
async def test_a_secret_that_is_none_lets_nobody_in(
    quiet_api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, secret: str
) -> None:
    monkeypatch.setitem(os.environ, SECRET_VARIABLE, secret)
    await refused(await send(quiet_api.stranger, {"number": "17"}, secret="short"), "no signature fits", quiet_api)
    assert "upstream main takes no hints" in caplog.text


@pytest.mark.parametrize("body", [{}, {"numbers": []}, {"number": "17; drop"}, {"numbers": ["1"] * 51}, ["17"], "17"])
async def test_a_body_that_names_no_item_is_told(quiet_api: Api, body: object) -> None:
    assert_problem(await send(quiet_api.stranger, body), 422, "invalid-body", "body")
