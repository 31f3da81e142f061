"""One decision about all that the inbox shows by its filters, or about the rows that were chosen there.

A preview comes first, then the run of that preview."""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from console.acts import Tried
from console.errors import on_problem
from console.forms import valid
from console.inbox import FIELDS, OF_OPERATIONS, Filters, wanted_by
from console.rendering import pages_of
from console.sessions import LoggedIn, SentForm, Session, text_of
from console.texts import CAUSES, _
from models.enums import MemberState
from orders.access.roles import Right
from orders.decisions.batches import MOST, BatchRequest
from orders.errors import InvalidField
from orders.inbox.cards import inbox_cards
from orders.inbox.views import inbox_page
from storefront import batches
from storefront.auth import check
from storefront.context import Context, InContext
from storefront.problems import Problem

router = APIRouter()

ACTIONS = {
    "retry": _("Try again"),
    "look_now": _("Ask the upstream now"),
    "cancel": _("Cancel"),
    "accept_price": _("Accept the price"),
    "assign": _("Hand the tasks over"),
}
PAGE = 200
SECONDS = 20.0
"""After so long a run is interrupted, so that the page comes; it is gone on with."""


@router.get("/bulk")
async def choose(request: Request, session: LoggedIn, context: InContext, asked: Filters) -> Response:
    """`chosen` in the address: about the numbers in `operation`, each one, and in `operations`, many, alone, even if
    there are none."""
    query = request.query_params
    named = [*query.getlist("operation"), *query.get("operations", "").split()]
    try:
        chosen = _chosen(named) if "chosen" in query else None
    except InvalidField as error:
        problem = Problem(type="", title="", status=422, detail=error.message, field=error.field)
        return await _form(request, session, context, asked, [], Tried("preview", problem))
    return await _form(request, session, context, asked, chosen, Tried())


@router.post("/bulk")
async def preview(request: Request, session: LoggedIn, context: InContext, form: SentForm) -> Response:
    """Write down what the decision would touch. Nothing is decided yet."""
    asked = {name: text_of(form, name).strip()[:200] for name in FIELDS}
    typed = {name: text_of(form, name) for name in ("action", "reason", "to")}
    sent = text_of(form, "operations").split() if text_of(form, "chosen") else None

    async def show_again(problem: Problem) -> Response:
        return await _form(request, session, context, asked, sent, Tried("preview", problem, typed))

    on_problem(request, show_again)
    check(session.caller, Right.DECIDE)
    numbers = await _numbers(context, session, asked) if sent is None else _chosen(sent)
    if not numbers:
        raise InvalidField("filter", "finds no operation")
    named = {"action": typed["action"], "reason": typed["reason"], "assignee": typed["to"].strip()}
    values: dict[str, object] = {name: text for name, text in named.items() if text.strip()}
    body = valid(BatchRequest, {"filter": {"operation": numbers}, "dry_run": True, **values})
    batch = await batches.preview_batch(body, session.caller, context)
    return RedirectResponse(f"bulk/{batch.number}", status_code=303)


@router.get("/bulk/{number}")
async def show_batch(
    number: int, request: Request, session: LoggedIn, context: InContext, ran: Annotated[bool, Query()] = False
) -> Response:
    """`ran`: the person has just had it carried out, so what was decided about is not chosen in the inbox any more."""
    batch = await batches.show_batch(number, session.caller, context)
    decided = [one.operation for one in batch.items if ran and one.state is MemberState.DONE]
    may = batch.actor == session.visitor.name and session.visitor.requester.may(Right.DECIDE)
    may_run = may and not batch.finished
    return pages_of(request).show(request, "batch.html", session, batch=batch, decided=decided, may_run=may_run)


@router.post("/bulk/{number}/run")
async def run(number: int, request: Request, session: LoggedIn, context: InContext, form: SentForm) -> Response:
    """Each operation is decided about once, however often this is sent."""
    check(session.caller, Right.DECIDE)
    until = time.monotonic() + SECONDS
    while not (await batches.run_batch(number, session.caller, context)).finished and time.monotonic() < until:
        pass
    return RedirectResponse(f"../{number}?ran=1", status_code=303)


def _chosen(texts: Sequence[str]) -> list[int]:
    """The operations that were chosen one by one. Raises InvalidField."""
    if not texts:
        raise InvalidField("operation", "nothing is chosen; go back to the inbox, and choose a row")
    if len(texts) > MOST or not all(one.isascii() and one.isdigit() and len(one) < 19 for one in texts):
        raise InvalidField("operation", f"is not a list of up to {MOST} numbers of operations")
    return sorted({int(one) for one in texts})


async def _numbers(context: Context, session: Session, asked: Mapping[str, str]) -> list[int]:
    """The operations of all entries that match. Raises InvalidField where there are too many."""
    numbers: set[int] = set()
    cursor = None
    async with context.database.read() as reading:
        while True:
            page = await inbox_page(reading, context.links, session.visitor.requester, wanted_by(asked), cursor, PAGE)
            numbers |= {one.operation for one in page.entries if one.operation and one.cause in OF_OPERATIONS}
            if len(numbers) > MOST:
                raise InvalidField("filter", f"finds more than {MOST} operations; narrow it down, and do them in parts")
            cursor = page.next_cursor
            if cursor is None:
                return sorted(numbers)


async def _form(
    request: Request,
    session: Session,
    context: Context,
    asked: Mapping[str, str],
    chosen: Sequence[object] | None,
    tried: Tried,
) -> Response:
    found = len(chosen or ())
    if chosen is None and not tried.problem:
        found = len(await _numbers(context, session, asked))
    async with context.database.read() as reading:
        cards = await inbox_cards(reading)
    may = session.visitor.requester
    actions = {name: label for name, label in ACTIONS.items() if name != "accept_price" or may.may(Right.ACCEPT_PRICE)}
    return pages_of(request).show(
        request,
        "bulk.html",
        session,
        status=tried.status,
        asked=asked,
        found=found,
        chosen=chosen,
        causes={one.value: CAUSES[one] for one in OF_OPERATIONS},
        upstreams=sorted({name for card in cards for name in card.by_upstream if name} | {asked["upstream"]} - {""}),
        actions=actions if may.may(Right.DECIDE) else {},
        tried=tried,
        query=urlencode({name: value for name, value in asked.items() if value}),
    )
