"""Writes documents in the panel's output formats.

Answers are put together as text rather than through generic encoders, because list rows keep what they were once
written as and are copied into the next answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Final

from simulator.document import Document, Format, Node, Row, Shape

PROLOG: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_quote: Callable[[str], str] = encode_basestring
_UNPRINTABLE: Final = {code: None for code in range(32) if code not in (9, 10, 13)}
_ALWAYS_LISTS: Final = frozenset({"elem", "list", "slist", "val"})
_FORM_PARTS: Final = frozenset({"slist", "list", "messages", "metadata", "tparams"})


@dataclass(frozen=True, slots=True)
class Style:
    """The choices within a format that differ from panel to panel."""

    bare_single_row: bool = True
    error_text_as_object: bool = False
    sjson_objects: bool = False
    """In ``sjson`` only rows and lists are arrays, and a field's value is a plain object."""


def render(document: Document, fmt: Format, style: Style) -> str:
    """The body of the HTTP answer."""
    match fmt:
        case Format.XML:
            return f"{PROLOG}<doc>{''.join(map(_xml, document.nodes))}</doc>\n"
        case Format.JSON | Format.SJSON | Format.XJSON:
            return f'{{"doc":{_Json(fmt, style).children(document.nodes, "")}}}'
        case Format.BJSON:
            return _bjson(document, style)


def content_type(fmt: Format) -> str:
    """The HTTP content type of a format."""
    return "text/xml; charset=UTF-8" if fmt is Format.XML else "application/json; charset=UTF-8"


# -- XML


def _escape(text: str) -> str:
    if "&" in text or "<" in text or ">" in text:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text if text.isprintable() else text.translate(_UNPRINTABLE)


def _xml(node: Node) -> str:
    if isinstance(node, Row):
        written = node.written.get(Format.XML)
        if written is None:
            written = node.written[Format.XML] = _xml_element(node)
        return written
    return _xml_element(node)


def _xml_element(node: Node) -> str:
    start = node.tag + _xml_attributes(node.attributes) if node.attributes else node.tag
    if node.children:
        return f"<{start}>{_escape(node.text)}{''.join(map(_xml, node.children))}</{node.tag}>"
    return f"<{start}>{_escape(node.text)}</{node.tag}>" if node.text else f"<{start}/>"


def _xml_attributes(attributes: Mapping[str, str]) -> str:
    return "".join(f' {name}="{_escape(value).replace(chr(34), "&quot;")}"' for name, value in attributes.items())


# -- JSON as a translation of the XML


class _Json:
    """Attribute → ``$name``, text → ``$``, a repeated child → an array, a single child → a bare object."""

    def __init__(self, fmt: Format, style: Style) -> None:
        self.format = fmt
        self.style = style

    def element(self, node: Node) -> str:
        if isinstance(node, Row):
            written = node.written.get(self.format)
            if written is None:
                written = node.written[self.format] = self._object(node)
            return written
        return self._object(node)

    def _object(self, node: Node) -> str:
        if node.tag == "messages":
            return _dictionary(node)
        if not node.children and not node.attributes and self.format is not Format.XJSON:
            return f'{{"$":{_quote(node.text)}}}' if node.text else "{}"
        parts = [f"{_quote('$' + name)}:{_quote(value)}" for name, value in node.attributes.items()]
        if node.text:
            parts.append(f'"$":{_quote(node.text)}')
            if self.format is Format.XJSON:
                parts.append(f'"v":{_quote(node.text)}')
        return self.children(node.children, ",".join(parts))

    def children(self, nodes: Sequence[Node], head: str) -> str:
        groups: dict[str, list[Node]] = {}
        for node in nodes:
            groups.setdefault(node.tag, []).append(node)
        parts = [head] if head else []
        for tag, group in groups.items():
            body = ",".join(map(self.element, group))
            parts.append(f"{_quote(tag)}:[{body}]" if self._as_array(group) else f"{_quote(tag)}:{body}")
        return f"{{{','.join(parts)}}}"

    def _as_array(self, group: list[Node]) -> bool:
        if len(group) > 1 or group[0].always_array:
            return True
        if self.format is Format.SJSON:
            return not self.style.sjson_objects or group[0].tag in _ALWAYS_LISTS
        return group[0].tag == "elem" and not self.style.bare_single_row


def _dictionary(messages: Node) -> str:
    """The texts of a form, by their keys."""
    texts = (f"{_quote(entry.attributes['name'])}:{_quote(entry.text)}" for entry in messages.children)
    return f'{{"msg":{{{",".join(texts)}}}}}'


# -- bjson: plain strings


def _bjson(document: Document, style: Style) -> str:
    match document.shape:
        case Shape.LIST:
            return _plain_list(document.nodes)
        case Shape.FORM:
            return _plain_form(document.nodes)
        case Shape.RESULT:
            return f"{{{','.join(_plain_result(node) for node in document.nodes)}}}"
        case Shape.ERROR:
            return _Json(Format.JSON, style).children(
                [], ",".join(f'"error":{_plain_error(node, style)}' for node in document.nodes if node.tag == "error")
            )


def _plain_list(nodes: Sequence[Node]) -> str:
    rows = ",".join(_plain_row(node) for node in nodes if node.tag == "elem")
    rest: dict[str, list[str]] = {}
    for node in nodes:
        if node.tag != "elem" and node.text and not node.children:
            rest.setdefault(node.tag, []).append(_quote(node.text))
    parts = [f"{_quote(tag)}:{t[0] if len(t) == 1 else '[' + ','.join(t) + ']'}" for tag, t in rest.items()]
    return f"{{{','.join([*parts, *([_quote('elem') + ':[' + rows + ']'] if rows else [])])}}}"


def _plain_form(nodes: Sequence[Node]) -> str:
    """The fields under ``model``; tables are row arrays by name, choices arrays of ``k`` and ``v``."""
    model = ",".join(f"{_quote(node.tag)}:{_quote(node.text)}" for node in nodes if node.tag not in _FORM_PARTS)
    parts = [f'"model":{{{model}}}']
    tables = [f"{_named(node)}:[{','.join(map(_plain_row, node.children))}]" for node in nodes if node.tag == "list"]
    choices = [f"{_named(node)}:[{','.join(map(_choice, node.children))}]" for node in nodes if node.tag == "slist"]
    texts = [
        f'{{"name":{_quote(entry.attributes["name"])},"msg":{_quote(entry.text)}}}'
        for node in nodes
        if node.tag == "messages"
        for entry in node.children
    ]
    for name, body in (("list", tables), ("slist", choices)):
        if body:
            parts.append(f"{_quote(name)}:{{{','.join(body)}}}")
    if texts:
        parts.append(f'"messages":[{",".join(texts)}]')
    return f"{{{','.join(parts)}}}"


def _named(node: Node) -> str:
    return _quote(node.attributes.get("name", ""))


def _choice(node: Node) -> str:
    rest = "".join(f",{_quote(name)}:{_quote(text)}" for name, text in node.attributes.items() if name != "key")
    return f'{{"k":{_quote(node.attributes.get("key", ""))},"v":{_quote(node.text)}{rest}}}'


def _plain_row(node: Node) -> str:
    if isinstance(node, Row):
        written = node.written.get(Format.BJSON)
        if written is None:
            written = node.written[Format.BJSON] = _plain_fields(node)
        return written
    return _plain_fields(node)


def _plain_fields(node: Node) -> str:
    """An attribute of a field becomes a field of its own, named after both."""
    parts: list[str] = []
    for child in node.children:
        parts.append(f"{_quote(child.tag)}:{_plain_fields(child) if child.children else _quote(child.text)}")
        parts += [f"{_quote(f'{child.tag}_{name}')}:{_quote(text)}" for name, text in child.attributes.items()]
    return f"{{{','.join(parts)}}}"


def _plain_result(node: Node) -> str:
    parts = [f"{_quote(name)}:{_quote(value)}" for name, value in node.attributes.items()]
    parts.append(f'"v":{_quote(node.text)}')
    parts += [_plain_result(child) for child in node.children]
    return f"{_quote(node.tag)}:{{{','.join(parts)}}}"


def _plain_error(node: Node, style: Style) -> str:
    if style.error_text_as_object:
        return _Json(Format.JSON, style).element(node)
    message = next((child.text for child in node.children if child.tag == "msg"), "")
    rest = [child for child in node.children if child.tag != "msg"]
    head = [f"{_quote('$' + name)}:{_quote(value)}" for name, value in node.attributes.items()]
    return _Json(Format.JSON, style).children(rest, ",".join([*head, f'"msg":{_quote(message)}']))
