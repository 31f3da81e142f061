"""/v1/services/{number}/owner: whose a service is."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from orders.access.handing_over import OwnerChange, hand_over
from orders.errors import existing
from orders.views import ServiceView, find_service
from storefront.auth import Operator
from storefront.context import InContext
from storefront.problems import FORBIDDEN, INVALID_BODY, INVALID_FIELD, NOT_FOUND, documented

router = APIRouter(tags=["services"], responses=documented(FORBIDDEN, NOT_FOUND, INVALID_FIELD, INVALID_BODY))


def _possible(number: Annotated[int, Path(description="number of the service", examples=[1042])]) -> int:
    return existing("service", number)


@router.put("/v1/services/{number}/owner", summary="Hand a service over to another storefront")
async def set_owner(
    number: Annotated[int, Depends(_possible)], change: OwnerChange, caller: Operator, context: InContext
) -> ServiceView:
    """With `null`, the operators get it. Its operations, tasks, history and key go with it."""
    storefronts = frozenset(context.settings.storefront_tokens)
    await hand_over(context.database, number, change, storefronts=storefronts, actor=caller.name)
    async with context.database.read() as session:
        return await find_service(session, number)
