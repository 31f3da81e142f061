"""What the upstreams paid back, and for which operation: a person says it where nothing proves it."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.acts import Act, Acts, Tried, add_page, show_page
from console.rendering import pages_of
from console.sessions import LoggedIn, Session
from console.texts import _
from models.enums import RefundState
from orders.access.roles import Right
from orders.money.refund_views import find_refund, list_refunds
from orders.views import PageRequest
from storefront import refunds
from storefront.context import Context, InContext
from storefront.schemas.refunds import RefundAssignment, RefundIgnoring

router = APIRouter()

SHOWN = 100
ACTS: Acts = {
    "assign": Act(
        _("Say for which operation"),
        _("It is written to the operation as if it had been matched. Nothing is sent to the upstream."),
        RefundAssignment,
        refunds.assign_refund,
        ("operation", "reason"),
        Right.EXPLAIN,
    ),
    "ignore": Act(
        _("It belongs to no operation of ours"),
        _("It is not reported any more."),
        RefundIgnoring,
        refunds.ignore_refund,
        ("reason",),
        Right.EXPLAIN,
    ),
}


@router.get("/refunds")
async def all_refunds(request: Request, session: LoggedIn, context: InContext, all: bool = False) -> Response:
    async with context.database.read() as reading:
        found = await list_refunds(reading, PageRequest(limit=SHOWN), state=None if all else [RefundState.OPEN])
    return pages_of(request).show(request, "refunds.html", session, refunds=found.items, all=all)


async def _page(number: int, request: Request, session: Session, context: Context, tried: Tried) -> Response:
    async with context.database.read() as reading:
        refund = await find_refund(reading, number)
    may = refund.state is RefundState.OPEN and session.visitor.requester.may(Right.EXPLAIN)
    return show_page(request, session, "refund.html", tried, refund=refund, acts=ACTS if may else {})


add_page(router, "refunds", ACTS, _page)
