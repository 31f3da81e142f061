"""/v1/services/{number}/module: who carries out the operations on a service."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from orders.errors import existing
from orders.services import modules
from orders.services.modules import ModuleChange
from orders.views import ServiceView, find_service
from storefront.auth import Operator
from storefront.context import InContext
from storefront.problems import FORBIDDEN, INVALID_BODY, INVALID_FIELD, NOT_FOUND, REFUSED, documented

router = APIRouter(tags=["services"], responses=documented(FORBIDDEN, NOT_FOUND, REFUSED, INVALID_FIELD, INVALID_BODY))


def _possible(number: Annotated[int, Path(description="number of the service", examples=[1042])]) -> int:
    return existing("service", number)


@router.put("/v1/services/{number}/module", summary="Give a service to another processing module")
async def set_module(
    number: Annotated[int, Depends(_possible)], change: ModuleChange, caller: Operator, context: InContext
) -> ServiceView:
    """To a manual module, so that every operation on the service becomes a task; or back to a module of its upstream
    account. It is refused while an operation runs. Nothing happens at the upstream."""
    await modules.set_module(context.database, number, change, actor=caller.name)
    async with context.database.read() as session:
        return await find_service(session, number)
