"""/v1/events: all that webhooks send, for whoever was away."""

from typing import Annotated

from fastapi import APIRouter, Query

from orders.webhooks.feed_views import Feed, read_feed
from storefront.auth import AnyCaller
from storefront.context import InContext
from storefront.problems import EVENTS_GONE, documented
from storefront.schemas.webhooks import FeedFilter

router = APIRouter(prefix="/v1/events", tags=["webhooks"])


@router.get(
    "",
    summary="Read all events, oldest first",
    response_model_exclude_unset=True,
    responses=documented(EVENTS_GONE),
)
async def list_of_all_events(wanted: Annotated[FeedFilter, Query()], caller: AnyCaller, context: InContext) -> Feed:
    """The same events as the webhooks, with the same ids and bodies, whether there is a webhook or not. Keep
    `next_cursor`, and ask with it: no event is left out, however many are written meanwhile. A storefront sees what is
    about its own services."""
    source = await context.source()
    async with context.database.read() as session:
        return await read_feed(session, wanted.asked(), source, caller.requester)
