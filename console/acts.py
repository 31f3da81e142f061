"""What a person may do to one thing, as a form: its words, its fields, and the API's route that carries it out."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from console.errors import on_problem
from console.flash import forget, said, say
from console.forms import by_hand, text_in, typed_in, valid
from console.rendering import pages_of
from console.sessions import LoggedIn, SentForm, Session
from orders.access.roles import Right
from orders.errors import NotFound, existing
from storefront.auth import check
from storefront.callers import Caller
from storefront.context import Context, InContext
from storefront.problems import Problem


@dataclass(frozen=True)
class Act:
    """`carry_out` gets the number of the thing (the name of an upstream), body, caller and context. `label` and
    `effect` are texts that are translated."""

    label: str
    effect: str
    body: type[BaseModel]
    carry_out: Callable[[Any, Any, Caller, Context], Awaitable[Any]]
    fields: tuple[str, ...] = ()
    """Fields of the body."""
    right: Right = Right.DECIDE
    is_grave: bool = False
    needs: tuple[str, ...] = ("reason", "to")
    """Those of the fields that must be filled in."""
    says: str = ""
    """What it does in Resellflow's own words, which are not translated; in place of `effect`."""
    current: Mapping[str, str] = field(default_factory=dict)
    """What stands in a field before anybody types."""
    choices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Fields that are chosen from a list: value -> label, which is translated."""
    read: Callable[[FormData], dict[str, object]] = lambda form: {}
    """Values of the body that are more than the text of a field of the same name."""
    shows: tuple[str, ...] = ()
    """Fields of the form, where they are others than `fields`."""

    @property
    def shown(self) -> tuple[str, ...]:
        return self.shows or self.fields


Acts = Mapping[str, Act]


@dataclass(frozen=True)
class Tried:
    """An act that was refused: shown beside what was typed."""

    act: str = ""
    problem: Problem | None = None
    typed: Mapping[str, str] | None = None

    @property
    def by_hand(self) -> list[tuple[str, str]]:
        """Shown where the form is gone that it was typed into."""
        return by_hand((self.typed or {}).items())

    @property
    def status(self) -> int:
        return self.problem.status if self.problem else 200


NOTHING_TRIED = Tried()
Show = Callable[[Any, Request, Session, Context, Tried], Awaitable[Response]]
"""Shows the page of the thing with this number, or of this name."""


def add_page(router: APIRouter, noun: str, acts: Acts, show: Show) -> None:
    """`GET {noun}/{number}` shows the thing, `POST {noun}/{number}/{act}` does one of the acts to it."""

    @router.get(f"/{noun}/{{number}}")
    async def show_thing(number: int, request: Request, session: LoggedIn, context: InContext) -> Response:
        return await show(number, request, session, context, NOTHING_TRIED)

    @router.post(f"/{noun}/{{number}}/{{name}}")
    async def act_on_thing(
        number: int, name: str, request: Request, session: LoggedIn, context: InContext, form: SentForm
    ) -> Response:
        existing(noun.removesuffix("s"), number)
        return await act_on(acts, name, number, request, session, context, form, show)


async def act_on(
    acts: Acts, name: str, key: int | str, request: Request, session: Session, context: Context, form: FormData,
    show: Show,
) -> Response:  # fmt: skip
    """Do one of the acts. What is refused is shown on the page of the thing, beside what was typed."""

    async def show_again(problem: Problem) -> Response:
        return await show(key, request, session, context, Tried(name, problem, typed_in(form)))

    on_problem(request, show_again)
    return await _carry_out(_known(acts, name), key, session, context, form)


def _known(acts: Acts, name: str) -> Act:
    if name not in acts:
        raise NotFound("act", name)
    return acts[name]


async def _carry_out(act: Act, key: int | str, session: Session, context: Context, form: FormData) -> Response:
    """Do it, and lead back to the page of the thing."""
    check(session.caller, act.right)
    done = await act.carry_out(key, valid(act.body, _values(act, form)), session.caller, context)
    response = RedirectResponse(f"../{key}", status_code=303)
    say(response, getattr(done, "message", "") or "")
    return response


def _values(act: Act, form: FormData) -> dict[str, object]:
    """What was typed. A field that is left empty is left out."""
    values = act.read(form)
    for name in act.fields:
        if act.body.model_fields[name].annotation is bool:
            values[name] = text_in(form, name) == "on"
        elif text := text_in(form, name):
            values[name] = text
    return values


def show_page(request: Request, session: Session, template: str, tried: Tried, **values: Any) -> Response:
    """The page with what was tried, and with what the last act has said, once."""
    told = said(request)
    shown = pages_of(request).show(request, template, session, status=tried.status, tried=tried, said=told, **values)
    return forget(shown) if told else shown
