"""What an answer of their API is worth: a document, or which failure.

Their errors are `application/problem+json` with a type of their own (`urn:resellflow:problem:…`). Only such an answer
is a definite no to a call that changes or costs: anything else may come from a proxy that judged the answer after the
work was done. A 5xx is never definite, because the database may have gone away while it committed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from upstreams.errors import (
    AlreadyExists,
    ConnectionUnhealthy,
    NoSuchItem,
    NotAllowed,
    NotYet,
    OutcomeUnknown,
    Rejected,
    SetupFault,
    UpstreamError,
)
from upstreams.httpcalls import Call, Effect, HttpAnswer, RefusalScope

D = TypeVar("D", bound=BaseModel)
_TYPE = "urn:resellflow:problem:"
_SAID = 300
"""Characters of their words that a refusal keeps for people."""
_QUOTE = "quote"
_OF_THE_CATALOGUE = frozenset({"plan", "period_months"})
"""Fields of an order that come from our catalogue alone."""


class _Problem(BaseModel):
    model_config = ConfigDict(extra="ignore")

    type: str
    status: int
    detail: str
    field: str | None = None


@dataclass(frozen=True)
class Question:
    """A call, and how its refusals are read."""

    call: Call
    refusals: RefusalScope = RefusalScope.OF_THE_ACCOUNT


def document(question: Question, answer: HttpAnswer, model: type[D]) -> D:
    """The document in an answer. Raises what it stands for otherwise."""
    call = question.call
    if answer.status in (200, 201) and "json" in answer.headers.get("content-type", ""):
        try:
            return model.model_validate_json(answer.body)
        except ValidationError as error:
            where = ".".join(str(step) for step in error.errors()[0]["loc"]) or "body"
            raise _unknown(call, f"an answer that can't be read ({call.clean(where, 60)})") from None
    raise _failure(question, answer)


def _failure(question: Question, answer: HttpAnswer) -> UpstreamError:
    call = question.call
    problem = _problem(answer)
    if problem is None:
        return _without_a_problem(call, answer)
    slug, said = problem.type.removeprefix(_TYPE), call.clean(problem.detail, _SAID)
    field = call.clean(problem.field or "", 60)
    error = _meaning(question, slug, f"{call.label}: {{}} ({slug}). It said: {said}", said, field)
    error.function, error.error_type, error.error_object = call.function, call.clean(slug, 40), field
    return error


def _meaning(question: Question, slug: str, words: str, said: str, field: str) -> UpstreamError:
    """The exception for a problem of their API; `words` has a place for what it means."""
    match slug:
        case "unauthenticated" | "too-many-wrong-tokens":
            return ConnectionUnhealthy(_filled(words, "the token is refused"))
        case "forbidden" if question.refusals is RefusalScope.OF_THE_ACCOUNT:
            return ConnectionUnhealthy(_filled(words, "the token may not do this; is it a storefront's?"))
        case "forbidden":
            return NotAllowed(_filled(words, "the account has no right to do this to the item"), said=said)
        case "not-found" if question.refusals is RefusalScope.OF_THE_ACCOUNT:
            return ConnectionUnhealthy(_filled(words, "there is no such API at this address"))
        case "not-found":
            return NoSuchItem(_filled(words, "the item does not exist there, or is not ours"), field="number")
        case "idempotency-key-reused":
            return AlreadyExists(_filled(words, "the key of this request was used before, with other values"))
        case "refused" if question.refusals is RefusalScope.OF_A_STATE:
            return NotAllowed(_filled(words, "not possible in the item's present state"), said=said)
        case "invalid-field" if field == _QUOTE and question.call.effect is Effect.CHANGE:
            return NotYet(
                _filled(words, "the price that was quoted is not held any more; it is asked for anew"),
                not_before=datetime.now(UTC),
            )
        case "events-gone":
            return Rejected(_filled(words, "what happened since is not known there any more"), field="cursor")
        case "invalid-field" if field in _OF_THE_CATALOGUE:
            return SetupFault(_filled(words, f"our catalogue does not fit theirs: {field}"))
        case "refused" | "invalid-field" | "invalid-body" | "invalid-idempotency-key" | "body-too-large":
            return Rejected(_filled(words, "refused"), field=field)
        case _:
            became = "" if question.call.effect is Effect.READ else "; whether it was carried out is not known"
            return OutcomeUnknown(_filled(words, f"it failed there{became}"))


def _filled(words: str, what: str) -> str:
    return words.replace("{}", what, 1)


def _problem(answer: HttpAnswer) -> _Problem | None:
    """Their own word for what went wrong; None for an answer that is not for certain theirs."""
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        problem = _Problem.model_validate_json(answer.body)
    except ValidationError:
        return None
    return problem if problem.type.startswith(_TYPE) and problem.status == answer.status else None


def _without_a_problem(call: Call, answer: HttpAnswer) -> UpstreamError:
    status = answer.status
    what = f"HTTP status {status} without a word of Resellflow's API"
    if call.effect is Effect.CHANGE:
        return _unknown(call, f"{what}, so whether the request was carried out is not known")
    if 300 <= status < 500 and status not in (408, 425, 429):
        return ConnectionUnhealthy(
            f"{call.label}: {what}; is the address right, and what stands in front of it?", function=call.function
        )
    return _unknown(call, what)


def _unknown(call: Call, what: str) -> OutcomeUnknown:
    return OutcomeUnknown(f"{call.label}: {what}.", function=call.function)
