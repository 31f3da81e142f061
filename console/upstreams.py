"""The upstream accounts: how each does and since when, its money, what falls due, what there is nobody's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from console.acts import NOTHING_TRIED, Act, Acts, Tried, act_on, show_page
from console.items import Nothing
from console.rendering import pages_of
from console.sessions import LoggedIn, SentForm, Session
from console.texts import _
from models.enums import DriftState
from models.money import Money
from models.product_types import PRODUCT_TYPES
from orders.access.roles import Right
from orders.accounts.pausing import Why
from orders.drift.views import list_drift
from orders.money.forecast.terms import Basis
from orders.money.forecast_views import ForecastDay, find_forecast
from orders.money.line_views import charges_of, line_of
from orders.text import PlainText
from orders.views import PageRequest, UpstreamView, find_upstream, list_orphans, list_upstreams
from storefront import orphans, pausing
from storefront.callers import Caller
from storefront.context import Context, InContext
from storefront.schemas.common import Strict
from storefront.schemas.upstreams import BalanceRead, ItemQuestion, ItemRead

router = APIRouter()

AHEAD = timedelta(days=30)
ORPHANS_SHOWN = 100
IN_LINE_SHOWN = 20
CHARGES_SHOWN = 20
DIFFERENCES_SHOWN = 50
WIDTH, HEIGHT = 600, 120


class WhichItem(Strict):
    upstream_number: PlainText = Field(pattern=r"^\S{1,64}$")
    product_type: PlainText | None = None


async def _read_balance(name: str, body: Nothing, caller: Caller, context: Context) -> BalanceRead:
    return await orphans.read_balance(name, caller, context)


async def _read_item(name: str, body: WhichItem, caller: Caller, context: Context) -> ItemRead:
    question = ItemQuestion(product_type=body.product_type)
    return await orphans.read_item(name, body.upstream_number, question, caller, context)


ACTS: Acts = {
    "pause": Act(
        _("Pause the upstream"),
        _("Nothing is sent to it from now on: no order, payment, renewal, change or close. Reads go on. Orders wait."),
        Why,
        pausing.pause_upstream,
        ("reason",),
        is_grave=True,
    ),
    "resume": Act(
        _("Resume the upstream"),
        _("What waits is sent, the oldest first."),
        Why,
        pausing.resume_upstream,
        ("reason",),
    ),
    "read-balance": Act(
        _("Read the balance now"), _("The upstream is asked once. Nothing is changed there."), Nothing, _read_balance
    ),
    "read-item": Act(
        _("Read one item now"),
        _("The upstream is asked once. What the item shows is applied."),
        WhichItem,
        _read_item,
        ("upstream_number", "product_type"),
    ),
}


@router.get("/upstreams")
async def all_upstreams(request: Request, session: LoggedIn, context: InContext) -> Response:
    async with context.database.read() as reading:
        upstreams = await list_upstreams(reading)
    return pages_of(request).show(request, "upstreams.html", session, upstreams=upstreams)


@router.get("/upstreams/{name}")
async def show_upstream(name: str, request: Request, session: LoggedIn, context: InContext) -> Response:
    return await _page(name, request, session, context, NOTHING_TRIED)


@router.get("/upstreams/{name}/forecast")
async def forecast(name: str, request: Request, session: LoggedIn, context: InContext) -> Response:
    """What falls due, loaded by the upstream's page once that is shown: it counts every term that ends within 30 days.
    A page of its own for a browser without scripts."""
    basis = Basis(context.settings.rates(), context.settings.renewal_terms())
    async with context.database.read() as reading:
        found = await find_forecast(reading, name, AHEAD, basis)
    template = "_forecast.html" if "HX-Request" in request.headers else "forecast.html"
    return pages_of(request).show(request, template, session, forecast=found, plot=plot_of(found.points))


@router.post("/upstreams/{name}/{act}")
async def act_on_upstream(
    name: str, act: str, request: Request, session: LoggedIn, context: InContext, form: SentForm
) -> Response:
    return await act_on(ACTS, act, name, request, session, context, form, _page)


def _offered(upstream: UpstreamView, session: Session) -> Acts:
    if not session.visitor.requester.may(Right.DECIDE):
        return {}
    types = sorted({one.product_type for one in upstream.processing_modules} & set(PRODUCT_TYPES))
    read_item = replace(ACTS["read-item"], choices={"product_type": dict.fromkeys(types, "")})
    other = "pause" if upstream.paused else "resume"
    no_balance = {"read-balance"} if "balance" in upstream.capabilities.absent else set()
    left = {name: act for name, act in ACTS.items() if name not in {other, *no_balance}}
    return {**left, "read-item": read_item}


async def _page(name: str, request: Request, session: Session, context: Context, tried: Tried) -> Response:
    async with context.database.read() as reading:
        upstream = await find_upstream(reading, name)
        items = await list_orphans(reading, PageRequest(limit=ORPHANS_SHOWN), upstream=name)
        ask = PageRequest(limit=DIFFERENCES_SHOWN)
        differences = await list_drift(reading, ask, state=[DriftState.OPEN], upstream=name)
        line = await line_of(reading, name, IN_LINE_SHOWN)
        charges = await charges_of(reading, name, CHARGES_SHOWN)
    return show_page(
        request,
        session,
        "upstream.html",
        tried,
        upstream=upstream,
        orphans=items.items,
        differences=differences.items,
        line=line,
        charges=charges,
        short=_shortfall(upstream),
        acts=_offered(upstream, session),
    )


def _shortfall(upstream: UpstreamView) -> Money | None:
    """What is missing for those in line; None: nothing is."""
    funds = upstream.funds
    missing = funds.waiting.amount - funds.free.amount if funds and funds.waiting_orders else Decimal(0)
    return Money(amount=missing, currency=upstream.currency) if missing > 0 else None


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
