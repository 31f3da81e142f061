"""Webhooks, deliveries and events: the parameters of lists, and answers."""

from pydantic import Field

from models.enums import DeliveryState, MessageType
from orders.reading.paging import HIGHEST_LIMIT
from orders.tables import Format
from orders.text import PlainText
from orders.views import DeliveryView, Document, Page, WebhookView
from orders.webhooks.feed_views import FeedRequest, Start
from storefront.schemas.common import Name, Number, Paging, Strict, Wanted


class FeedFilter(Strict):
    limit: int = Field(default=HIGHEST_LIMIT, ge=1, le=HIGHEST_LIMIT, description="how many at most")
    cursor: PlainText | None = Field(
        default=None, max_length=100, description="`next_cursor` of the answer before; without it the list begins anew"
    )
    start: Start = Field(
        default="oldest", description="where to begin without a cursor: `now` gives a cursor and no events"
    )
    type: Wanted[MessageType] = None
    service: Wanted[Number] = Field(default=None, description="number of a service")
    format: Format | None = Field(
        default=None, description="all events up to now as CSV or JSON; JSON has `next_cursor` for those to come"
    )

    def asked(self) -> FeedRequest:
        return FeedRequest(self.limit, self.cursor, self.start, self.type, self.service)


class DeliveryFilter(Paging):
    webhook: Wanted[Name] = Field(default=None, description="name of a webhook")
    state: Wanted[DeliveryState] = None
    service: Wanted[Number] = Field(default=None, description="number of a service")


class Webhooks(Document):
    """All webhooks, by name."""

    items: list[WebhookView]


class Deliveries(Page[DeliveryView]):
    """What was sent to webhooks, or is on its way; newest first."""


class Replayed(Document):
    """Messages that are on their way once more."""

    replayed: int = Field(description="how many")
