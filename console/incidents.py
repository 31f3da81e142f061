"""One incident, and one difference between our record and an upstream: what was seen, and how it is settled."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.acts import Act, Acts, Tried, carry_out
from console.flash import forget, said
from console.rendering import pages_of
from console.sessions import LoggedIn, SentForm, Session
from console.texts import _
from models.enums import DriftState
from orders.access.roles import Right
from orders.drift.views import find_drift
from orders.views import find_incident
from storefront import drift, incidents
from storefront.context import Context, InContext
from storefront.schemas.drift import DriftDecision
from storefront.schemas.incidents import IncidentClosing

router = APIRouter()

OF_INCIDENTS: Acts = {
    "close": Act(
        _("Close the incident"),
        _("It changes only the incident. The note says what it was, for those who meet the same again."),
        IncidentClosing,
        incidents.close_an_incident,
        ("note",),
        Right.EXPLAIN,
    )
}
OF_DRIFT: Acts = {
    "approve": Act(
        _("The upstream is right"),
        _("Our record takes the upstream's value over. Nothing is sent."),
        DriftDecision,
        drift.approve_drift,
        ("reason",),
    ),
    "ignore": Act(
        _("Leave it as it is"),
        _("It is not reported any more, until either side changes."),
        DriftDecision,
        drift.ignore_drift,
        ("reason",),
    ),
}


@router.get("/incidents/{number}")
async def show_incident(number: int, request: Request, session: LoggedIn, context: InContext) -> Response:
    return await _incident(number, request, session, context, Tried())


@router.post("/incidents/{number}/{act}")
async def act_on_incident(
    number: int, act: str, request: Request, session: LoggedIn, context: InContext, form: SentForm
) -> Response:
    async def page(tried: Tried) -> Response:
        return await _incident(number, request, session, context, tried)

    return await carry_out(OF_INCIDENTS, act, number, request, session, context, form, page)


@router.get("/drift/{number}")
async def show_drift(number: int, request: Request, session: LoggedIn, context: InContext) -> Response:
    return await _drift(number, request, session, context, Tried())


@router.post("/drift/{number}/{act}")
async def act_on_drift(
    number: int, act: str, request: Request, session: LoggedIn, context: InContext, form: SentForm
) -> Response:
    async def page(tried: Tried) -> Response:
        return await _drift(number, request, session, context, tried)

    return await carry_out(OF_DRIFT, act, number, request, session, context, form, page)


async def _incident(number: int, request: Request, session: Session, context: Context, tried: Tried) -> Response:
    async with context.database.read() as reading:
        incident = await find_incident(reading, number)
    may = incident.open and session.visitor.requester.may(Right.EXPLAIN)
    values: dict[str, Any] = {"incident": incident, "acts": OF_INCIDENTS if may else {}}
    return _page(request, session, "incident.html", tried, values)


async def _drift(number: int, request: Request, session: Session, context: Context, tried: Tried) -> Response:
    async with context.database.read() as reading:
        found = await find_drift(reading, number)
    may = found.state is DriftState.OPEN and session.visitor.requester.may(Right.DECIDE)
    return _page(request, session, "drift.html", tried, {"drift": found, "acts": OF_DRIFT if may else {}})


def _page(request: Request, session: Session, template: str, tried: Tried, values: dict[str, Any]) -> Response:
    told = said(request)
    shown = pages_of(request).show(request, template, session, status=tried.status, tried=tried, said=told, **values)
    return forget(shown) if told else shown
