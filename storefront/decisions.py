"""Decisions about an operation: of people if it can't go on automatically; a shop may cancel, too.

What the caller may decide now stands in the operation's document as `allowed_decisions`; anything else is refused here.
"""

from fastapi import APIRouter

from models.messages import Decision, DecisionKind
from orders.access.roles import Right
from orders.errors import InvalidField
from orders.views import find_operation
from storefront.auth import Operator, Orderer, PriceAccepter, Voucher, check
from storefront.callers import Caller
from storefront.context import Context, InContext
from storefront.operations import OperationNumber
from storefront.problems import (
    FORBIDDEN,
    INVALID_BODY,
    INVALID_FIELD,
    NOT_FOUND,
    REFUSED,
    TEMPORAL_UNAVAILABLE,
    Forbidden,
    documented,
)
from storefront.schemas.operations import (
    Cancellation,
    Correction,
    DecisionTaken,
    DoneByHand,
    LookAsked,
    PriceAccepted,
    Vouched,
)

router = APIRouter(
    prefix="/v1/operations/{number}",
    tags=["decisions"],
    responses=documented(FORBIDDEN, NOT_FOUND, REFUSED, INVALID_FIELD, INVALID_BODY, TEMPORAL_UNAVAILABLE),
)


async def _decide(
    context: Context, number: int, decision_kind: DecisionKind, decision: Decision, caller: Caller
) -> DecisionTaken:
    result = await context.resellflow.decide(number, decision_kind, decision, caller.requester)
    return DecisionTaken(operation=number, stage=result.stage, message=result.message)


@router.post("/retry", summary="Try again")
async def retry(number: OperationNumber, decision: Vouched, caller: Operator, context: InContext) -> DecisionTaken:
    """Tries from the start. An earlier request with an unknown outcome is settled first, unless you vouch for it."""
    _check_vouch(caller, decision.nothing_was_bought)
    return await _decide(context, number, DecisionKind.RETRY, decision.by(caller.name), caller)


@router.post("/correct", summary="Correct parameters and try again")
async def correct(number: OperationNumber, decision: Correction, caller: Operator, context: InContext) -> DecisionTaken:
    _check_vouch(caller, decision.nothing_was_bought)
    return await _decide(context, number, DecisionKind.CORRECT_AND_RETRY, decision.by(caller.name), caller)


@router.post("/accept-price", summary="Accept the price that is shown")
async def accept_price(
    number: OperationNumber, decision: PriceAccepted, caller: PriceAccepter, context: InContext
) -> DecisionTaken:
    """For an operation that needs attention with `failure_class` `price_changed`. It goes on, for at most the `cost`
    that it shows. If the upstream then asks more, it waits for a person again."""
    return await _decide(context, number, DecisionKind.ACCEPT_PRICE, decision.by(caller.name), caller)


@router.post("/look-now", summary="Have the upstream asked now")
async def look_now(
    number: OperationNumber, caller: Operator, context: InContext, decision: LookAsked | None = None
) -> DecisionTaken:
    """For an operation that the upstream has accepted. Its item is read now, and what it shows is applied as usual.
    Nothing is sent that changes something or costs money. `message` is what the upstream shows."""
    return await _decide(context, number, DecisionKind.LOOK_NOW, (decision or LookAsked()).by(caller.name), caller)


@router.post("/mark-done", summary="Mark as done by hand")
async def mark_done(
    number: OperationNumber, decision: DoneByHand, caller: Voucher, context: InContext
) -> DecisionTaken:
    """For work that was done by hand at the upstream. The item is linked, and nothing is sent."""
    return await _decide(context, number, DecisionKind.MARK_DONE, decision.by(caller.name), caller)


@router.post("/cancel", summary="Cancel an operation")
async def cancel(
    number: OperationNumber, caller: Orderer, context: InContext, decision: Cancellation | None = None
) -> DecisionTaken:
    """Ends it before its goal is reached; the service of an opening that was not accepted is closed. A shop may cancel
    what it requested itself, an operator everything. What belongs to another shop is not found. This works while
    Temporal is away.

    If nothing had been sent, it is `cancelled` at once. If an earlier request may have left something at the upstream,
    nothing more is sent, the rest is removed, and then it ends. The answer and the operation's `called_off_at` say so.
    Refused where a request may be under way; a senior who has looked may vouch in `needs_attention` that nothing was
    bought. What others asked for and has sent something is a senior's to cancel, too. Once the upstream has accepted
    it, a senior may end the waiting with `what_is_paid_stays`: nothing is taken back there, and the item of an opening
    stays with its service, which can be closed."""
    decision = decision or Cancellation()
    if not caller.requester.is_staff:
        await _check_whose(context, number, caller)
    _check_vouch(caller, decision.nothing_was_bought)
    if decision.what_is_paid_stays:
        check(caller, Right.VOUCH, "to say that what is paid stays,")
    if caller.requester.is_staff and decision.reason is None:
        raise InvalidField("reason", "is needed: why is it cancelled? It goes to the audit")
    return await _decide(context, number, DecisionKind.CANCEL, decision.by(caller.name, "not wanted any more"), caller)


async def _check_whose(context: Context, number: int, caller: Caller) -> None:
    """Raises NotFound for what belongs to another, Forbidden for what an operator asked for."""
    async with context.database.read() as session:
        asked_by = (await find_operation(session, context.links, number, caller.requester)).actor
    if asked_by != caller.name:
        raise Forbidden(
            f"{caller.name} is a {caller.role.value} and did not ask for operation {number}; it may be cancelled by "
            f"{asked_by} or by an operator."
        )


def _check_vouch(caller: Caller, vouched: bool) -> None:
    if vouched:
        check(caller, Right.VOUCH, "to vouch that nothing was bought, after a look at the upstream,")
