"""What a person may do to one thing, as a form: its words, its fields, and the API's route that carries it out."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from console.errors import on_problem
from console.flash import say
from console.forms import valid
from console.sessions import Session, text_of
from orders.access.roles import Right
from orders.errors import NotFound
from storefront.auth import check
from storefront.callers import Caller
from storefront.context import Context
from storefront.problems import Problem


@dataclass(frozen=True)
class Act:
    """`carry_out` gets number, body, caller and context. `label` and `effect` are texts that are translated."""

    label: str
    effect: str
    body: type[BaseModel]
    carry_out: Callable[[int, Any, Caller, Context], Awaitable[Any]]
    fields: tuple[str, ...] = ()
    right: Right = Right.DECIDE
    is_grave: bool = False


Acts = Mapping[str, Act]


@dataclass(frozen=True)
class Tried:
    """An act that was refused: shown beside what was typed."""

    act: str = ""
    problem: Problem | None = None
    typed: Mapping[str, str] | None = None

    @property
    def status(self) -> int:
        return self.problem.status if self.problem else 200


ShowPage = Callable[[Tried], Awaitable[Response]]


async def carry_out(
    acts: Acts, name: str, number: int, request: Request, session: Session, context: Context, form: FormData,
    page: ShowPage,
) -> Response:  # fmt: skip
    """Do it, and lead back to the page of the thing. Raises NotFound for an act that there is none of."""
    act = acts.get(name)
    if act is None:
        raise NotFound("act", name)
    typed = {field: value for field, value in form.items() if isinstance(value, str) and field != "csrf"}

    async def show_again(problem: Problem) -> Response:
        return await page(Tried(name, problem, typed))

    on_problem(request, show_again)
    check(session.caller, act.right)
    values: dict[str, object] = {
        field: text for field in act.fields if (text := text_of(form, field).replace("\r\n", "\n").strip())
    }
    done = await act.carry_out(number, valid(act.body, values), session.caller, context)
    response = RedirectResponse(f"../{number}", status_code=303)
    say(response, getattr(done, "message", "") or "")
    return response
