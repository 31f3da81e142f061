"""/v1/services/{number}/renewal: what becomes of a service at the end of its term."""

from typing import Annotated

from fastapi import APIRouter, Body

from orders.renewals.stopping import RenewalChange, change_renewal
from orders.views import ServiceView, find_service
from storefront.auth import Orderer
from storefront.context import InContext
from storefront.life import ServiceNumber
from storefront.problems import FORBIDDEN, INVALID_BODY, INVALID_FIELD, NOT_FOUND, REFUSED, documented

router = APIRouter(tags=["services"], responses=documented(FORBIDDEN, NOT_FOUND, INVALID_FIELD, INVALID_BODY, REFUSED))


@router.patch("/v1/services/{number}/renewal", summary="Stop the renewal of a service, or go on with it")
async def set_renewal(
    number: ServiceNumber,
    change: Annotated[RenewalChange, Body(examples=[{"renew": False}])],
    caller: Orderer,
    context: InContext,
) -> ServiceView:
    """At once: nothing is sent to the upstream, so there is no operation and no idempotency key. It can be taken back
    until the end of the term. `{"renew": false}` lets the service expire, `{"at_end_of_term": "close"}` has it closed
    then."""
    await change_renewal(context.database, number, change, actor=caller.name, requester=caller.requester)
    async with context.database.read() as session:
        return await find_service(session, number, caller.requester)
