"""The codec server: Temporal UI and CLI send it encrypted payloads, and get them back readable.

`POST /decode` and `POST /encode`, by Temporal's protocol for remote codecs. Browsers may call it from the origin of
Temporal UI alone. It listens on loopback without a token, elsewhere only with one.
"""

import asyncio
import base64
import contextlib
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Annotated, cast
from urllib.parse import urlsplit

import uvicorn
from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ExceptionHandler
from temporalio.api.common.v1 import Payload

from payloads.codec import EncryptingCodec, Undecodable
from payloads.keyfile import read_key_file
from settings import Settings
from storefront.problems import (
    FORBIDDEN,
    INVALID_BODY,
    TOO_LARGE,
    TOO_SLOW,
    UNAUTHENTICATED,
    Problem,
    ProblemResponse,
    answer,
)
from storefront.protocol import protocol_of
from storefront.server import StoppableServer, listen

LARGEST_BODY = 4 * 1024 * 1024
"""One payload of the greatest size that Temporal takes; those of ours have a thousandth of it."""
MOST_PAYLOADS = 1000
_HEADERS = ("Authorization", "Content-Type", "X-Namespace")
_Convert = Callable[[Sequence[Payload]], Awaitable[list[Payload]]]


class CodecServerError(Exception):
    """The settings do not let it start; the message says why."""


def _bytes(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("is not text")
    return base64.b64decode(text, validate=True)


Base64 = Annotated[bytes, BeforeValidator(_bytes)]


class _WirePayload(BaseModel):
    metadata: dict[Annotated[str, Field(max_length=256)], Base64] = Field(default_factory=dict)
    data: Base64 = b""


class _Wire(BaseModel):
    payloads: list[_WirePayload] = Field(max_length=MOST_PAYLOADS)


def create_codec_app(settings: Settings, host: str) -> Starlette:
    """To listen on `host`. Raises CodecServerError or KeyFileError."""
    if not settings.payload_key_file:
        raise CodecServerError(
            "RESELL_PAYLOAD_KEY_FILE is not set: nothing is encrypted, so nothing is to be decrypted"
        )
    if settings.codec_token is None and not _is_loopback(host):
        raise CodecServerError(f"to listen on {host} RESELL_CODEC_TOKEN is needed: whoever reaches it reads everything")
    app = _App(settings)
    return Starlette(
        routes=[
            Route("/decode", app.decode, methods=["POST"]),
            Route("/encode", app.encode, methods=["POST"]),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=[app.origin],
                allow_methods=["POST"],
                allow_headers=_HEADERS,
                allow_credentials=True,
                allow_private_network=True,
            )
        ],
        exception_handlers={HTTPException: cast(ExceptionHandler, _http_error)},
    )


class _App:
    def __init__(self, settings: Settings) -> None:
        self._codec = EncryptingCodec(read_key_file(settings.payload_key_file))
        self._token = settings.codec_token.get_secret_value() if settings.codec_token else None
        self._patience = settings.api_request_timeout
        self.origin = origin_of(settings.temporal_ui_url)

    async def decode(self, request: Request) -> Response:
        return await self._convert(request, self._codec.decode)

    async def encode(self, request: Request) -> Response:
        return await self._convert(request, self._codec.encode)

    async def _convert(self, request: Request, convert: _Convert) -> Response:
        # Not only the browser judges: a page that lets its own name point here would be of the same origin to it.
        origin = request.headers.get("Origin")
        if origin is not None and origin != self.origin:
            return answer(FORBIDDEN, "Only Temporal UI at RESELL_TEMPORAL_UI_URL may call from a browser.")
        if self._token is not None and not self._is_let_in(request.headers.get("Authorization", "")):
            return answer(UNAUTHENTICATED, "Send Authorization: Bearer TOKEN, the value of RESELL_CODEC_TOKEN.")
        try:
            async with asyncio.timeout(self._patience):
                body = await _body(request)
        except TimeoutError:
            return answer(
                TOO_SLOW, f"The body did not come within {self._patience:g} s.", headers={"Connection": "close"}
            )
        if body is None:
            return answer(TOO_LARGE, f"The body has more than {LARGEST_BODY} bytes.")
        try:
            given = _Wire.model_validate_json(body)
        except ValidationError as error:
            where = ".".join(map(str, error.errors(include_input=False)[0]["loc"])) or "body"
            return answer(INVALID_BODY, f"{where[:100]} is not as in Temporal's protocol for codec servers.")
        try:
            converted = await convert([Payload(metadata=one.metadata, data=one.data) for one in given.payloads])
        except Undecodable as error:
            return answer(INVALID_BODY, f"A payload can't be decrypted: {error}.")
        return JSONResponse({"payloads": [_written(one) for one in converted]})

    def _is_let_in(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        expected = (self._token or "").encode()
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), expected)


def origin_of(url: str) -> str:
    """The origin as browsers write it: without path and usual port, name in small letters."""
    parts = urlsplit(url.lower())
    return f"{parts.scheme}://{parts.netloc}".removesuffix({"http": ":80", "https": ":443"}.get(parts.scheme, ""))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _body(request: Request) -> bytes | None:
    """None: more than is taken. What comes behind is not read."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            return None
        parts.append(part)
    return b"".join(parts)


def _written(payload: Payload) -> dict[str, object]:
    metadata = {name: base64.b64encode(value).decode() for name, value in payload.metadata.items()}
    return {"metadata": metadata, "data": base64.b64encode(payload.data).decode()}


async def _http_error(request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    problem = Problem(
        type="about:blank", title=status.phrase, status=status, detail="There are POST /decode and POST /encode here."
    )
    return ProblemResponse(problem, error.headers)


async def serve_codec(settings: Settings, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Raises CodecServerError or KeyFileError, OSError if the address is taken."""
    app = create_codec_app(settings, host)
    with contextlib.closing(listen(host, port, "the codec server")) as listening:
        await StoppableServer(
            uvicorn.Config(
                app,
                http=protocol_of(settings.connection_limits()),
                proxy_headers=False,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=5,
            )
        ).serve([listening])
