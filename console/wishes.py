"""A request to the API in three steps: choose; the quote, with a button; the operation that was made.

The idempotency key is made with the quote and travels in the form, so a form that is sent twice makes one operation.
Before anything is asked for the price is looked at once more: if it is another one, nothing is asked for, and the new
one is shown.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from console.errors import on_problem
from console.forms import CARRIED, CHANGE, SHOWN, by_hand, text_in, typed_in
from console.inputs import LAST, Input, body_of
from console.rendering import pages_of, way_home
from console.sessions import Session
from console.texts import FIELDS
from orders.access.roles import Right
from orders.errors import InvalidField, Refused
from orders.quotes.views import QuoteView
from orders.views import OperationView, UpstreamView, find_upstream
from storefront import quotes
from storefront.auth import check
from storefront.context import Context
from storefront.problems import INVALID_FIELD, REFUSED, Problem

KEY = "key"
_KEYS = re.compile(r"console-[0-9a-f]{32}")
OWN = frozenset({*CARRIED, *LAST})
"""Fields of the second form that are none of the first."""


@dataclass(frozen=True)
class Wish:
    """What somebody may ask for, as the steps need it."""

    title: str
    """Translated."""
    effect: str
    """Translated."""
    address: str
    """Where its first step is, from the console's first page."""
    back: str
    about: str
    """What it is done to, in words that are not translated."""
    model: type[BaseModel]
    inputs: Sequence[Input]
    place: Callable[[Any, str], Awaitable[int]]
    """Body and key -> number of the operation."""
    service: int | None = None
    upstream: str | None = None
    """Name of the account that would be charged."""
    rehearse: Callable[[Any], Awaitable[OperationView]] | None = None
    """For what costs nothing: what it would make. None: it has a quote."""
    is_grave: bool = False
    reason_needed: bool = True

    @property
    def has_nothing_to_choose(self) -> bool:
        """A value is needed from a list that is empty: no other plan, say."""
        return any(one.needed and one.kind in ("list", "months") and not one.choices for one in self.inputs)

    @property
    def last(self) -> list[Input]:
        """What is asked for beside the button."""
        needed = {"reason": self.reason_needed}
        return [
            Input(name, FIELDS[name], "lines" if name == "reason" else "text", needed=needed.get(name, False))
            for name in LAST
            if name in self.model.model_fields
        ]


@dataclass(frozen=True)
class Preview:
    """What would come of it."""

    quote: QuoteView | None = None
    operation: OperationView | None = None
    problem: Problem | None = None

    @property
    def shown(self) -> dict[str, str]:
        quote = self.quote
        if quote is None:
            return dict.fromkeys(SHOWN, "")
        selling = quote.selling.total if quote.selling is not None else None
        values = (quote.cost, selling, quote.next_expiry)
        return {name: "" if value is None else str(value) for name, value in zip(SHOWN, values, strict=True)}


@dataclass(frozen=True)
class Sent:
    """What came with the form, and what is wrong with it."""

    typed: Mapping[str, str] = field(default_factory=dict)
    problem: Problem | None = None

    @property
    def by_hand(self) -> list[tuple[str, str]]:
        return by_hand(self.typed.items())

    @property
    def of_the_choice(self) -> dict[str, str]:
        return {name: value for name, value in self.typed.items() if name not in OWN}


async def show_choice(request: Request, session: Session, wish: Wish, sent: Sent) -> Response:
    """The first step."""
    check(session.caller, Right.ORDER)
    status = sent.problem.status if sent.problem else 200
    return pages_of(request).show(request, "wish.html", session, status=status, wish=wish, sent=sent)


async def show_quote(
    request: Request, session: Session, context: Context, wish: Wish, form: FormData | None
) -> Response:
    """The second step. The first one again, where something is wrong."""
    check(session.caller, Right.ORDER)
    form = form or FormData()
    if text_in(form, CHANGE):
        return await show_choice(request, session, wish, Sent(typed_in(form)))
    _again(request, session, context, wish, form)
    return await _quoted(request, session, context, wish, Sent(typed_in(form)), body_of(wish.model, form))


async def send(request: Request, session: Session, context: Context, wish: Wish, form: FormData) -> Response:
    """The third step: ask for it, and go to the operation."""
    check(session.caller, Right.ORDER)
    _again(request, session, context, wish, form)
    key = text_in(form, KEY)
    if not _KEYS.fullmatch(key):
        raise InvalidField(KEY, "is not one of this page; begin anew")
    asked = body_of(wish.model, form)
    if wish.reason_needed and not text_in(form, "reason"):
        raise InvalidField("reason", "is needed: why is it done? It goes to the audit")
    now = await _preview(session, context, wish, asked)
    if now.problem is None and now.shown == {name: text_in(form, name) for name in SHOWN}:
        number = await wish.place(asked, key)
    elif earlier := await _earlier(session, context, wish, asked, key):
        number = earlier
    else:
        return await _shown(request, session, context, wish, Sent(typed_in(form)), now, changed=True)
    return RedirectResponse(f"{way_home(request)}operations/{number}", status_code=303)


async def _earlier(session: Session, context: Context, wish: Wish, asked: Any, key: str) -> int | None:
    """The operation that this form has made already: then the service is not what it was, and the quote may be another
    one. None: it has made none."""
    made = await context.resellflow.accepted_before(asked, wish.service, key=key, client=session.caller.name)
    return made.operation if made is not None else None


def _again(request: Request, session: Session, context: Context, wish: Wish, form: FormData) -> None:
    """What is refused is shown at its field, with what was typed: beside the button, or at the choice."""

    async def show_again(problem: Problem) -> Response:
        sent = Sent(typed_in(form), _without_field(problem))
        if problem.field not in LAST:
            return await show_choice(request, session, wish, sent)
        without = FormData([(name, value) for name, value in form.multi_items() if name not in OWN])
        return await _quoted(request, session, context, wish, sent, body_of(wish.model, without))

    on_problem(request, show_again)


def _without_field(problem: Problem) -> Problem:
    """Its detail begins with the field; beside the field that is said already."""
    return problem.model_copy(update={"detail": problem.detail.removeprefix(f"{problem.field}: ")})


async def _quoted(request: Request, session: Session, context: Context, wish: Wish, sent: Sent, asked: Any) -> Response:
    now = await _preview(session, context, wish, asked)
    return await _shown(request, session, context, wish, sent, now, changed=False)


async def _preview(session: Session, context: Context, wish: Wish, asked: Any) -> Preview:
    if wish.rehearse is not None:
        try:
            return Preview(operation=await wish.rehearse(asked))
        except InvalidField as error:
            return Preview(problem=_problem(error.field, error.message))
        except Refused as error:
            return Preview(problem=_problem(None, str(error)))
    found = await quotes.quote(asked, wish.service, session.caller, context)
    if found.possible:
        return Preview(found)
    [first, *_] = found.problems
    return Preview(found, problem=_problem(first.field, first.detail))


def _problem(name: str | None, detail: str) -> Problem:
    kind = INVALID_FIELD if name else REFUSED
    return Problem(type=kind.uri, title=kind.title, status=kind.status, detail=detail, field=name)


async def _shown(
    request: Request, session: Session, context: Context, wish: Wish, sent: Sent, now: Preview, *, changed: bool
) -> Response:
    if now.problem is not None:
        return await show_choice(request, session, wish, Sent(sent.typed, now.problem))
    account: UpstreamView | None = None
    if wish.upstream is not None and now.quote is not None:
        async with context.database.read() as reading:
            account = await find_upstream(reading, wish.upstream)
    status = sent.problem.status if sent.problem else REFUSED.status if changed else 200
    return pages_of(request).show(
        request,
        "quote.html",
        session,
        status=status,
        wish=wish,
        sent=sent,
        now=now,
        changed=changed,
        account=account,
        key=f"console-{secrets.token_hex(16)}",
    )
