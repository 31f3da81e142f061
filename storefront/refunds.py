"""/v1/refunds: what the upstreams paid back, and what people decide about it. Not for storefronts."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query

from orders.errors import existing
from orders.money.refund_views import RefundView, find_refund, list_refunds
from orders.money.refunds.deciding import assign, ignore
from orders.views import Page
from storefront import examples
from storefront.auth import Explainer, Viewer
from storefront.context import InContext
from storefront.problems import FORBIDDEN, INVALID_BODY, INVALID_FIELD, NOT_FOUND, REFUSED, documented
from storefront.schemas.refunds import RefundAssignment, RefundFilter, RefundIgnoring, Refunds

router = APIRouter(prefix="/v1/refunds", tags=["upstreams"], responses=documented(FORBIDDEN))

RefundNumber = Annotated[int, Path(description="number of the refund", examples=[3])]
_DECIDED = documented(NOT_FOUND, REFUSED, INVALID_FIELD, INVALID_BODY)


@router.get("", response_model=Refunds, summary="List what the upstreams paid back")
async def list_of_refunds(
    wanted: Annotated[RefundFilter, Query()], caller: Viewer, context: InContext
) -> Page[RefundView]:
    async with context.database.read() as session:
        return await list_refunds(
            session, wanted.asked(), state=wanted.state, service=wanted.service, operation=wanted.operation
        )


@router.post("/{number}/assign", summary="Say for which operation a sum was paid back", responses=_DECIDED)
async def assign_refund(
    number: RefundNumber,
    decision: Annotated[RefundAssignment, Body(openapi_examples=examples.REFUND_ASSIGNMENTS)],
    caller: Explainer,
    context: InContext,
) -> RefundView:
    """It is written to the operation as if it had been matched. Nothing is sent to the upstream."""
    async with context.database.write() as session:
        await assign(session, existing("refund", number), decision.operation, actor=caller.name, reason=decision.reason)
    async with context.database.read() as session:
        return await find_refund(session, number)


@router.post("/{number}/ignore", summary="Say that a sum belongs to no operation of ours", responses=_DECIDED)
async def ignore_refund(
    number: RefundNumber,
    decision: Annotated[RefundIgnoring, Body(openapi_examples=examples.REFUNDS_IGNORED)],
    caller: Explainer,
    context: InContext,
) -> RefundView:
    async with context.database.write() as session:
        await ignore(session, existing("refund", number), actor=caller.name, reason=decision.reason)
    async with context.database.read() as session:
        return await find_refund(session, number)
