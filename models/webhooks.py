"""Tables of the webhooks: where they go, what is to be reported, and every attempt."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from models.columns import empty_dict, empty_list, enum_column, json_column, utc_column, utc_now
from models.enums import DeliveryState


class WebhookEndpoint(SQLModel, table=True):
    """An address that is notified of what happens. No secret can be read here: only where it comes from, or sealed."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        sa.Index("webhook_endpoint_by_request", "request_key", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=64)
    url: str
    owner: str | None = Field(default=None, max_length=64)
    """Name of the storefront whose it is: it gets what is about that storefront's services. None: everything."""
    secret_env: str | None = None
    secret_file: str | None = None
    sealed_secrets: list[dict[str, str | None]] | None = Field(default=None, sa_column=json_column(nullable=True))
    """Secrets that were made here (`orders.webhooks.sealing`), newest first; None: they come from elsewhere."""
    kinds: list[str] = Field(default_factory=empty_list, sa_column=json_column())
    """Event types it wants; none means all."""
    active: bool = True
    address_by_shop: bool = False
    """A storefront chose the address itself, so nothing private may be reached by it."""
    request_key: str | None = Field(default=None, max_length=400)
    """Who added it by the API, and the idempotency key."""
    request_hash: str | None = Field(default=None, max_length=64)
    failing_since: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    failure: str = ""
    created_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())


_NOT_SPREAD = "spread_at IS NULL"


class WebhookMessage(SQLModel, table=True):
    """One message, written in the transaction that made it true."""

    __tablename__ = "webhook_message"
    __table_args__ = (
        sa.Index(
            "webhook_message_not_spread",
            "id",
            sqlite_where=sa.text(_NOT_SPREAD),
            postgresql_where=sa.text(_NOT_SPREAD),
        ),
        sa.Index("webhook_message_of_service", "service_id", "id"),
        sa.Index("webhook_message_position", "position", unique=True),
        sa.Index("webhook_message_by_owner", "owner", "position"),
        sa.Index("webhook_message_by_kind", "kind", "position"),
        sa.Index("webhook_message_by_service", "service_id", "position"),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    message_id: str = Field(unique=True, max_length=64)
    """The same in every try: receivers drop repeats by it (webhook-id, and the CloudEvents id)."""
    kind: str = Field(max_length=64)
    """CloudEvents type."""
    service_id: int | None = Field(default=None, foreign_key="service.id")
    operation_id: int | None = None
    """A copy from the data."""
    data: dict[str, Any] = Field(default_factory=empty_dict, sa_column=json_column())
    at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    spread_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """When its deliveries were written, one for every endpoint that wants it. From then on it is never changed."""
    position: int | None = None
    """Its place in the list of all events, given when it is spread: whoever sees a position will see no smaller one
    later. None: it is not spread yet, is a ping, or was spread by a version without the list."""
    owner: str | None = Field(default=None, max_length=64)
    """The storefront that may see it: whose the service was when it was spread."""
    reference: str | None = Field(default=None, max_length=200)
    shop_metadata: dict[str, str] | None = Field(default=None, sa_column=json_column(nullable=True))
    """What the shop had written on the service when it was spread."""


_PENDING = "state = 'pending'"
PENDING = sa.text(f"webhook_delivery.{_PENDING}")
"""The delivery is on its way. Said with the words of the index of these, which the database can use then."""


class WebhookDelivery(SQLModel, table=True):
    """One message on its way to one endpoint."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        sa.UniqueConstraint("endpoint_id", "message_id"),
        sa.Index("webhook_delivery_by_endpoint", "endpoint_id", "id"),
        sa.Index("webhook_delivery_by_state", "state", "id"),
        sa.Index("webhook_delivery_by_service", "service_id", "id"),
        sa.Index(
            "webhook_delivery_due",
            "endpoint_id",
            "next_attempt_at",
            sqlite_where=sa.text(_PENDING),
            postgresql_where=sa.text(_PENDING),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    endpoint_id: int = Field(foreign_key="webhook_endpoint.id")
    message_id: int = Field(foreign_key="webhook_message.id", index=True)
    service_id: int | None = None
    """A copy from the message, so that queries about a service need not read all messages."""
    state: DeliveryState = Field(default=DeliveryState.PENDING, sa_column=enum_column(DeliveryState))
    attempts: int = 0
    next_attempt_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    ended_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))


class WebhookAttempt(SQLModel, table=True):
    """One try of a delivery, as it went."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (sa.Index("webhook_attempt_of_delivery", "delivery_id", "id"), {"sqlite_autoincrement": True})

    id: int = Field(default=None, primary_key=True)
    delivery_id: int = Field(foreign_key="webhook_delivery.id")
    at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    status_code: int | None = None
    duration_ms: int = 0
    error: str = ""
    answer: str = Field(default="", max_length=200)
