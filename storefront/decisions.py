"""What operators decide about an operation that can't go on by itself."""

from fastapi import APIRouter

from models.messages import Decision, DecisionKind
from storefront.auth import Operator
from storefront.context import Context, InContext
from storefront.operations import OperationNumber
from storefront.problems import (
    FORBIDDEN,
    INVALID_BODY,
    INVALID_FIELD,
    NOT_FOUND,
    REFUSED,
    TEMPORAL_UNAVAILABLE,
    documented,
)
from storefront.schemas import Correction, DecisionTaken, DoneByHand, PriceAccepted, Vouched

router = APIRouter(
    prefix="/v1/operations/{number}",
    tags=["decisions"],
    responses=documented(FORBIDDEN, NOT_FOUND, REFUSED, INVALID_FIELD, INVALID_BODY, TEMPORAL_UNAVAILABLE),
)


async def _decide(context: Context, number: int, kind: DecisionKind, decision: Decision) -> DecisionTaken:
    result = await context.resellflow.decide(number, kind, decision)
    return DecisionTaken(operation=number, stage=result.stage, message=result.message)


@router.post("/retry", summary="Try again")
async def retry(number: OperationNumber, decision: Vouched, caller: Operator, context: InContext) -> DecisionTaken:
    """From the start. An earlier request whose outcome is unknown is settled first, unless you vouch for it."""
    return await _decide(context, number, DecisionKind.RETRY, decision.by(caller.name))


@router.post("/correct", summary="Correct parameters and try again")
async def correct(number: OperationNumber, decision: Correction, caller: Operator, context: InContext) -> DecisionTaken:
    return await _decide(context, number, DecisionKind.CORRECT_AND_RETRY, decision.by(caller.name))


@router.post("/accept-price", summary="Accept the price that is shown")
async def accept_price(
    number: OperationNumber, decision: PriceAccepted, caller: Operator, context: InContext
) -> DecisionTaken:
    """Of an operation that needs attention with `failure_class` `price_changed`. It goes on, for at most the `cost`
    that it shows; if the upstream asks more by then, it waits for a person again."""
    return await _decide(context, number, DecisionKind.ACCEPT_PRICE, decision.by(caller.name))


@router.post("/mark-done", summary="Mark as done by hand")
async def mark_done(
    number: OperationNumber, decision: DoneByHand, caller: Operator, context: InContext
) -> DecisionTaken:
    """It has been done at the upstream by hand: the item is linked, and nothing is sent."""
    return await _decide(context, number, DecisionKind.MARK_DONE, decision.by(caller.name))


@router.post("/cancel", summary="Cancel")
async def cancel(number: OperationNumber, decision: Vouched, caller: Operator, context: InContext) -> DecisionTaken:
    """Ends the operation without effect. Refused where a paid service may be there, unless you vouch that it is not."""
    return await _decide(context, number, DecisionKind.CANCEL, decision.by(caller.name))
