"""Every place of the API where a caller may write something, found in its OpenAPI document."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from http import HTTPMethod
from typing import Any

METHODS = {method.value.lower() for method in HTTPMethod}
IN_PATH = {"number": "1", "name": "main"}
STREAMED = "2"
"""An operation that has ended, so that its stream ends too."""
HEADERS = (
    "Accept",
    "Content-Type",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "Range",
    "X-Request-Id",
    "Cookie",
)
"""What no operation asks for, and anybody may send."""


@dataclass(frozen=True)
class Place:
    """Where a value goes: `path`, `query`, `header` or `body`, and its name or the steps to it."""

    where: str
    steps: tuple[str | int, ...]

    @property
    def name(self) -> str:
        return ".".join(map(str, self.steps))


@dataclass
class Request:
    """What is sent: a request that would do, with one value in it that may not."""

    method: str
    path: str
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, bytes] = field(default_factory=dict)
    body: Any = None

    def with_value(self, place: Place, value: Any) -> "Request":
        changed = deepcopy(self)
        match place.where:
            case "path":
                changed.path = changed.path.replace(f"{{{place.name}}}", str(value))
            case "query":
                changed.query[place.name] = value
            case "header":
                changed.headers[place.name] = value
            case _:
                changed.body = _set(changed.body, place.steps, value)
        changed.path = _filled(changed.path)
        return changed


def requests(document: dict[str, Any]) -> Iterator[tuple[Request, list[Place]]]:
    """Each operation, as it may be asked for, and what may be written in it."""
    for path, methods in document["paths"].items():
        for method in sorted(methods.keys() & METHODS):
            operation = methods[method]
            parameters = operation.get("parameters", [])
            places = [Place(found["in"], (found["name"],)) for found in parameters]
            places += [Place("header", (name,)) for name in HEADERS]
            request = Request(method.upper(), path)
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is not None:
                request.body = _example(document, content)
                places += [Place("body", steps) for steps in _steps(document, content["schema"])]
            yield request, places


def _filled(path: str) -> str:
    if path.endswith("/stream"):
        path = path.replace("{number}", STREAMED)
    for name, value in IN_PATH.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def _example(document: dict[str, Any], content: dict[str, Any]) -> Any:
    for named in content.get("examples", {}).values():
        return deepcopy(named["value"])
    schema = _resolved(document, content["schema"])
    return {
        name: _least(_resolved(document, shape))
        for name, shape in schema.get("properties", {}).items()
        if name in schema.get("required", [])
    }


def _least(schema: dict[str, Any]) -> Any:
    if "examples" in schema:
        return schema["examples"][0]
    return {"string": "words", "integer": 1, "boolean": True, "array": ["1"], "object": {}}.get(schema.get("type", ""))


def _steps(document: dict[str, Any], schema: dict[str, Any], depth: int = 3) -> Iterator[tuple[str | int, ...]]:
    """The ways to each value: the whole, its fields, their fields."""
    yield ()
    if depth == 0:
        return
    schema = _resolved(document, schema)
    for name, shape in schema.get("properties", {}).items():
        for rest in _steps(document, shape, depth - 1):
            yield (name, *rest)
    if schema.get("additionalProperties"):
        yield ("anything",)
    if schema.get("type") == "array":
        yield (0,)


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while True:
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        elif "anyOf" in schema:
            schema = next((part for part in schema["anyOf"] if part.get("type") != "null"), {})
        else:
            return schema


def _set(body: Any, steps: tuple[str | int, ...], value: Any) -> Any:
    if not steps:
        return value
    step, *rest = steps
    if isinstance(step, int):
        return [_set(None, tuple(rest), value)]
    known = body if isinstance(body, dict) else {}
    return {**known, step: _set(known.get(step), tuple(rest), value)}
