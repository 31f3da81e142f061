"""The upstream accounts: how each does and since when, its money, what falls due, what there is nobody's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.rendering import pages_of
from console.sessions import LoggedIn
from orders.money.forecast.terms import Basis
from orders.money.forecast_views import ForecastDay, find_forecast
from orders.views import PageRequest, find_upstream, list_orphans, list_upstreams
from storefront.context import InContext

router = APIRouter()

AHEAD = timedelta(days=30)
ORPHANS_SHOWN = 100
WIDTH, HEIGHT = 600, 120


@router.get("/upstreams")
async def all_upstreams(request: Request, session: LoggedIn, context: InContext) -> Response:
    async with context.database.read() as reading:
        upstreams = await list_upstreams(reading)
    return pages_of(request).show(request, "upstreams.html", session, upstreams=upstreams)


@router.get("/upstreams/{name}")
async def show_upstream(name: str, request: Request, session: LoggedIn, context: InContext) -> Response:
    basis = Basis(context.settings.rates(), context.settings.renewal_terms())
    async with context.database.read() as reading:
        upstream = await find_upstream(reading, name)
        forecast = await find_forecast(reading, name, AHEAD, basis)
        orphans = await list_orphans(reading, PageRequest(limit=ORPHANS_SHOWN), upstream=name)
    return pages_of(request).show(
        request,
        "upstream.html",
        session,
        upstream=upstream,
        forecast=forecast,
        plot=plot_of(forecast.points),
        orphans=orphans.items,
    )


@dataclass(frozen=True)
class Plot:
    """What is left at the end of each day, as points of a line in a box of WIDTH × HEIGHT."""

    line: str
    zero: float
    """How far below the top nothing is left."""
    highest: Decimal
    lowest: Decimal


def plot_of(days: Sequence[ForecastDay]) -> Plot | None:
    """None: the balance is not known, or there are not two days."""
    left = [one.left.amount for one in days if one.left is not None]
    if len(left) < 2:
        return None
    highest, lowest = max(*left, Decimal(0)), min(*left, Decimal(0))
    span = highest - lowest or Decimal(1)

    def down(amount: Decimal) -> float:
        return round(float((highest - amount) / span) * HEIGHT, 1)

    step = WIDTH / (len(left) - 1)
    line = " ".join(f"{round(place * step, 1)},{down(amount)}" for place, amount in enumerate(left))
    return Plot(line, down(Decimal(0)), highest, lowest)
