"""What the endpoint takes, and what becomes of it while nobody watches the upstream."""

import os
from collections.abc import AsyncIterator

import httpx
import pytest

from models.catalogue import UpstreamAccount
from orders.events import hints
from orders.signatures import signature
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


async def test_a_webhook_of_a_selling_resellflow_is_a_hint_about_its_service(quiet_api: Api) -> None:
    async with quiet_api.database.write() as session:
        (await session.get_one(UpstreamAccount, ACCOUNT)).kind = "resellflow"
    message = {"specversion": "1.0", "type": "resellflow.service.suspended.v1", "data": {"service": 17, "item": "900"}}
    ping = message | {"type": "resellflow.ping.v1", "data": {}}
    for body, numbers in ((message, ["17"]), (ping, [])):
        answer = await send(quiet_api.stranger, body)
        assert (answer.status_code, answer.json()) == (202, {"numbers": numbers})
    assert await waiting(quiet_api) == [("", "17")]
    assert_problem(await send(quiet_api.stranger, {"numbers": ["17"]}), 422, "invalid-body", "body")


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
    assert answer.json()["title"] == "Not authenticated", "there is no token to speak of"
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


def hashes(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is hashed from now on."""
    made: list[bytes] = []

    def counted(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
        made.append(secret)
        return signature(secret, message_id, timestamp, body)

    monkeypatch.setattr(hints, "signature", counted)
    return made


async def test_a_strangers_signatures_cost_next_to_nothing(quiet_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, in one header or in several: no secret is read and nothing is hashed for them."""
    made = hashes(monkeypatch)
    body = b'{"number": "17"}'
    right = signed(body)
    for signatures in (" ".join(["v1,x"] * 12_000), "v1,x " * hints.MOST_SIGNATURES + right["webhook-signature"]):
        answer = await quiet_api.stranger.post(
            "/v1/upstreams/main/hints", content=body, headers=right | {"webhook-signature": signatures}
        )
        await refused(answer, "more than 5 signatures", quiet_api)
    answer = await quiet_api.stranger.post(
        "/v1/upstreams/main/hints", content=body, headers=signed(body, identity="x" * 300)
    )
    await refused(answer, "webhook-id has more", quiet_api)
    await refused(await send(quiet_api.stranger, {"number": "17"}, ahead=-400), "do the clocks", quiet_api)
    assert made == []


async def test_one_hash_is_made_for_each_secret_of_ours(quiet_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, SECRET_VARIABLE, f"{'y' * 24} {SECRET}")
    made = hashes(monkeypatch)
    body = b'{"number": "17"}'
    right = signed(body)
    headers = right | {"webhook-signature": f"v1,x v1,y v2,z v1, {right['webhook-signature']}"}
    answer = await quiet_api.stranger.post("/v1/upstreams/main/hints", content=body, headers=headers)
    assert answer.status_code == 202
    assert len(made) == 2


@pytest.mark.parametrize("in_pieces", [True, False])
async def test_a_strangers_body_is_small(quiet_api: Api, in_pieces: bool) -> None:
    body = b'{"number": "17", "function": "' + b"x" * hints.MOST_BYTES + b'"}'

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    content = pieces() if in_pieces else body
    answer = await quiet_api.stranger.post("/v1/upstreams/main/hints", content=content, headers=signed(body))
    assert "16384 bytes" in assert_problem(answer, 413, "body-too-large")
    assert await waiting(quiet_api) == []


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
    assert "upstream main accepts no hints" in caplog.text


@pytest.mark.parametrize("body", [{}, {"numbers": []}, {"number": "17; drop"}, {"numbers": ["1"] * 51}, ["17"], "17"])
async def test_a_body_that_names_no_item_is_told(quiet_api: Api, body: object) -> None:
    assert_problem(await send(quiet_api.stranger, body), 422, "invalid-body", "body")
