"""The codec server: what Temporal UI gets from it, and who gets nothing."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from payloads.codec import data_converter
from payloads.keyfile import KeyFileError
from settings import Settings
from storefront.codecserver import LARGEST_BODY, CodecServerError, create_codec_app, origin_of, serve_codec
from tests.payloads.conftest import KeyFile, key_line

UI = "http://ui.example.test:8233"
TOKEN = "t" * 32
SIMPLE = {"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "ImEi"}


def browser(settings: Settings) -> httpx.AsyncClient:
    app = create_codec_app(settings, settings.codec_host)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://codec", headers={"Origin": UI})


@pytest.fixture
def settings(key_file: KeyFile) -> Settings:
    return Settings(payload_key_file=key_file(key_line("k1")), temporal_ui_url=f"{UI}/temporal")


async def encrypted(settings: Settings) -> dict[str, Any]:
    [payload] = await data_converter(settings.payload_key_file).encode(["plain-words"])
    metadata = {name: base64.b64encode(value).decode() for name, value in payload.metadata.items()}
    return {"metadata": metadata, "data": base64.b64encode(payload.data).decode()}


async def test_it_decrypts_and_encrypts(settings: Settings) -> None:
    async with browser(settings) as ui:
        read = await ui.post("/decode", json={"payloads": [await encrypted(settings), SIMPLE]})
        assert [base64.b64decode(one["data"]) for one in read.json()["payloads"]] == [b'"plain-words"', b'"a"']
        assert read.headers["Access-Control-Allow-Origin"] == UI

        sealed = await ui.post("/encode", json={"payloads": [SIMPLE]})
        assert sealed.json()["payloads"][0]["metadata"]["encoding"] == base64.b64encode(b"binary/encrypted").decode()
        assert (await ui.post("/decode", json=sealed.json())).json() == {"payloads": [SIMPLE]}


async def test_browsers_ask_before_and_only_the_ui_is_let_in(settings: Settings) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-namespace"}
    async with browser(settings) as ui:
        assert (await ui.options("/decode", headers=asked)).status_code == 200
        stranger = {"Origin": "http://evil.example.test"}
        refused = await ui.options("/decode", headers=asked | stranger)
        assert "Access-Control-Allow-Origin" not in refused.headers

        body = {"payloads": [await encrypted(settings)]}
        answer = await ui.post("/decode", json=body, headers=stranger)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:resellflow:problem:forbidden")
        assert "plain-words" not in answer.text


async def test_with_a_token_nobody_reads_without_it(settings: Settings) -> None:
    guarded = Settings(**settings.model_dump() | {"codec_token": TOKEN})
    body = {"payloads": [await encrypted(settings)]}
    async with browser(guarded) as ui:
        for wrong in (
            {},
            {"Authorization": TOKEN},
            {"Authorization": f"Bearer {TOKEN}x"},
            {"Authorization": "Bearer ü"},
        ):
            raw = [(name.encode(), value.encode()) for name, value in wrong.items()]
            assert (await ui.post("/decode", json=body, headers=raw)).status_code == 401, wrong
        assert (await ui.post("/decode", json=body, headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"payloads": {}}',
        b'{"payloads": [1]}',
        b'{"payloads": [{"data": 1}]}',
        b'{"payloads": [{"data": "a"}]}',
        b'{"payloads": [{"data": "*"}]}',
        b'{"payloads": [{"metadata": {"encoding": null}}]}',
        b'{"payloads": [' + b"{}," * 1000 + b"{}]}",
        b'{"payloads": ' + b"[" * 5000,
        b'{"payloads": [{"data": ' + b"9" * 9000 + b"}]}",
        b"\xff\xfe",
        b'{"payloads": [{"metadata": {"encoding": "YmluYXJ5L2VuY3J5cHRlZA=="}, "data": "AAAA"}]}',
    ],
    ids=range(15),
)
async def test_what_is_no_request_is_a_typed_error(settings: Settings, body: bytes) -> None:
    async with browser(settings) as ui:
        answer = await ui.post("/decode", content=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["type"] == "urn:resellflow:problem:invalid-body"
    assert answer.headers["Access-Control-Allow-Origin"] == UI, "the UI shows what is wrong"


async def test_a_body_without_end_is_not_read(settings: Settings) -> None:
    read = 0

    async def endless() -> Any:
        nonlocal read
        while True:
            read += 1 << 20
            yield b" " * (1 << 20)

    async with browser(settings) as ui:
        answer = await ui.post("/decode", content=endless())
    assert answer.status_code == 413
    assert read <= LARGEST_BODY + (2 << 20)


async def test_a_body_that_does_not_come_is_not_waited_for(settings: Settings) -> None:
    impatient = Settings(**settings.model_dump() | {"api_request_timeout": 0.1})

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with browser(impatient) as ui:
        assert (await ui.post("/decode", content=never())).status_code == 408


async def test_nothing_else_is_there(settings: Settings) -> None:
    async with browser(settings) as ui:
        assert (await ui.get("/")).status_code == 404
        answer = await ui.get("/decode")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("host", ["::", "192.0.2.1", "codec.example.test"])
def test_others_are_let_in_only_with_a_token(settings: Settings, host: str) -> None:
    with pytest.raises(CodecServerError, match="RESELL_CODEC_TOKEN is needed"):
        create_codec_app(settings, host)
    create_codec_app(Settings(**settings.model_dump() | {"codec_token": TOKEN}), host)


def test_without_keys_it_does_not_start(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(CodecServerError, match="RESELL_PAYLOAD_KEY_FILE is not set"):
        create_codec_app(Settings(), "127.0.0.1")
    with pytest.raises(KeyFileError):
        create_codec_app(Settings(payload_key_file=str(tmp_path_factory.mktemp("none") / "x")), "127.0.0.1")


def test_a_short_token_is_refused_and_not_printed() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"codec_token": "too-short-a-secret"})
    assert "too-short-a-secret" not in str(refused.value)


async def test_a_port_that_is_taken_is_an_error_at_once(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="already in use"):
        await serve_codec(settings, "127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("HTTP://UI.example.test:8233/", UI),
        ("http://ui.example.test:8233/namespaces?x=1", UI),
        ("https://ui.example.test:443/", "https://ui.example.test"),
        ("http://ui.example.test:80", "http://ui.example.test"),
        ("http://ui.example.test:443", "http://ui.example.test:443"),
    ],
)
def test_the_origin_is_as_browsers_write_it(url: str, origin: str) -> None:
    assert origin_of(url) == origin
