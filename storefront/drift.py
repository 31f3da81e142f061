"""/v1/drift: where our record and an upstream differ, and what people decide about it. Not for storefronts."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query

from orders.drift.deciding import approve, ignore
from orders.drift.views import DriftView, find_drift, list_drift
from orders.errors import existing
from orders.views import Page
from storefront import examples
from storefront.auth import Operator, Viewer
from storefront.context import InContext
from storefront.problems import FORBIDDEN, INVALID_BODY, INVALID_FIELD, NOT_FOUND, REFUSED, documented
from storefront.schemas.drift import DriftDecision, DriftFilter, Drifts

router = APIRouter(prefix="/v1/drift", tags=["upstreams"], responses=documented(FORBIDDEN))

DriftNumber = Annotated[int, Path(description="number of the difference", examples=[3])]
Decision = Annotated[DriftDecision, Body(openapi_examples=examples.DRIFT_DECISIONS)]
_DECIDED = documented(NOT_FOUND, REFUSED, INVALID_FIELD, INVALID_BODY)


@router.get("", response_model=Drifts, summary="List differences from the upstreams")
async def list_of_drift(wanted: Annotated[DriftFilter, Query()], caller: Viewer, context: InContext) -> Page[DriftView]:
    async with context.database.read() as session:
        return await list_drift(session, wanted.asked(), state=wanted.state, kind=wanted.kind, service=wanted.service)


@router.post("/{number}/approve", summary="Have our record take the upstream's value over", responses=_DECIDED)
async def approve_drift(number: DriftNumber, decision: Decision, caller: Operator, context: InContext) -> DriftView:
    """Nothing is sent to the upstream."""
    async with context.database.write() as session:
        await approve(session, existing("drift", number), actor=caller.name, reason=decision.reason)
    async with context.database.read() as session:
        return await find_drift(session, number)


@router.post("/{number}/ignore", summary="Stop reporting a difference until it changes", responses=_DECIDED)
async def ignore_drift(number: DriftNumber, decision: Decision, caller: Operator, context: InContext) -> DriftView:
    """It is reported again once either value is another one."""
    async with context.database.write() as session:
        await ignore(session, existing("drift", number), actor=caller.name, reason=decision.reason)
    async with context.database.read() as session:
        return await find_drift(session, number)
