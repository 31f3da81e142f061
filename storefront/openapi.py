"""The OpenAPI document: FastAPI's, with problems under their own media type, and with the webhooks."""

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from storefront.auth import roles_of
from storefront.bodylimit import HIGHEST_BYTES
from storefront.messages import webhooks
from storefront.problems import MEDIA_TYPE, TOO_LARGE
from storefront.stream import StageOf, StreamEnd

TITLE = "Resellflow storefront API"
DESCRIPTION = """\
Order services and change them later, follow the operations, see tasks and upstreams. Operators also carry out tasks,
and decide about operations that can't go on automatically.

* **Tokens**: `Authorization: Bearer TOKEN`. The token's role (`storefront`, `viewer`, `operator`, `senior`, `finance`,
  `admin`) says what it may call: see `x-roles` of each operation. What belongs to another storefront is not found.
* **Orders are made once**: every request about a service has an `Idempotency-Key`. After a lost answer, send the
request again.
* **Errors** are `application/problem+json` (RFC 9457) with a type, a sentence and the field. Fields and parameters that
an address does not know are refused.
* **Lists** are newest first; for the next page, ask again with `cursor` = `next_cursor`. A filter may be given several
times (`?stage=retrying&stage=needs_attention`); an entry then needs one of the values.
* **Times** are RFC 3339 in UTC, **money** is `{"amount": "5.00", "currency": "EUR"}` with the amount as text.
* Every answer has an `X-Request-Id`: yours if you sent one, otherwise ours. Our log contains it, also where we work on
the order later. Put neither a secret nor a customer's name into it.
"""
TAGS = [
    {"name": "services", "description": "What customers have, and requests to change it."},
    {"name": "plans", "description": "What can be ordered, for how much, and what an order must look like."},
    {"name": "operations", "description": "What is being done to a service, stage by stage."},
    {"name": "decisions", "description": "For operators: decide what happens to an operation that waits for a person."},
    {
        "name": "tasks",
        "description": "The work that belongs to operations: shown for information, or to be done by people.",
    },
    {"name": "incidents", "description": "Not for storefronts: serious events that a person should look into."},
    {"name": "upstreams", "description": "The selling systems: health, money, what was seen there."},
    {
        "name": "webhooks",
        "description": "Endpoints that receive messages about what happens, and the state of their deliveries.",
    },
    {"name": "health", "description": "For load balancers and orchestrators; no token needed."},
]


def document(app: FastAPI, protected: Iterable[BaseRoute]) -> dict[str, Any]:
    """A document of OpenAPI 3.1 that generators of clients can work with. `protected`: the routes that need a token."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        for path in schema["paths"].values():
            for operation in path.values():
                if "requestBody" in operation:
                    _name_optional(operation["requestBody"])
                    operation["responses"] |= _TOO_LARGE
                _name_problems(operation["responses"])
        schema["webhooks"], shapes = webhooks()
        known = schema["components"]["schemas"]
        known |= {name: shape for name, shape in (shapes | _of_the_stream()).items() if name not in known}
        _name_apart(known)
        _name_roles(schema["paths"], protected)
        app.openapi_schema = schema
    return app.openapi_schema


_TOO_LARGE = {
    "413": {
        "description": f"{TOO_LARGE.title} (`{TOO_LARGE.uri}`): more than {HIGHEST_BYTES} bytes",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
_EVENTS = {
    "type": "string",
    "description": "Server-sent events: `stage` with a StageOf as its data, at last `end` with a StreamEnd.",
}


def _of_the_stream() -> dict[str, Any]:
    """The schemas of the data of its events, to which nothing else refers."""
    _, definitions = models_json_schema(
        [(StageOf, "serialization"), (StreamEnd, "serialization")], ref_template="#/components/schemas/{model}"
    )
    shapes: dict[str, Any] = definitions["$defs"]
    return shapes


def _name_optional(body: dict[str, Any]) -> None:
    """A body that may be left out is not also one that may be null: some generated clients then can't leave it out."""
    for media in body["content"].values():
        schema = media["schema"]
        present = [shape for shape in schema.get("anyOf", []) if shape != {"type": "null"}]
        if len(present) == 1:
            media["schema"] = present[0]


def _name_roles(paths: dict[str, Any], routes: Iterable[BaseRoute]) -> None:
    """Who may call it, as `x-roles`."""
    for route in routes:
        if isinstance(route, APIRoute):
            for method in route.methods or ():
                paths[route.path_format][method.lower()]["x-roles"] = [role.value for role in roles_of(route)]


def _name_problems(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        content = response.get("content", {})
        if status >= "400" and "application/json" in content:
            content[MEDIA_TYPE] = content.pop("application/json")
        elif status >= "400" and "text/event-stream" in content:
            content[MEDIA_TYPE] = content.pop("text/event-stream")
        elif "text/event-stream" in content:
            content["text/event-stream"] = {"schema": _EVENTS}  # `itemSchema` is a word of 3.2


def _name_apart(schemas: dict[str, Any]) -> None:
    """What is written otherwise than it is read has two shapes, and each a title of its own: generators name by it."""
    for name, schema in schemas.items():
        if name.endswith(("-Input", "-Output")):
            schema["title"] = name.replace("-", "")
