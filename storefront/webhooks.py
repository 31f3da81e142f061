"""/v1/webhooks: who is notified of what happens, and how that goes. `resell webhooks` adds and removes them."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from orders.errors import existing
from orders.views import DeliveryDetail, DeliveryView, Page, find_delivery, list_deliveries, list_webhooks
from orders.webhooks import replay
from storefront.auth import AnyCaller, Orderer
from storefront.context import InContext
from storefront.problems import FORBIDDEN, NOT_FOUND, documented
from storefront.schemas import Deliveries, DeliveryFilter, Webhooks

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

DeliveryNumber = Annotated[int, Path(description="number of the delivery", examples=[7])]


@router.get("", summary="List webhooks")
async def list_of_webhooks(caller: AnyCaller, context: InContext) -> Webhooks:
    """A storefront sees its own webhooks, other roles see all. The same holds for the deliveries."""
    async with context.database.read() as session:
        return Webhooks(items=await list_webhooks(session, caller.requester))


@router.get("/deliveries", response_model=Deliveries, summary="List what was sent, or is on its way")
async def list_of_deliveries(
    wanted: Annotated[DeliveryFilter, Query()], caller: AnyCaller, context: InContext
) -> Page[DeliveryView]:
    async with context.database.read() as session:
        return await list_deliveries(
            session,
            wanted.asked(),
            caller.requester,
            webhook=wanted.webhook,
            state=wanted.state,
            service=wanted.service,
        )


@router.get(
    "/deliveries/{number}",
    summary="Show a delivery, its content and the log of its tries",
    responses=documented(NOT_FOUND),
)
async def show_delivery(number: DeliveryNumber, caller: AnyCaller, context: InContext) -> DeliveryDetail:
    async with context.database.read() as session:
        return await find_delivery(session, number, caller.requester)


@router.post("/deliveries/{number}/replay", summary="Send it once more", responses=documented(FORBIDDEN, NOT_FOUND))
async def replay_delivery(number: DeliveryNumber, caller: Orderer, context: InContext) -> DeliveryDetail:
    """With the same id and content, no matter whether it was delivered or given up. The log of its attempts stays."""
    async with context.database.write() as session:
        await replay.replay_one(session, existing("delivery", number), actor=caller.name, requester=caller.requester)
        return await find_delivery(session, number, caller.requester)
