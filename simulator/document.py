"""What a panel function answers, before it is written in one of the output formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from types import MappingProxyType
from typing import Final


class Format(StrEnum):
    """The machine-readable values of the ``out`` parameter."""

    XML = "xml"
    JSON = "json"
    SJSON = "sjson"
    BJSON = "bjson"
    XJSON = "xjson"


class Shape(Enum):
    """What kind of answer it is; ``bjson`` writes each kind differently."""

    LIST = auto()
    FORM = auto()
    RESULT = auto()
    ERROR = auto()


NO_ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(slots=True)
class Node:
    """One element: a tag with text, attributes and children."""

    tag: str
    text: str = ""
    attributes: Mapping[str, str] = field(default_factory=lambda: NO_ATTRIBUTES)
    children: Sequence[Node] = ()
    always_array: bool = False
    """Written as an array in JSON even when it is the only child of its name."""


@dataclass(slots=True)
class Row(Node):
    """A list row that keeps the text it was once written as (long lists are read over and over)."""

    written: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Document:
    """A whole answer."""

    shape: Shape
    nodes: list[Node]
    new_session: str | None = None
    """Set as the session cookie on the HTTP answer."""


def fields(values: Iterable[tuple[str, str]]) -> list[Node]:
    """Plain elements from pairs of tag and text."""
    return [Node(tag, text) for tag, text in values]


def slist(name: str, values: Iterable[tuple[str, str]], **attributes: str) -> Node:
    """A select list of a form: pairs of key and caption."""
    return Node(
        "slist",
        attributes={"name": name},
        children=[Node("val", caption, {"key": key, **attributes}) for key, caption in values],
    )


def table(name: str, rows: Iterable[Iterable[tuple[str, str]]]) -> Node:
    """A table inside a form."""
    return Node("list", attributes={"name": name}, children=[Node("elem", children=fields(row)) for row in rows])


def form(nodes: list[Node], *, messages: Iterable[tuple[str, str]] = (), pages: Sequence[Node] = ()) -> Document:
    """The answer of a form that was opened, not sent: its fields, the texts by their keys, and what its pages hold."""
    texts = [Node("msg", text, {"name": key}) for key, text in messages]
    layout = [Node("form", children=pages)] if pages else []
    return Document(Shape.FORM, [*nodes, Node("messages", children=texts), Node("metadata", children=layout)])


def done(*nodes: Node, target: str | None = None) -> Document:
    """The answer of a call that was carried out; ``target`` is where a browser goes next."""
    ok = Node("ok", f"func={target}", {"type": "list"}) if target else Node("ok")
    return Document(Shape.RESULT, [*nodes, ok])


def leads_to(target: str) -> Document:
    """An ``ok`` that did nothing but send the browser on to another form."""
    return Document(Shape.RESULT, [Node("ok", f"func={target}", {"type": "form"})])
