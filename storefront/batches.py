"""/v1/operations/batch: one decision about many operations."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.status import HTTP_201_CREATED

from models.messages import Decision, DecisionKind, DecisionResult
from orders.access.roles import Right
from orders.decisions import batches
from orders.decisions.batch_views import BatchView, find_batch
from orders.decisions.batches import BatchRequest
from orders.errors import existing
from storefront.auth import Operator, Viewer, check
from storefront.context import InContext
from storefront.problems import FORBIDDEN, INVALID_BODY, INVALID_FIELD, NOT_FOUND, TEMPORAL_UNAVAILABLE, documented

router = APIRouter(
    prefix="/v1/operations/batch", tags=["decisions"], responses=documented(FORBIDDEN, INVALID_FIELD, INVALID_BODY)
)

BatchNumber = Annotated[int, Path(description="number of the batch", examples=[3])]


@router.post("", status_code=HTTP_201_CREATED, summary="See what a decision about many operations would do")
async def preview_batch(asked: BatchRequest, caller: Operator, context: InContext) -> BatchView:
    """Finds at most 1,000 operations and writes down which, and which of them will not go and why. Nothing else is
    changed: a run carries it out."""
    if asked.action == "accept_price":
        check(caller, Right.ACCEPT_PRICE, "accepting prices")
    number = await batches.preview(context.database, asked, caller.requester)
    async with context.database.read() as session:
        return await find_batch(session, number)


@router.get("/{number}", summary="Show a batch", responses=documented(NOT_FOUND))
async def show_batch(number: BatchNumber, caller: Viewer, context: InContext) -> BatchView:
    async with context.database.read() as session:
        return await find_batch(session, number)


@router.post("/{number}/run", summary="Carry a preview out", responses=documented(NOT_FOUND, TEMPORAL_UNAVAILABLE))
async def run_batch(number: BatchNumber, caller: Operator, context: InContext) -> BatchView:
    """Decides about the next 25 operations of the preview, each as it would be singly, and about no others. Run it
    again until `finished` is true. To repeat a run is safe: each operation is decided about once."""

    async def decide(operation: int, kind: DecisionKind, decision: Decision) -> DecisionResult:
        return await context.resellflow.decide(operation, kind, decision, caller.requester)

    await batches.run(context.database, existing("batch", number), decide, caller.requester)
    async with context.database.read() as session:
        return await find_batch(session, number)
