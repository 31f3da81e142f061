"""Upstream accounts: the parameters of lists, and answers."""

from pydantic import Field

from models.enums import EventKind
from orders.events.sweep_views import SweepView
from orders.money.forecast_views import HOURS, MOST_DAYS, MOST_HOURS
from orders.text import PlainText
from orders.views import Document, EventView, ItemView, OrphanView, Page, UpstreamView
from storefront.schemas.common import Number, Paging, Strict, Wanted


class ForecastQuestion(Strict):
    hours: int | None = Field(default=None, ge=1, le=MOST_HOURS, description=f"look so far ahead; {HOURS} unless given")
    days: int | None = Field(default=None, ge=1, le=MOST_DAYS, description="the same in days")


class EventFilter(Paging):
    kind: Wanted[EventKind] = None
    service: Wanted[Number] = Field(default=None, description="number of a service")


class Orphans(Page[OrphanView]):
    """Items at an upstream that are no service of ours, newest first."""


class Events(Page[EventView]):
    """Changes seen at an upstream, newest first."""


class Upstreams(Document):
    """All upstream accounts, by name."""

    items: list[UpstreamView]


class PauseTaken(Document):
    """The upstream is paused, or is not any more."""

    upstream: UpstreamView
    under_way: int = Field(
        description="requests that were written down before the pause and are not settled yet: they go on to their end"
    )
    message: str = Field(description="the same in a sentence")


class BalanceRead(Document):
    """The account with its balance as read just now."""

    upstream: UpstreamView
    message: str = Field(description="the balance in a sentence")


class ItemQuestion(Strict):
    product_type: PlainText | None = Field(
        default=None, max_length=32, description="needed where the account has several, and no item of that number"
    )


class ItemRead(Document):
    """What one item shows now."""

    item: ItemView | None = Field(description="as it is kept; null: no list has shown it yet")
    message: str = Field(description="what was found, in a sentence")


class Sweeps(Document):
    """The sweep of each list, by upstream account and product type."""

    items: list[SweepView]
