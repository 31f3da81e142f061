"""A request as the methods describe it, and what its answer is: all but the sending, for sync and async alike."""

import re
import uuid
from collections.abc import Awaitable as Awaitable  # for the client, beside Direct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Generic, NamedTuple, Protocol, TypeVar, cast
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from resellflow_client._version import __version__
from resellflow_client.errors import ConnectionFailed, ProblemError, ResellflowError, UnexpectedAnswer

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Direct = Annotated[T, "there at once"]
"""What the sync client has where the other has `Awaitable`."""

KEY_HEADER = "Idempotency-Key"
USER_AGENT = f"resellflow-client/{__version__}"
PASSES = frozenset({408, 429, 502, 503, 504})
"""Statuses of what passes by itself."""
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request. `path`: with the names of `parts` in braces. `answers`: what the body is, by the status.

    None in `answers`: there is no body. `key`: of idempotency.
    """

    method: str
    path: str
    answers: Mapping[int, type[BaseModel] | None]
    parts: Mapping[str, object] = field(default_factory=dict)
    query: Mapping[str, object] = field(default_factory=dict)
    body: BaseModel | None = None
    key: str | None = None

    @property
    def repeatable(self) -> bool:
        """Sent twice, it has the effect of once."""
        return self.method == "GET" or self.key is not None

    def url(self) -> str:
        return re.sub(r"\{(\w+)\}", lambda name: _segment(name[1], self.parts[name[1]]), self.path)

    def params(self) -> httpx.QueryParams:
        """The query; what is None is left out, what has several values is given several times."""
        found: list[tuple[str, str | int | float | bool | None]] = []
        for name, value in self.query.items():
            several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
            found += [(name, _text(one)) for one in several if one is not None]
        return httpx.QueryParams(found)

    def headers(self) -> dict[str, str]:
        headers = {} if self.key is None else {KEY_HEADER: self.key}
        return headers if self.body is None else {**headers, "Content-Type": "application/json"}

    def content(self) -> bytes | None:
        """What was set of the body. What was left out stays out, so that the server's own default holds."""
        return None if self.body is None else self.body.model_dump_json(exclude_unset=True).encode()

    def read(self, answer: httpx.Response) -> T:
        """Raises ProblemError and UnexpectedAnswer."""
        if answer.is_error:
            raise ProblemError(answer, idempotency_key=self.key)
        if answer.status_code not in self.answers:
            raise UnexpectedAnswer(f"{self.method} {self.path} was answered with status {answer.status_code}")
        model = self.answers[answer.status_code]
        if model is None:
            return cast(T, None)
        try:
            found = model.model_validate_json(answer.content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the body"
            raise UnexpectedAnswer(f"{self.method} {self.path}: {where} of the answer: {first['msg']}") from error
        return cast(T, found)

    def failed(self, error: httpx.TransportError) -> ConnectionFailed:
        words = str(error) or type(error).__name__
        return ConnectionFailed(
            f"{self.method} {self.path}: {words}", sent=not isinstance(error, _NOT_SENT), idempotency_key=self.key
        )


class Answer(NamedTuple, Generic[T]):
    """What a call was answered: 201 if it made something, 200 if its idempotency key had made it before."""

    status: int
    body: T


class Page(Protocol[T_co]):
    """A page of a list."""

    @property
    def items(self) -> Sequence[T_co]: ...
    @property
    def next_cursor(self) -> str | None: ...


@dataclass(frozen=True)
class Retries:
    """Of what may be sent again: reads, and requests with a key of idempotency. Others only if they were not sent.

    attempts: how often it is sent at most; 1 for never again. timeout: seconds after which no new attempt begins.
    longest_wait: seconds; a server that wants to be left alone for longer (`Retry-After`) is not waited for.
    """

    attempts: int = 5
    timeout: float = 60.0
    longest_wait: float = 30.0

    def of(self, call: Call[Any]) -> Callable[[Exception], bool | float]:
        """Whether to send this call again after an error, or the seconds until then."""

        def again(error: Exception) -> bool | float:
            if isinstance(error, ConnectionFailed):
                return call.repeatable or not error.sent
            if not isinstance(error, ProblemError) or error.status not in PASSES or not call.repeatable:
                return False
            return error.retry_after is None or (error.retry_after <= self.longest_wait and error.retry_after)

        return again


def new_key() -> str:
    """A key of idempotency."""
    return f"client-{uuid.uuid4()}"


def address_of(address: str) -> str:
    """It without a slash at its end. Raises ValueError for what can be no address."""
    try:
        url = httpx.URL(address)
        right = url.scheme in ("http", "https") and bool(url.host)
    except httpx.InvalidURL:
        right = False
    if not right:
        raise ValueError(f"{address!r} is not an address like https://resellflow.example.com")
    return address.rstrip("/")


def headers_of(token: str) -> dict[str, str]:
    """Raises ValueError for what can be no token."""
    if not _TOKEN.fullmatch(token):
        raise ValueError("the token is not one word of ASCII characters; was more or less than the token copied?")
    return {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": USER_AGENT}


def _segment(name: str, value: object) -> str:
    text = _text(value)
    if text in ("", ".", ".."):
        raise ResellflowError(f"{name}: {text!r} is no name")
    return quote(text, safe="")


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Enum():
            return str(value.value)
        case datetime() | date():
            return value.isoformat()
    return str(value)
