"""Every error of the API becomes `application/problem+json` (RFC 9457).

`KINDS` lists all problem types. `install` says which exception becomes which problem.
"""

import json
import logging
import sqlite3
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Mount

from models.outages import Held, Outage, described, outage_of
from orders.errors import EventsGone, InvalidField, KeyReused, NotFound, NotTheirs, Refused
from orders.webhooks.sealing import SETTING, KeyUnusable
from temporal.updates import TemporalUnavailable
from upstreams.errors import UpstreamError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
KEY_HEADER = "Idempotency-Key"
RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True)
class Kind:
    """A type of problem: `urn:resellflow:problem:{slug}`."""

    slug: str
    title: str
    status: HTTPStatus

    @property
    def uri(self) -> str:
        return f"urn:resellflow:problem:{self.slug}"


INVALID_FIELD = Kind("invalid-field", "A field is wrong", HTTPStatus.UNPROCESSABLE_ENTITY)
INVALID_BODY = Kind("invalid-body", "The body can't be read", HTTPStatus.UNPROCESSABLE_ENTITY)
INVALID_KEY = Kind("invalid-idempotency-key", "The idempotency key is missing or invalid", HTTPStatus.BAD_REQUEST)
KEY_REUSED = Kind("idempotency-key-reused", "The key was used with another body", HTTPStatus.UNPROCESSABLE_ENTITY)
UNAUTHENTICATED = Kind("unauthenticated", "Not authenticated", HTTPStatus.UNAUTHORIZED)
FORBIDDEN = Kind("forbidden", "This token may not do that", HTTPStatus.FORBIDDEN)
NOT_FOUND = Kind("not-found", "It does not exist", HTTPStatus.NOT_FOUND)
EVENTS_GONE = Kind("events-gone", "Events after this cursor are not known any more", HTTPStatus.GONE)
TOO_LARGE = Kind("body-too-large", "The body is too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
REFUSED = Kind("refused", "Not possible in the present state", HTTPStatus.CONFLICT)
TOO_MANY_GUESSES = Kind("too-many-wrong-tokens", "Too many wrong tokens", HTTPStatus.TOO_MANY_REQUESTS)
TOO_MANY_HINTS = Kind("too-many-hints", "Too many hints are unread", HTTPStatus.TOO_MANY_REQUESTS)
UPSTREAM_FAILED = Kind("upstream-failed", "The upstream did not answer properly", HTTPStatus.BAD_GATEWAY)
TEMPORAL_UNAVAILABLE = Kind("temporal-unavailable", "Temporal can't be reached", HTTPStatus.SERVICE_UNAVAILABLE)
DATABASE_UNAVAILABLE = Kind("database-unavailable", "The database is not available", HTTPStatus.SERVICE_UNAVAILABLE)
BUSY = Kind("busy", "The server is busy", HTTPStatus.SERVICE_UNAVAILABLE)
NO_WEBHOOK_KEY = Kind("no-webhook-key", "Secrets of webhooks can't be kept here", HTTPStatus.SERVICE_UNAVAILABLE)
TOO_SLOW = Kind("too-slow", "The body came too slowly", HTTPStatus.REQUEST_TIMEOUT)
TOO_MANY_STREAMS = Kind("too-many-streams", "Too many streams at once", HTTPStatus.TOO_MANY_REQUESTS)
NOT_READY = Kind("not-ready", "Not ready to accept orders", HTTPStatus.SERVICE_UNAVAILABLE)
INTERNAL = Kind("internal", "An unexpected error happened", HTTPStatus.INTERNAL_SERVER_ERROR)

KINDS = (
    INVALID_FIELD,
    INVALID_BODY,
    INVALID_KEY,
    KEY_REUSED,
    UNAUTHENTICATED,
    FORBIDDEN,
    NOT_FOUND,
    EVENTS_GONE,
    TOO_LARGE,
    REFUSED,
    TOO_MANY_GUESSES,
    TOO_MANY_HINTS,
    UPSTREAM_FAILED,
    TEMPORAL_UNAVAILABLE,
    DATABASE_UNAVAILABLE,
    BUSY,
    NO_WEBHOOK_KEY,
    TOO_SLOW,
    TOO_MANY_STREAMS,
    NOT_READY,
    INTERNAL,
)


class FieldError(BaseModel):
    """One field that is wrong."""

    field: str = Field(examples=["addons.ram"])
    detail: str


class Problem(BaseModel):
    """Why a request was not carried out (RFC 9457)."""

    type: str = Field(examples=[INVALID_FIELD.uri])
    title: str = Field(examples=[INVALID_FIELD.title])
    status: int = Field(examples=[int(INVALID_FIELD.status)])
    detail: str = Field(examples=["'VDS-1' can't be had for 5 months; only for 1, 12"])
    field: str | None = Field(
        default=None, description="path of the field, parameter or header that is wrong", examples=["period_months"]
    )
    errors: list[FieldError] | None = Field(default=None, description="all wrong fields, if there are several")


class ProblemResponse(Response):
    media_type = MEDIA_TYPE

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(render(problem), status_code=problem.status, headers=headers)


LONGEST_DETAIL = 2_000
"""Characters. A detail quotes what was sent so that it is recognised; it need not be complete."""


def render(problem: Problem) -> bytes:
    if len(problem.detail) > LONGEST_DETAIL:
        problem = problem.model_copy(update={"detail": f"{problem.detail[:LONGEST_DETAIL]}…"})
    text = json.dumps(problem.model_dump(mode="json", exclude_none=True), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace")  # half a character from the request becomes JSON's own escape


def answer(
    problem_kind: Kind, detail: str, *, field: str | None = None, headers: Mapping[str, str] | None = None
) -> ProblemResponse:
    problem = Problem(
        type=problem_kind.uri, title=problem_kind.title, status=problem_kind.status, detail=detail, field=field
    )
    return ProblemResponse(problem, headers)


class SeveralKeys(Exception):
    """The header of the idempotency key is there more than once."""


class Forbidden(Exception):
    """The token is valid, but not for this."""


def documented(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """Responses for the OpenAPI document. Kinds of the same status share an entry."""
    responses: dict[int | str, dict[str, Any]] = {}
    for problem_kind in kinds:
        entry = responses.setdefault(int(problem_kind.status), {"model": Problem, "description": ""})
        entry["description"] = (
            f"{entry['description']}; {problem_kind.title}".removeprefix("; ") + f" (`{problem_kind.uri}`)"
        )
    return responses


def install(app: FastAPI) -> None:
    """Say which exception is which problem."""
    app.exception_handler(InvalidField)(_invalid_field)
    app.exception_handler(KeyReused)(_key_reused)
    app.exception_handler(NotFound)(_not_found)
    app.exception_handler(EventsGone)(_events_gone)
    app.exception_handler(NotTheirs)(_forbidden)
    app.exception_handler(Refused)(_refused)
    app.exception_handler(Forbidden)(_forbidden)
    app.exception_handler(SeveralKeys)(_several_keys)
    app.exception_handler(TemporalUnavailable)(_temporal_unavailable)
    app.exception_handler(KeyUnusable)(_no_webhook_key)
    app.exception_handler(UpstreamError)(_upstream_failed)
    app.exception_handler(SQLAlchemyError)(_database_error)
    app.exception_handler(sqlite3.Error)(_database_error)
    app.exception_handler(Held)(_database_error)
    app.exception_handler(RequestValidationError)(_invalid_request)
    app.exception_handler(HTTPException)(_http_error)


async def _invalid_field(request: Request, error: InvalidField) -> Response:
    return answer(INVALID_FIELD, _sentence(error.field, error.message), field=error.field)


async def _key_reused(request: Request, error: Exception) -> Response:
    return answer(KEY_REUSED, str(error), field=KEY_HEADER)


async def _several_keys(request: Request, error: Exception) -> Response:
    return answer(INVALID_KEY, f"{KEY_HEADER} is given more than once.", field=KEY_HEADER)


async def _not_found(request: Request, error: Exception) -> Response:
    return answer(NOT_FOUND, str(error))


async def _events_gone(request: Request, error: Exception) -> Response:
    return answer(EVENTS_GONE, str(error))


async def _refused(request: Request, error: Exception) -> Response:
    return answer(REFUSED, str(error))


async def _forbidden(request: Request, error: Exception) -> Response:
    return answer(FORBIDDEN, str(error))


async def _temporal_unavailable(request: Request, error: Exception) -> Response:
    log.warning("%s: %s", TEMPORAL_UNAVAILABLE.title, error)
    return answer(
        TEMPORAL_UNAVAILABLE,
        "Temporal or the worker does not answer at the moment. You may send the decision again.",
        headers=retry_later(),
    )


async def _no_webhook_key(request: Request, error: Exception) -> Response:
    log.error("%s: %s", NO_WEBHOOK_KEY.title, error)
    caller = request.state.caller
    if caller.requester.is_staff:
        return answer(NO_WEBHOOK_KEY, str(error))
    return answer(NO_WEBHOOK_KEY, f"{SETTING} is not set here, or not right. The operators have to set it.")


async def _upstream_failed(request: Request, error: Exception) -> Response:
    caller = request.state.caller
    if caller.requester.is_staff:
        return answer(UPSTREAM_FAILED, str(error))
    log.warning("%s (%s got no details): %s", UPSTREAM_FAILED.title, caller.name, error)
    return answer(UPSTREAM_FAILED, "The upstream can't be read at the moment. Try again later.")


async def _database_error(request: Request, error: Exception) -> Response:
    return database_problem(error)


def database_problem(error: Exception) -> ProblemResponse:
    """Raises the error if it is a fault of ours."""
    outage = outage_of(error)
    if outage is None:
        raise error
    log.log(logging.WARNING if outage.passes else logging.ERROR, "%s: %s", DATABASE_UNAVAILABLE.title, described(error))
    problem_kind = BUSY if outage is Outage.BUSY else DATABASE_UNAVAILABLE
    return answer(
        problem_kind, f"{_WHY.get(outage, 'The database is out of order.')} {SEND_AGAIN}", headers=retry_later()
    )


SEND_AGAIN = "Send the same request again: the same Idempotency-Key never makes a second order."
_WHY = {
    Outage.AWAY: "The database does not answer at the moment.",
    Outage.BUSY: "The database is busy at the moment.",
    Outage.READ_ONLY: "The database accepts no changes at the moment.",
}
"""Reasons for a storefront. It can only wait for all others to end; an operator finds them in the log and /readyz."""


async def _invalid_request(request: Request, error: RequestValidationError) -> Response:
    found = error.errors()
    key = next((entry for entry in found if tuple(entry["loc"])[:2] == ("header", KEY_HEADER)), None)
    if key is not None:
        return answer(INVALID_KEY, f"{KEY_HEADER} {_KEY_RULES.get(key['type'], _KEY_SHAPE)}.", field=KEY_HEADER)
    errors = [FieldError(field=_field(entry, error.body), detail=_message(entry)) for entry in found]
    first = errors[0]
    problem_kind = INVALID_BODY if first.field == "body" else INVALID_FIELD
    return ProblemResponse(
        Problem(
            type=problem_kind.uri,
            title=problem_kind.title,
            status=problem_kind.status,
            detail=_sentence(first.field, first.detail),
            field=first.field,
            errors=errors if len(errors) > 1 else None,
        )
    )


async def _http_error(request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    match status:
        case HTTPStatus.NOT_FOUND:
            return answer(NOT_FOUND, f"There is nothing at {request.url.path}.")
        case HTTPStatus.BAD_REQUEST:  # FastAPI's word for a body that is not even text
            return answer(INVALID_BODY, "The body can't be read as JSON in UTF-8.", field="body")
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return answer(TOO_LARGE, str(error.detail))
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = ", ".join(_methods_at(request))
            detail = f"{request.url.path} does not support {request.method}. It supports {allowed}."
            return _untyped(status, detail, {"Allow": allowed})
        case _:
            detail = str(error.detail)
    return _untyped(status, detail, error.headers)


def _untyped(status: HTTPStatus, detail: str, headers: Mapping[str, str] | None) -> Response:
    return ProblemResponse(Problem(type="about:blank", title=status.phrase, status=status, detail=detail), headers)


def _methods_at(request: Request) -> list[str]:
    """What is known at a path by any route, not only by the first that fits it."""
    scope = {**request.scope, "root_path": request.scope.get("app_root_path", request.scope.get("root_path", ""))}
    known = {
        method
        for method in ("DELETE", "GET", "PATCH", "POST", "PUT")
        for route in request.app.routes
        if route.matches({**scope, "method": method})[0] is Match.FULL
        and (method == "GET" or not isinstance(route, Mount))  # which serves files, and takes whatever is asked
    }
    return sorted(known | ({"HEAD"} if "GET" in known else set()))


def retry_later() -> dict[str, str]:
    return {"Retry-After": str(RETRY_AFTER_SECONDS)}


_KEY_SHAPE = "must be visible ASCII text of up to 255 characters"
_KEY_RULES = {
    "missing": "is needed: it ensures that an order that is sent twice is made once",
    "string_too_short": "is blank",
    "string_too_long": "is longer than 255 characters",
}

_MESSAGES = {
    "missing": "is needed",
    "extra_forbidden": "is not known here",
    "json_invalid": "is not valid JSON",
    "string_unicode": "contains an incomplete character",
    "union_tag_not_found": "is needed",
}
_WRONG_TAGS = ("union_tag_invalid", "union_tag_not_found")
"""A body is of one of several kinds, and does not say of which."""


def _message(entry: Mapping[str, Any]) -> str:
    error_type, message = str(entry["type"]), str(entry["msg"])
    if tuple(entry["loc"]) == ("body",) and error_type not in _WRONG_TAGS:
        if isinstance(entry.get("input"), bytes):
            return "is not JSON; send it with Content-Type: application/json"
        if error_type != "value_error":  # what a body says as a whole, of fields that depend on one another
            return _MESSAGES.get(error_type, "is not a JSON object")
    if error_type == "json_invalid":
        return f"{_MESSAGES[error_type]} (at character {entry['loc'][1]}: {entry.get('ctx', {}).get('error', '')})"
    if error_type.endswith(("too_long", "too_short")):
        return _length(entry["input"], entry["ctx"])
    if error_type == "union_tag_invalid":
        return f"is none of {entry['ctx']['expected_tags']}"
    message = message.removeprefix("Value error, ")
    return _MESSAGES.get(error_type, message[:1].lower() + message[1:])


def _length(given: Sized, bounds: Mapping[str, Any]) -> str:
    if not given:
        return "is empty"
    what = "characters" if isinstance(given, str) else "entries"
    most, least = bounds.get("max_length"), bounds.get("min_length")
    bound = f"at most {most}" if most is not None else f"at least {least}"
    return f"has {len(given)} {what}; {bound} are allowed"


def _field(entry: Mapping[str, Any], body: object) -> str:
    where, *steps = entry["loc"]
    if entry["type"] in _WRONG_TAGS:
        return str(entry["ctx"]["discriminator"]).strip("'")
    if isinstance(body, dict) and len(steps) > 1 and steps[0] == body.get("kind"):
        steps = steps[1:]  # the kind of body among several, which is no field
    return _path([where, *steps])


def _path(location: Sequence[str | int]) -> str:
    """`("body", "addons", "ram")` as people write it: addons.ram."""
    where, *steps = location
    if where == "body" and (not steps or isinstance(steps[0], int)):
        return "body"
    if where == "query":
        return str(steps[0]) if steps else where
    return ".".join(str(step) for step in steps if step != "[key]")


def _sentence(field: str, message: str) -> str:
    return f"{field}: {message}" if field else message
