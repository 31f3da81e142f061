"""One operation: why it waits, what happens next, what a person may do, and all that was done so far."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from console.acts import Tried
from console.errors import on_problem
from console.flash import forget, said, say
from console.forms import valid
from console.rendering import pages_of
from console.sessions import LoggedIn, SentForm, Session, text_of
from models.enums import Stage
from models.messages import DecisionKind
from models.parameters import ADDON
from orders.decisions.allowed import NOTHING_BOUGHT, PAID, PAID_STAYS, PARAMETERS
from orders.errors import Refused
from orders.views import (
    OperationDetail,
    PageRequest,
    find_operation,
    find_service,
    list_audit,
    list_intents,
    list_operations,
)
from storefront import decisions
from storefront.callers import Caller
from storefront.context import Context, InContext
from storefront.problems import Forbidden, Problem
from storefront.schemas.operations import (
    Cancellation,
    Correction,
    DecisionTaken,
    DoneByHand,
    LookAsked,
    PriceAccepted,
    Vouched,
)

router = APIRouter()

CHECKED = (NOTHING_BOUGHT, PAID, PAID_STAYS)
"""Fields that are ticked."""
AUDIT_SHOWN = 100


@dataclass(frozen=True)
class Act:
    """How a decision is sent: the body and the route that the API has for it."""

    body: type[BaseModel]
    carry_out: Callable[[int, Any, Caller, Context], Awaitable[DecisionTaken]]


ACTS: Mapping[DecisionKind, Act] = {
    DecisionKind.RETRY: Act(Vouched, decisions.retry),
    DecisionKind.CORRECT_AND_RETRY: Act(Correction, decisions.correct),
    DecisionKind.ACCEPT_PRICE: Act(PriceAccepted, decisions.accept_price),
    DecisionKind.LOOK_NOW: Act(
        LookAsked, lambda number, body, caller, context: decisions.look_now(number, caller, context, body)
    ),
    DecisionKind.MARK_DONE: Act(DoneByHand, decisions.mark_done),
    DecisionKind.CANCEL: Act(
        Cancellation, lambda number, body, caller, context: decisions.cancel(number, caller, context, body)
    ),
}


@router.get("/operations/{number}")
async def show_operation(number: int, request: Request, session: LoggedIn, context: InContext) -> Response:
    return await _page(number, request, session, context, Tried())


@router.post("/operations/{number}/{decision}")
async def decide(
    number: int, decision: DecisionKind, request: Request, session: LoggedIn, context: InContext, form: SentForm
) -> Response:
    """What the API's route of this decision does. What is refused is shown beside what was typed."""
    typed = {name: value for name, value in form.items() if isinstance(value, str) and name != "csrf"}

    async def show_again(problem: Problem) -> Response:
        return await _page(number, request, session, context, Tried(decision.value, problem, typed))

    on_problem(request, show_again)
    async with context.database.read() as reading:
        operation = await find_operation(reading, context.links, number, session.visitor.requester)
    act = ACTS.get(decision)
    offered = {one.decision: one for one in operation.allowed_decisions}
    if act is None or decision not in offered:
        raise Refused(f"this can't be decided about operation {number} any more: it is {operation.stage.value}")
    if session.visitor.role not in offered[decision].roles:
        raise Forbidden(f"{session.visitor.name} has the role {session.visitor.role.value}, which may not decide this.")
    taken = await act.carry_out(number, _body(act.body, form, operation), session.caller, context)
    response = RedirectResponse(f"../{number}", status_code=303)
    say(response, taken.message or taken.stage.value)
    return response


def _body(model: type[BaseModel], form: FormData, operation: OperationDetail) -> BaseModel:
    """The API's body of what was typed. Raises InvalidField for the first field that is wrong."""
    values: dict[str, object] = {}
    for name in model.model_fields:
        if name in CHECKED:
            values[name] = text_of(form, name) == "on"
        elif name == PARAMETERS:
            values[PARAMETERS], values["addons"] = _changed(form, operation)
        elif typed := text_of(form, name).replace("\r\n", "\n").strip():
            values[name] = typed
    return valid(model, values)


def _changed(form: FormData, operation: OperationDetail) -> tuple[dict[str, str], dict[str, object]]:
    """Parameters and add-ons that were typed otherwise than the operation has them."""
    parameters: dict[str, str] = {}
    addons: dict[str, object] = {}
    for name, value in operation.parameters.items():
        typed = text_of(form, f"{PARAMETERS}.{name}").replace("\r\n", "\n").strip()
        if typed == value or f"{PARAMETERS}.{name}" not in form:
            continue
        if name.startswith(ADDON.text):
            addons[name.removeprefix(ADDON.text)] = int(typed) if typed.isdigit() else typed
        else:
            parameters[name] = typed
    return parameters, addons


async def _page(number: int, request: Request, session: Session, context: Context, tried: Tried) -> Response:
    requester = session.visitor.requester
    async with context.database.read() as reading:
        operation = await find_operation(reading, context.links, number, requester)
        service = await find_service(reading, operation.service, requester)
        intents = await list_intents(reading, number)
        audit = await list_audit(reading, PageRequest(limit=AUDIT_SHOWN), subject="operation", number=number)
        behind = await list_operations(
            reading, context.links, PageRequest(limit=20), requester, service=[operation.service], stage=[Stage.QUEUED]
        )
    told = said(request)
    response = pages_of(request).show(
        request,
        "operation.html",
        session,
        status=tried.status,
        operation=operation,
        service=service,
        intents=intents,
        audit=audit.items,
        behind=[one for one in behind.items if one.number != number],
        offered=[one for one in operation.allowed_decisions if one.decision in ACTS],
        tried=tried,
        said=told,
        checked=CHECKED,
    )
    return forget(response) if told else response
