"""/v1/sweep: all services compared with their items at the upstreams; not for storefronts."""

from fastapi import APIRouter

from orders.events.sweep_views import list_sweeps
from orders.events.sweeps import ask
from storefront.auth import Operator, Viewer
from storefront.context import InContext
from storefront.export import EXPORTABLE
from storefront.problems import FORBIDDEN, documented
from storefront.schemas.upstreams import Sweeps

router = APIRouter(prefix="/v1/sweep", tags=["upstreams"], responses=documented(FORBIDDEN))


@router.get("", summary="Show what the last sweeps found", dependencies=[EXPORTABLE])
async def show_sweeps(caller: Viewer, context: InContext) -> Sweeps:
    """For each list: when it was compared last, and the changes that the poller should have seen before."""
    async with context.database.read() as session:
        return Sweeps(items=await list_sweeps(session))


@router.post("", summary="Compare all services with their upstreams now")
async def ask_for_a_sweep(caller: Operator, context: InContext) -> Sweeps:
    """The pollers do it, within the limits of the accounts. Nothing is bought or changed at an upstream."""
    async with context.database.write() as session:
        await ask(session, caller.name)
    async with context.database.read() as session:
        return Sweeps(items=await list_sweeps(session))
