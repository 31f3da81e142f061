"""The first page: what needs a person, since when, why, and what happens if nobody does anything."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from console.rendering import pages_of
from console.sessions import LoggedIn, Session
from console.stream import Changes
from models.enums import FailureClass
from orders.access.roles import Right
from orders.access.saved_filters import filters_of
from orders.errors import InvalidField
from orders.inbox.cards import inbox_cards
from orders.inbox.causes import Cause
from orders.inbox.views import InboxFilter, inbox_page
from storefront.context import Context, InContext
from storefront.problems import Problem

router = APIRouter()

OF_OPERATIONS = (Cause.DECIDE, Cause.UNCLEAR, Cause.MONEY, Cause.TASKS, Cause.SLOW)
"""Causes whose entries are operations, or belong to one."""
FIELDS = ("cause", "upstream", "failure", "age", "assignee", "customer")
STILL_IN_EVERY = 5
"""Seconds, roughly, between two looks whether a session is still valid."""


def filters(request: Request) -> Mapping[str, str]:
    """What the address asks for; empty: whichever."""
    return {name: request.query_params.get(name, "").strip()[:200] for name in FIELDS}


Filters = Annotated[Mapping[str, str], Depends(filters)]


@router.get("/")
async def inbox(
    request: Request,
    session: LoggedIn,
    context: InContext,
    asked: Filters,
    after: Annotated[str | None, Query()] = None,
) -> Response:
    return await _shown(request, session, context, asked, after, "inbox.html")


@router.get("/live")
async def live_part(
    request: Request,
    session: LoggedIn,
    context: InContext,
    asked: Filters,
    after: Annotated[str | None, Query()] = None,
) -> Response:
    """The cards and the list alone, for an open page that has heard of news."""
    return await _shown(request, session, context, asked, after, "_inbox.html")


@router.get("/news", response_class=EventSourceResponse)
async def news(request: Request, session: LoggedIn) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: `changed` when the counters have changed."""
    changes: Changes = request.app.state.changes
    yield ServerSentEvent(event="open", data="1", retry=3000)
    async for _ in changes.listen():
        yield ServerSentEvent(event="changed", data="1")


async def _shown(
    request: Request, session: Session, context: Context, asked: Mapping[str, str], after: str | None, template: str
) -> Response:
    problem: Problem | None = None
    page = None
    async with context.database.read() as reading:
        cards = await inbox_cards(reading)
        saved = await filters_of(reading, session.visitor.number)
        try:
            page = await inbox_page(reading, context.links, session.visitor.requester, wanted_by(asked), after)
        except InvalidField as error:
            field = {"older_than": "age", "cursor": "after"}.get(error.field, error.field)
            problem = Problem(type="", title="", status=422, detail=error.message, field=field)
    return pages_of(request).show(
        request,
        template,
        session,
        status=422 if problem else 200,
        cards=cards,
        saved=[(one.id, one.name, urlencode(one.wanted)) for one in saved],
        page=page,
        problem=problem,
        asked=asked,
        may_choose=session.visitor.requester.may(Right.DECIDE),
        of_operations=OF_OPERATIONS,
        failures=list(FailureClass),
        upstreams=sorted({name for card in cards for name in card.by_upstream if name} | {asked["upstream"]} - {""}),
        query=lambda **changes: urlencode({k: v for k, v in {**asked, **changes}.items() if v}),
    )


def wanted_by(asked: Mapping[str, str]) -> InboxFilter:
    """Raises InvalidField."""
    cause = asked["cause"]
    if cause and cause not in list(Cause):
        raise InvalidField("cause", f"{cause!r} is none of {', '.join(Cause)}")
    failure = asked["failure"]
    if failure and failure not in list(FailureClass):
        raise InvalidField("failure", f"{failure!r} is none of {', '.join(FailureClass)}")
    return InboxFilter(
        cause=Cause(cause) if cause else None,
        upstream=asked["upstream"],
        failure_class=asked["failure"],
        older_than=asked["age"],
        assignee=asked["assignee"],
        customer=asked["customer"],
    )
