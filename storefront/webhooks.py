"""/v1/webhooks: who is notified of what happens, and how that goes. A storefront works with its own only."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Response
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.status import HTTP_200_OK, HTTP_201_CREATED, HTTP_204_NO_CONTENT

from orders.errors import existing
from orders.views import (
    DeliveryDetail,
    DeliveryView,
    Page,
    WebhookMade,
    WebhookView,
    find_delivery,
    find_webhook,
    list_deliveries,
    list_webhooks,
)
from orders.webhooks import by_api, endpoints, replay
from orders.webhooks.by_api import NewSecret, ReplayRequest, WebhookChange, WebhookRequest
from orders.webhooks.sealing import Sealer
from storefront.auth import AnyCaller, Orderer
from storefront.callers import Caller
from storefront.context import Context, InContext
from storefront.export import EXPORTABLE
from storefront.problems import (
    FORBIDDEN,
    INVALID_BODY,
    INVALID_FIELD,
    INVALID_KEY,
    KEY_REUSED,
    NO_WEBHOOK_KEY,
    NOT_FOUND,
    REFUSED,
    documented,
)
from storefront.schemas.webhooks import Deliveries, DeliveryFilter, Replayed, Webhooks
from storefront.services import IdempotencyKey

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

DeliveryNumber = Annotated[int, Path(description="number of the delivery", examples=[7])]
WebhookName = Annotated[str, Path(description="name of the webhook", examples=["shop:hooks"])]
ADDED = {
    "name": "hooks",
    "url": "https://shop.example.com/hooks",
    "types": ["resellflow.operation.completed.v1", "resellflow.service.expiring.v1"],
}


@router.get("", summary="List webhooks", dependencies=[EXPORTABLE])
async def list_of_webhooks(caller: AnyCaller, context: InContext) -> Webhooks:
    """A storefront sees its own webhooks, other roles see all. The same holds for the deliveries."""
    async with context.database.read() as session:
        return Webhooks(items=await list_webhooks(session, caller.requester))


@router.post(
    "",
    status_code=HTTP_201_CREATED,
    summary="Add a webhook",
    responses={
        HTTP_200_OK: {"model": WebhookMade, "description": "This key and body made it before."},
        **documented(INVALID_KEY, INVALID_FIELD, INVALID_BODY, KEY_REUSED, FORBIDDEN, REFUSED, NO_WEBHOOK_KEY),
    },
)
async def add_webhook(
    asked: Annotated[WebhookRequest, Body(examples=[ADDED])],
    key: IdempotencyKey,
    caller: Orderer,
    context: InContext,
    response: Response,
) -> WebhookMade:
    """From now on it receives what happens. The answer has the secret that messages are signed with, and nothing else
    has it later. A storefront may have ten, on public addresses; they get what is about its own services."""
    sealer = Sealer.of(context.settings.webhook_key_file)
    shops = context.settings.storefront_tokens
    async with context.database.write() as session:
        added = await by_api.add(session, asked, _api(caller, context), key=key, sealer=sealer, shops=shops)
        response.status_code = HTTP_201_CREATED if added.created else HTTP_200_OK
        return await _made(session, added.name, added.secret, caller)


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


# After the deliveries: none of these is called so.


@router.get("/{name}", summary="Show a webhook", responses=documented(NOT_FOUND))
async def show_webhook(name: WebhookName, caller: AnyCaller, context: InContext) -> WebhookView:
    async with context.database.read() as session:
        return await find_webhook(session, name, caller.requester)


@router.patch(
    "/{name}",
    summary="Change, pause or resume a webhook",
    responses=documented(FORBIDDEN, NOT_FOUND, INVALID_FIELD, INVALID_BODY),
)
async def change_webhook(name: WebhookName, asked: WebhookChange, caller: Orderer, context: InContext) -> WebhookView:
    """What is left out stays. While it is not active, messages are kept for it."""
    async with context.database.write() as session:
        await by_api.change(session, name, asked, _api(caller, context))
        return await find_webhook(session, name, caller.requester)


@router.delete(
    "/{name}",
    status_code=HTTP_204_NO_CONTENT,
    summary="Remove a webhook",
    responses=documented(FORBIDDEN, NOT_FOUND),
)
async def remove_webhook(name: WebhookName, caller: Orderer, context: InContext) -> None:
    """With its deliveries and their log."""
    async with context.database.write() as session:
        endpoint = await endpoints.endpoint_named(session, name, caller.requester)
        await endpoints.remove_endpoint(session, endpoint, actor=caller.name)


@router.post(
    "/{name}/secret",
    summary="Replace the secret of a webhook",
    responses=documented(FORBIDDEN, NOT_FOUND, REFUSED, INVALID_FIELD, INVALID_BODY, NO_WEBHOOK_KEY),
)
async def replace_secret(
    name: WebhookName, caller: Orderer, context: InContext, asked: NewSecret | None = None
) -> WebhookMade:
    """The answer has the new secret. For some time each message is signed with both, so that the receiver can change.
    Refused for a webhook whose secret stands in a file or a variable."""
    overlap = timedelta(hours=(asked or NewSecret()).overlap_hours)
    async with context.database.write() as session:
        endpoint = await endpoints.endpoint_named(session, name, caller.requester)
        sealer = Sealer.of(context.settings.webhook_key_file)
        secret = await endpoints.replace_secret(session, endpoint, sealer=sealer, overlap=overlap, actor=caller.name)
        return await _made(session, name, secret, caller)


@router.post(
    "/{name}/test",
    status_code=HTTP_201_CREATED,
    summary="Send a ping to a webhook",
    responses=documented(FORBIDDEN, NOT_FOUND, REFUSED),
)
async def test_webhook(name: WebhookName, caller: Orderer, context: InContext) -> DeliveryDetail:
    """Sent like every message, by a worker, within about a second. The delivery shows how it went."""
    async with context.database.write() as session:
        endpoint = await endpoints.endpoint_named(session, name, caller.requester)
        delivery = await endpoints.ping(session, endpoint)
        return await find_delivery(session, delivery.id, caller.requester)


@router.post(
    "/{name}/replay",
    summary="Send many messages once more",
    responses=documented(FORBIDDEN, NOT_FOUND, INVALID_FIELD, INVALID_BODY),
)
async def replay_webhook(name: WebhookName, asked: ReplayRequest, caller: Orderer, context: InContext) -> Replayed:
    """All since a time, or those that were given up; at most 10,000. The ids stay the same, so a receiver ignores what
    it has had."""
    async with context.database.write() as session:
        return Replayed(replayed=await by_api.replay_many(session, name, asked, caller.requester))


def _api(caller: Caller, context: Context) -> by_api.ApiCaller:
    return by_api.ApiCaller(caller.requester, context.settings.webhook_reach())


async def _made(session: AsyncSession, name: str, secret: str | None, caller: Caller) -> WebhookMade:
    shown = await find_webhook(session, name, caller.requester)
    return WebhookMade(**dict(shown), secret=secret)
