"""/v1/services/{number}/reference: what a shop has written on its service."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path

from orders.errors import existing
from orders.services.references import ReferenceChange, change_reference
from orders.views import ServiceView, find_service
from storefront.auth import Orderer
from storefront.context import InContext
from storefront.problems import FORBIDDEN, INVALID_BODY, INVALID_FIELD, NOT_FOUND, documented

router = APIRouter(tags=["services"], responses=documented(FORBIDDEN, NOT_FOUND, INVALID_FIELD, INVALID_BODY))

_EXAMPLE = {"reference": "contract 17/2", "metadata": {"invoice": "2026-0311", "old_key": None}}


def _possible(number: Annotated[int, Path(description="number of the service", examples=[1042])]) -> int:
    return existing("service", number)


@router.patch("/v1/services/{number}/reference", summary="Change what you have written on a service")
async def set_reference(
    number: Annotated[int, Depends(_possible)],
    change: Annotated[ReferenceChange, Body(examples=[_EXAMPLE])],
    caller: Orderer,
    context: InContext,
) -> ServiceView:
    """At once: nothing is sent to the upstream, so there is no operation and no idempotency key. What is left out
    stays. Messages about the service have the new values from the next one on."""
    await change_reference(context.database, number, change, actor=caller.name, requester=caller.requester)
    async with context.database.read() as session:
        return await find_service(session, number, caller.requester)
