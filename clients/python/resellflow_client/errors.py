"""What can go wrong. All of it is a `ResellflowError`."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from pydantic import BaseModel, ValidationError

MOST_OF_A_TEXT = 500
"""Characters of an answer that is no problem document, as an error repeats them."""


class ResellflowError(Exception):
    """The base of all errors of this package."""


class ConnectionFailed(ResellflowError):
    """There was no answer. Whether the request was carried out is not known, unless `sent` is False.

    `idempotency_key`: the key that the request had. Send it again with the same key, and it is carried out once.
    """

    def __init__(self, message: str, *, sent: bool, idempotency_key: str | None) -> None:
        super().__init__(message)
        self.sent = sent
        self.idempotency_key = idempotency_key


class UnexpectedAnswer(ResellflowError):
    """The answer is not what the API answers: is the address right, and the client not older than the server?"""


class WaitedTooLong(ResellflowError):
    """What was waited for has not come in the time given."""


class WebhookRejected(ResellflowError):
    """A message that is not to be believed or can't be read. Answer it with status 400, and do nothing."""


class FieldError(BaseModel):
    """One field that is wrong."""

    field: str
    detail: str


class _Problem(BaseModel):
    type: str = "about:blank"
    title: str = ""
    detail: str = ""
    field: str | None = None
    errors: list[FieldError] | None = None


class ProblemError(ResellflowError):
    """The API refused (RFC 9457).

    status: of HTTP. type: which problem it is, e.g. `urn:resellflow:problem:refused`; `slug` is its last part.
    title, detail: in words, for people. field: the path of the field that is wrong, or None. errors: all wrong fields.
    retry_after: seconds after which the server wants to be asked again, or None. request_id: find it in the server's
    log. idempotency_key: the key that the request had, or None.
    """

    def __init__(self, answer: httpx.Response, *, idempotency_key: str | None = None) -> None:
        """`answer`: with its body read."""
        problem = _read(answer)
        self.status = answer.status_code
        self.type = problem.type
        self.title = problem.title or answer.reason_phrase
        self.detail = problem.detail or self.title
        self.field = problem.field
        self.errors = problem.errors or ([FieldError(field=self.field, detail=self.detail)] if self.field else [])
        self.retry_after = _seconds(answer.headers.get("Retry-After"))
        self.request_id: str | None = answer.headers.get("X-Request-Id")
        self.idempotency_key = idempotency_key
        super().__init__(self.detail)

    @property
    def slug(self) -> str:
        return self.type.rpartition(":")[2]


def _read(answer: httpx.Response) -> _Problem:
    try:
        return _Problem.model_validate_json(answer.content)
    except ValidationError:
        words = answer.text.strip()[:MOST_OF_A_TEXT]
        return _Problem(detail=f"status {answer.status_code} {answer.reason_phrase}: {words}" if words else "")


def _seconds(text: str | None) -> float | None:
    """What `Retry-After` says, in seconds or as a date."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp(), 0.0)
