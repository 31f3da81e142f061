"""The OpenAPI document as the client's models are made from it.

What only the server judges (lengths, patterns, ranges) is left out, so that a client keeps working with a server whose
rules have changed. A shape that is read and written has one model.
"""

import json
from typing import Any, cast

from settings import Settings
from starter import Resellflow
from storefront.app import create_app

Schema = dict[str, Any]
REF = "#/components/schemas/"
_JUDGED = frozenset(
    {"title", "examples", "example", "maxLength", "minLength", "pattern", "maximum", "minimum", "exclusiveMinimum",
     "maxItems", "minItems", "maxProperties", "propertyNames"}
)  # fmt: skip
_EVENT = "CloudEvent_"


def served() -> Schema:
    """The document as the API serves it. Nothing is opened for it."""
    settings = Settings.model_validate({"database_url": "sqlite:///unused.db"})
    document: Schema = create_app(cast(Resellflow, None), settings).openapi()
    return document


def prepared(document: Schema) -> Schema:
    """Only the parts that models are made from."""
    schemas: Schema = {}
    for name, schema in document["components"]["schemas"].items():
        schemas[name_of(name)] = _without_judgement(schema)
    schemas["Money"]["properties"]["amount"] = {"type": "string", "format": "decimal"}
    for shape, written in _written_by_shape(document).items():
        schemas[shape]["properties"] |= schemas[written]["properties"]
    for name in ("Alive", "Check", "Ready"):  # of the health, which is for load balancers
        del schemas[name]
    return {"openapi": document["openapi"], "info": document["info"], "paths": {}, "components": {"schemas": schemas}}


def name_of(name: str) -> str:
    """A model's name: `CloudEvent_TaskNews_` is TaskEvent, `Money-Input` and `Money-Output` are Money."""
    if name.startswith(_EVENT):
        return name.removeprefix(_EVENT).removesuffix("_").removesuffix("News") + "Event"
    return name.removesuffix("-Input").removesuffix("-Output")


def model_of(schema: Schema) -> str:
    return name_of(str(schema["$ref"]).removeprefix(REF))


def messages(document: Schema) -> dict[str, str]:
    """The model of each type of message."""
    return {kind: model_of(_parts(entry)[0]) for kind, entry in document["webhooks"].items()}


def _parts(entry: Schema) -> tuple[Schema, Schema]:
    """The event, and what a message of this type has in particular."""
    content = entry["post"]["requestBody"]["content"]["application/cloudevents+json"]
    event, particulars = content["schema"]["allOf"]
    return event, particulars["properties"]


def _written_by_shape(document: Schema) -> dict[str, str]:
    """Shape of a message's data, and the shape of what a shop has written, which the data repeats."""
    found = {}
    for entry in document["webhooks"].values():
        event, particulars = _parts(entry)
        if "data" in particulars:
            shape = document["components"]["schemas"][str(event["$ref"]).removeprefix(REF)]["properties"]["data"]
            found[model_of(shape)] = model_of(particulars["data"])
    return found


def _without_judgement(schema: Any, names_of_fields: bool = False) -> Any:
    """`names_of_fields`: the keys are names of fields, and none of them a word of JSON Schema."""
    if isinstance(schema, list):
        return [_without_judgement(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if {"type": "null"} in schema.get("anyOf", ()):  # models of a word that may be null would be models of their own
        schema = {**schema, "anyOf": [{key: one[key] for key in one if key != "const"} for one in schema["anyOf"]]}
    return {
        key: REF + model_of(schema) if key == "$ref" else _without_judgement(value, key == "properties")
        for key, value in schema.items()
        if names_of_fields or key not in _JUDGED
    }


if __name__ == "__main__":
    print(json.dumps(served()))
