"""Upstream accounts: the parameters of lists, and answers."""

from pydantic import Field

from models.enums import EventKind
from orders.events.sweep_views import SweepView
from orders.money.forecast_views import HOURS, MOST_DAYS, MOST_HOURS
from orders.views import Document, EventView, OrphanView, Page, UpstreamView
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


class Sweeps(Document):
    """The sweep of each list, by upstream account and product type."""

    items: list[SweepView]
