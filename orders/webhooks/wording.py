"""What a message says to one reader: its data, and what the shop has written on the service and on its request."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from models.order import Operation
from models.webhooks import WebhookMessage
from orders.webhooks.redaction import data_for_shop


class OfService(BaseModel):
    """Added to the data of every message about a service."""

    model_config = ConfigDict(frozen=True)

    reference: str | None = Field(default=None, description="the shop's own name of the service; null: it gave none")
    metadata: dict[str, str] = Field(default_factory=dict, description="the shop's own values of the service")


class OfOperation(OfService):
    """Added to the data of every message about an operation, or about what happened for one. A storefront gets it of
    its own requests."""

    idempotency_key: str | None = Field(default=None, description="of the request; null: another's, or an old one")
    operation_reference: str | None = Field(default=None, description="the shop's own name of the request")
    operation_metadata: dict[str, str] = Field(default_factory=dict, description="the shop's own values of the request")


def data_for(message: WebhookMessage, operation: Operation | None, reader: str | None) -> dict[str, Any]:
    """The data of a message that is spread. `reader`: the name of a storefront; None: our own people.

    The same in every attempt: what the shop had written on the service is that of the moment when it was spread, and
    what it wrote on its request never changes.
    """
    data = message.data if reader is None else data_for_shop(message.data)
    if message.service_id is None or message.position is None:
        return data
    written: dict[str, Any] = {
        "reference": message.reference or None,
        "metadata": message.shop_metadata or {},
    }
    if operation is None:
        return data | OfService(**written).model_dump()
    own = is_own(operation, reader)
    of_operation = OfOperation(
        **written,
        idempotency_key=operation.asked_with if own else None,
        operation_reference=(operation.reference or None) if own else None,
        operation_metadata=operation.shop_metadata if own else {},
    )
    return data | of_operation.model_dump()


def is_own(operation: Operation, reader: str | None) -> bool:
    """Whether the reader may know how it was asked for: a storefront knows that of its own requests."""
    return reader is None or operation.actor == reader
