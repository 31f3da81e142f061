"""A method of the client for each operation of the API, named as the document names it."""

import textwrap
from typing import Any

from client_generator.document import Schema, model_of

_SCALARS = {"integer": "int", "boolean": "bool", "number": "float", "string": "str"}
_DATES = {"date": "date", "date-time": "datetime"}
_KEY = "Idempotency-Key"
_WIDTH = 110

HEAD = '''"""Every operation of the API, by the name that the OpenAPI document gives it.

Made by `make client`: do not edit.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal, TypeVar

from resellflow_client import models
from resellflow_client.calls import Call, new_key

T = TypeVar("T")


class AsyncMethods:
    """A method for each operation. `key` is the idempotency key of a request: your own name of it, like the number of
    a cart. The same key makes the same request once, however often it is sent. Without it a new one is made."""

    async def send(self, call: Call[T]) -> T:
        raise NotImplementedError  # the client that inherits these sends
'''


def written(document: Schema) -> str:
    """The source of the methods for asyncio."""
    found = [
        _method(path, verb, operation)
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
        if "x-roles" in operation and not _is_stream(operation)
    ]
    return "\n".join([HEAD, *found])


def _is_stream(operation: Schema) -> bool:
    return "text/event-stream" in operation["responses"].get("200", {}).get("content", {})


def _method(path: str, verb: str, operation: Schema) -> str:
    parameters = [one for one in operation.get("parameters", ()) if one["name"] != "format"]
    parts = [one for one in parameters if one["in"] == "path"]
    query = [one for one in parameters if one["in"] == "query"]
    keyed = any(one["name"] == _KEY for one in parameters)
    positional = [f"{one['name']}: {_annotation(one['schema'])}" for one in parts]
    named = [_optional(one) if not one["required"] else f"{one['name']}: {_annotation(one['schema'])}" for one in query]
    given = [f'"{verb.upper()}"', f'"{path}"', _answers(operation)]
    if parts:
        given.append(f"parts={_named(parts)}")
    if query:
        given.append(f"query={_named(query)}")
    if "requestBody" in operation:
        needed = operation["requestBody"].get("required", False)
        body = _annotation(_content(operation["requestBody"]))
        positional.append(f"body: {body}" if needed else f"body: {body} | None = None")
        given.append("body=body")
    if keyed:
        named.append("key: str | None = None")
        given.append("key=key or new_key()")
    result = " | ".join(dict.fromkeys(_models(operation).values()))
    signature = ", ".join(["self", *positional, *(["*", *named] if named else [])])
    return (
        f"    async def {operation['operationId']}({signature}) -> {result}:\n"
        f"{_docstring(operation)}\n"
        f"        return await self.send(Call[{result}]({', '.join(given)}))\n"
    )


def _optional(parameter: Schema) -> str:
    annotation = _annotation(parameter["schema"])
    return f"{parameter['name']}: {annotation}{'' if annotation.endswith('None') else ' | None'} = None"


def _named(parameters: list[Schema]) -> str:
    return "{" + ", ".join(f'"{one["name"]}": {one["name"]}' for one in parameters) + "}"


def _models(operation: Schema) -> dict[str, str]:
    return {
        status: f"models.{model_of(_content(response))}" if "content" in response else "None"
        for status, response in operation["responses"].items()
        if status.startswith("2")
    }


def _answers(operation: Schema) -> str:
    return "{" + ", ".join(f"{status}: {model}" for status, model in _models(operation).items()) + "}"


def _content(described: Schema) -> Schema:
    schema: Schema = described["content"]["application/json"]["schema"]
    return schema


def _annotation(schema: Schema) -> str:
    """The type of a parameter or body."""
    if "$ref" in schema:
        return f"models.{model_of(schema)}"
    if "enum" in schema:
        return f"Literal[{', '.join(repr(one) for one in schema['enum'])}]"
    if several := schema.get("anyOf", schema.get("oneOf")):
        return " | ".join(_annotation(one) for one in several)
    kind: Any = schema["type"]
    if kind == "null":
        return "None"
    if kind == "array":
        return f"Sequence[{_annotation(schema['items'])}]"
    return _DATES.get(schema.get("format", ""), _SCALARS[kind])


def _docstring(operation: Schema) -> str:
    text = f"{operation['summary']}.\n\n{operation.get('description', '')}".strip()
    roles = f"For: {', '.join(operation['x-roles'])}."
    parts = [" ".join(part.split()) for part in text.split("\n\n")]
    body = "\n\n".join(textwrap.fill(part, _WIDTH, break_on_hyphens=False) for part in [*parts, roles])
    quotes = '"""'
    lines = f"{quotes}{body}\n{quotes}".replace("\\", "\\\\")
    return textwrap.indent(lines, " " * 8, lambda line: bool(line.strip()))
