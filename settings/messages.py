"""Webhooks and notifications."""

from typing import Annotated

from pydantic import Field

from orders.webhooks.targets import Reach
from settings.part import LONGEST_SECONDS, Part


class MessageSettings(Part):
    webhook_timeout: float = Field(default=10.0, gt=0)
    """Seconds: time-out of one attempt to deliver a [webhook](webhooks.md)."""
    webhook_retry_delays: list[Annotated[float, Field(ge=0, le=LONGEST_SECONDS)]] = Field(
        default_factory=lambda: [5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, *[43200.0] * 5]
    )
    """JSON, seconds: wait before each further attempt. After the last one the delivery is given up."""
    webhook_retention_days: float = Field(default=30.0, gt=0)
    """Days: how long deliveries of webhooks are [kept](operations.md#what-is-kept-and-for-how-long), with their log,
    from their end on."""
    message_retention_days: float = Field(default=90.0, gt=0)
    """Days: how long events are [kept](operations.md#what-is-kept-and-for-how-long) for whoever reads [their
    list](shop.md#events)."""
    webhook_private: bool = False
    """`true`: webhooks may go to [private and loopback addresses](webhooks.md#where-messages-may-go), and in plain http
    there."""
    webhook_storefront_private: bool = False
    """`true`: so may those that a storefront has chosen [by the API](webhooks.md#by-the-api)."""
    webhook_key_file: str = ""
    """File: keys that seal the secrets of webhooks that are added [by the API](webhooks.md#by-the-api). None: none can
    be added there."""

    notifications_file: str = ""
    """File: [who is notified of what, and where](notifications.md), with the addresses and their passwords. None:
    nobody is notified."""

    def webhook_reach(self) -> Reach:
        return Reach(endpoints=self.webhook_private, storefronts=self.webhook_storefront_private)
