"""/v1/incidents: what must not happen and has happened, or may have; for all but storefronts, until it is explained."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query

from orders.errors import existing
from orders.incidents.record import close_incident
from orders.reading.filters import either
from orders.views import IncidentView, Page, find_incident, list_incidents
from storefront import examples
from storefront.auth import Explainer, Viewer
from storefront.context import InContext
from storefront.problems import FORBIDDEN, INVALID_BODY, INVALID_FIELD, NOT_FOUND, REFUSED, documented
from storefront.schemas.incidents import IncidentClosing, IncidentFilter, Incidents

router = APIRouter(prefix="/v1/incidents", tags=["incidents"], responses=documented(FORBIDDEN))

IncidentNumber = Annotated[int, Path(description="number of the incident", examples=[3])]


@router.get("", response_model=Incidents, summary="List incidents")
async def list_of_incidents(
    wanted: Annotated[IncidentFilter, Query()], caller: Viewer, context: InContext
) -> Page[IncidentView]:
    async with context.database.read() as session:
        return await list_incidents(
            session, wanted.asked(), is_open=either(wanted.open), service=wanted.service, kind=wanted.kind
        )


@router.get("/{number}", summary="Show an incident", responses=documented(NOT_FOUND))
async def show_incident(number: IncidentNumber, caller: Viewer, context: InContext) -> IncidentView:
    async with context.database.read() as session:
        return await find_incident(session, number)


@router.post(
    "/{number}/close",
    summary="Close an incident",
    responses=documented(NOT_FOUND, REFUSED, INVALID_FIELD, INVALID_BODY),
)
async def close_an_incident(
    number: IncidentNumber,
    closing: Annotated[IncidentClosing, Body(openapi_examples=examples.INCIDENTS_CLOSED)],
    caller: Explainer,
    context: InContext,
) -> IncidentView:
    """It changes only the incident. The note says what it was, and is written to the audit log."""
    async with context.database.write() as session:
        await close_incident(session, existing("incident", number), actor=caller.name, note=closing.note)
    async with context.database.read() as session:
        return await find_incident(session, number)
