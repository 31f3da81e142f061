"""The webhooks in the OpenAPI document: what Resellflow posts, and what it takes for an answer (docs/webhooks.md)."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from models.enums import MessageType
from orders.webhooks.outbox import SHAPES, News, shape_of
from orders.webhooks.wording import OfOperation, OfService

D = TypeVar("D", bound=News)
Schema = dict[str, Any]
_REF = "#/components/schemas/"


class CloudEvent(BaseModel, Generic[D]):
    """A message: a CloudEvent in JSON."""

    specversion: Literal["1.0"]
    id: str = Field(
        description="the id of the message, the same in every attempt: ignore a message whose id you have had"
    )
    source: str = Field(description="this installation, by its tag", examples=["urn:resellflow:k3x9p"])
    type: MessageType
    subject: str = Field(default="", description="number of the service; absent where there is none")
    time: datetime = Field(description="when it happened")
    datacontenttype: Literal["application/json"]
    data: D


_HEADERS = [
    {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
    for name, text in (
        ("webhook-id", "the message's `id`"),
        ("webhook-timestamp", "when this try was made, in seconds since 1970"),
        (
            "webhook-signature",
            "`v1,` and the base64 of HMAC-SHA256 over id.timestamp.body, one a secret",
        ),
    )
]
_ANSWERS = {
    "2XX": {"description": "Delivered."},
    "410": {"description": "This endpoint is switched off, and this message given up."},
    "429": {"description": "Tried again after `Retry-After`, as with 503."},
    "default": {"description": "Tried again later; redirects are not followed."},
}


def webhooks() -> tuple[Schema, Schema]:
    """The webhooks by the type of their message, and the schemas that they refer to."""
    events = {shape: CloudEvent[shape] for shape in SHAPES.values()}  # type: ignore[valid-type]
    models: list[type[BaseModel]] = [*events.values(), OfService, OfOperation]
    refs, definitions = models_json_schema(
        [(model, "serialization") for model in models], ref_template=_REF + "{model}"
    )
    found: Schema = {}
    for message_type in MessageType:
        shape = shape_of(message_type)
        written = _written(shape)
        data = None if written is None else refs[written, "serialization"]
        found[message_type.value] = {"post": _operation(message_type, refs[events[shape], "serialization"], data)}
    return found, definitions["$defs"]


def _written(shape: type[News]) -> type[BaseModel] | None:
    """What the shop has written and the data repeats."""
    if "service" not in shape.model_fields:
        return None
    return OfOperation if shape.model_fields["operation"].annotation is int else OfService


def _operation(message_type: MessageType, event: Schema, written: Schema | None) -> Schema:
    """`written`: what else the data has."""
    particulars: Schema = {"type": {"const": message_type.value}}
    if written is not None:
        particulars["data"] = written
    schema = {"allOf": [event, {"properties": particulars}]}
    return {
        "operationId": message_type.value,
        "summary": " ".join(message_type.value.split(".")[1:-1]).replace("_", " ").capitalize(),
        "tags": ["webhooks"],
        "parameters": _HEADERS,
        "requestBody": {"required": True, "content": {"application/cloudevents+json": {"schema": schema}}},
        "responses": _ANSWERS,
    }
