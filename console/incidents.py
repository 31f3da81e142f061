"""One incident, and one difference between our record and an upstream: what was seen, and how it is settled."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.acts import Act, Acts, Tried, add_page, show_page
from console.sessions import Session
from console.texts import _
from models.enums import DriftState
from orders.access.roles import Right
from orders.drift.views import find_drift
from orders.views import find_incident
from storefront import drift, incidents
from storefront.context import Context
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


async def _incident(number: int, request: Request, session: Session, context: Context, tried: Tried) -> Response:
    async with context.database.read() as reading:
        incident = await find_incident(reading, number)
    may = incident.open and session.visitor.requester.may(Right.EXPLAIN)
    return show_page(request, session, "incident.html", tried, incident=incident, acts=OF_INCIDENTS if may else {})


async def _drift(number: int, request: Request, session: Session, context: Context, tried: Tried) -> Response:
    async with context.database.read() as reading:
        found = await find_drift(reading, number)
    may = found.state is DriftState.OPEN and session.visitor.requester.may(Right.DECIDE)
    return show_page(request, session, "drift.html", tried, drift=found, acts=OF_DRIFT if may else {})


add_page(router, "incidents", OF_INCIDENTS, _incident)
add_page(router, "drift", OF_DRIFT, _drift)
