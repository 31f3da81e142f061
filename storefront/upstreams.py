"""/v1/upstreams: how the selling systems do, and what was seen there. Not for storefronts: it shows addresses,
balances, and what belongs to every storefront."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from orders.access.roles import Right
from orders.money.forecast.terms import Basis
from orders.money.forecast_views import ForecastView, find_forecast, horizon
from orders.views import (
    EventView,
    OrphanView,
    Page,
    UpstreamView,
    find_upstream,
    list_events,
    list_orphans,
    list_upstreams,
)
from storefront.auth import Needs
from storefront.context import InContext
from storefront.export import EXPORTABLE
from storefront.problems import FORBIDDEN, NOT_FOUND, documented
from storefront.schemas.common import Paging
from storefront.schemas.upstreams import EventFilter, Events, ForecastQuestion, Orphans, Upstreams

router = APIRouter(
    prefix="/v1/upstreams",
    tags=["upstreams"],
    dependencies=[Depends(Needs(Right.SEE))],
    responses=documented(FORBIDDEN),
)

UpstreamName = Annotated[str, Path(description="name of the upstream account", examples=["main"])]


@router.get("", summary="List upstreams: health, money, capabilities, problems", dependencies=[EXPORTABLE])
async def list_of_upstreams(context: InContext) -> Upstreams:
    async with context.database.read() as session:
        return Upstreams(items=await list_upstreams(session))


@router.get("/{name}", summary="Show an upstream", responses=documented(NOT_FOUND))
async def show_upstream(name: UpstreamName, context: InContext) -> UpstreamView:
    async with context.database.read() as session:
        return await find_upstream(session, name)


@router.get(
    "/{name}/forecast",
    summary="See what falls due on an upstream account, against what is there",
    responses=documented(NOT_FOUND),
)
async def show_forecast(
    name: UpstreamName, wanted: Annotated[ForecastQuestion, Query()], context: InContext
) -> ForecastView:
    """Orders in line, and the terms of services that end. Nothing is asked of the upstream."""
    settings = context.settings
    span, basis = horizon(wanted.hours, wanted.days), Basis(settings.rates(), settings.renewal_terms())
    async with context.database.read() as session:
        return await find_forecast(session, name, span, basis)


@router.get(
    "/{name}/orphans",
    response_model=Orphans,
    summary="List items at an upstream that are no service of ours",
    responses=documented(NOT_FOUND),
)
async def list_of_orphans(
    name: UpstreamName, wanted: Annotated[Paging, Query()], context: InContext
) -> Page[OrphanView]:
    async with context.database.read() as session:
        return await list_orphans(session, wanted.asked(), upstream=name)


@router.get(
    "/{name}/events", response_model=Events, summary="List changes seen at an upstream", responses=documented(NOT_FOUND)
)
async def list_of_events(
    name: UpstreamName, wanted: Annotated[EventFilter, Query()], context: InContext
) -> Page[EventView]:
    async with context.database.read() as session:
        return await list_events(session, wanted.asked(), upstream=name, kind=wanted.kind, service=wanted.service)
