"""The XML document as it comes, read into typed pieces. Knows shapes, not meanings.

Shapes (GUIDE6, documented; details seen in public clients): the root is `doc`; a list has one `elem` per row and the
counters `p_num`, `p_cnt`, `p_elems`; a form has its fields as direct children; `slist`/`list` carry a `name`; an error
is `doc/error` with the attributes `type` and `object` and the children `param`, `msg`; a success has `doc/ok` or nodes
of its own. A localised field may carry the raw value in an attribute `orig`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import parse_qsl
from xml.etree.ElementTree import Element

from upstreams.billmanager.numbers import natural
from upstreams.billmanager.trees import tree

# Parts of an answer that are never a field of a row or form, even when they are empty.
_NOT_FIELDS = frozenset({"tparams", "metadata", "messages", "slist", "list", "error", "ok", "doc", "elem"})
_ABOUT = frozenset({"tparams", "metadata", "messages", "slist", "error"})
_ERRORS = ("error", "doc/error", "errors/error", "doc/errors/error")
_NO_FILTER = frozenset({"off", "no"})
_FUNCTION = re.compile(r"(?:^|[?&])(?:func|startform)=(?P<name>[\w.]+)")

_NAME = re.compile(r"[A-Za-z][\w.]{0,63}")

_NUMBER_CHARACTERS = 64
_EMPTY_ROW = Element("elem")


@dataclass(frozen=True)
class Field:
    """A leaf node: its text, and its attributes."""

    text: str
    attributes: dict[str, str]

    @property
    def raw(self) -> str:
        """The unlocalised value where the upstream gives one, else the text."""
        return self.attributes.get("orig") or self.attributes.get("$orig") or self.text


Fields = dict[str, Field]


def first_text(fields: Fields, *names: str) -> str:
    """The text of the first of these fields that has one; empty if none has."""
    return next((fields[name].raw for name in names if name in fields and fields[name].raw), "")


@dataclass(frozen=True)
class WireError:
    """The error envelope. `type` (in small letters) and `object` are the upstream's words; `message` is localised."""

    type: str
    object: str
    params: dict[str, str]
    message: str


class Row:
    """A row of a list, read as far as it takes to know it again."""

    __slots__ = ("_elem", "digest", "number", "shows_remoteid")

    def __init__(self, number: str, digest: str, shows_remoteid: bool, elem: Callable[[], Element]) -> None:
        self.number = number
        self.digest = digest
        self.shows_remoteid = shows_remoteid
        self._elem = elem

    @classmethod
    def of(cls, elem: Element) -> "Row":
        number, digest = _leaf(elem, "id"), _digest(elem)
        text = "" if number is None else _short(_raw(number), digest)
        return cls(text, digest, _leaf(elem, "remoteid") is not None, lambda: elem)

    def read_by(self, elem: Callable[[], Element]) -> "Row":
        """The same row, read anew."""
        return Row(self.number, self.digest, self.shows_remoteid, elem)

    @property
    def fields(self) -> Fields:
        return _fields(self._elem())


class Document:
    """A parsed answer. Also used for the nested `doc` that some functions put their result in."""

    def __init__(self, root: Element) -> None:
        self._root = root

    @classmethod
    def parse(cls, body: bytes) -> "Document":
        """Characters that have no place in XML are replaced, and what stands too deep in a row is left out of it.

        Raises NotADocument: broken XML, a DTD or entities (refused), another root than `doc`, nesting deeper than
        DEPTH (whoever walks through it would run out of stack)."""
        return cls(tree(body))

    @classmethod
    def parse_as_it_is(cls, body: bytes) -> "Document":
        """The same, but raises NotADocument also for characters that have no place in XML."""
        return cls(tree(body, as_it_is=True))

    @property
    def error(self) -> WireError | None:
        """The error envelope, also out of a nested `doc` or a list `errors`, or only a type as an attribute of the root
        (both assumed). A mere empty field called error is none."""
        found = (self._root.find(path) for path in _ERRORS)
        node = next((node for node in found if node is not None), None)
        if node is None and self._root.get("error"):
            return WireError(type=self._root.get("error", "").strip().lower(), object="", params={}, message="")
        if node is None or (not node.attrib and len(node) == 0 and not _text(node)):
            return None
        params = {param.get("name", ""): _text(param) for param in node.iter("param")}
        return WireError(
            type=node.get("type", "").strip().lower(),
            object=node.get("object", "") or params.get("object", ""),
            params=params,
            message=_text(node.find("msg")) or _text(node.find("detail")) or _text(node),
        )

    @property
    def ok(self) -> bool:
        """The upstream said so: `doc/ok`, or `doc/doc/ok`."""
        return self._root.find("ok") is not None or self._root.find("doc/ok") is not None

    @property
    def leads_to(self) -> str:
        """The function that a success sends the interface to: `<ok type="form">func=…</ok>` (seen in code)."""
        found = _FUNCTION.search(self._where_to)
        return found["name"] if found is not None else ""

    @property
    def bare_ok(self) -> str:
        """What a success says where that is no address and no parameters, but a name: `<ok>totp.confirm</ok>`."""
        said = (_text(self._root.find(path)) for path in ("ok", "doc/ok", "redirect"))
        return next((text for text in said if _NAME.fullmatch(text)), "")

    @property
    def leads_with(self) -> dict[str, str]:
        """The parameters that the success sends along: `func=payment.add&billorder=77`."""
        return dict(parse_qsl(self._where_to.partition("?")[2] or self._where_to))

    @property
    def _where_to(self) -> str:
        said = (_text(self._root.find(path)) for path in ("ok", "doc/ok", "redirect"))
        return next((text for text in said if _FUNCTION.search(text)), "")

    @property
    def answered_by(self) -> str:
        """The function whose form or list this is, where it says so: the attribute `func` of the root (assumed)."""
        return self._root.get("func", "")

    @property
    def fields(self) -> Fields:
        return _fields(self._root)

    @property
    def attributes(self) -> dict[str, str]:
        return dict(self._root.attrib)

    @property
    def rows(self) -> tuple[Fields, ...]:
        return tuple(_fields(elem) for elem in self._root.findall("elem"))

    @property
    def raw_rows(self) -> tuple[Row, ...]:
        """The same, each unread until its fields are asked for."""
        return tuple(Row.of(elem) for elem in self.row_elements)

    @property
    def row_elements(self) -> list[Element]:
        return self._root.findall("elem")

    @property
    def outline(self) -> "Document":
        """The document without what stands in its rows."""
        root = Element(self._root.tag, self._root.attrib)
        root.text = self._root.text
        root.extend(_EMPTY_ROW if node.tag == "elem" else node for node in self._root)
        return Document(root)

    @property
    def nested(self) -> "Document | None":
        node = self._root.find("doc")
        return None if node is None else Document(node)

    @property
    def is_list(self) -> bool:
        """Has what only lists have, so that no row means an empty list."""
        metadata = self._root.find("metadata")
        return any(self._root.find(name) is not None for name in ("elem", "p_elems", "p_cnt", "p_num")) or (
            metadata is not None and metadata.get("type") == "list"
        )

    @property
    def offers_choices(self) -> bool:
        return self._root.find("slist") is not None

    @property
    def is_form(self) -> bool:
        """Has what only forms have: choices, or a form's metadata."""
        metadata = self._root.find("metadata")
        return any(self._root.find(name) is not None for name in ("slist", "list")) or (
            metadata is not None and metadata.get("type") == "form"
        )

    @property
    def filters(self) -> tuple[str, ...]:
        """What narrows the list, in the upstream's words: each `p_filter` at the root (MGR5UI, seen in code).

        Also a node `filter` that is not off (assumed).
        """
        named = [_all_text(node) for node in self._root.findall("p_filter")]
        named += [_all_text(node) for node in self._root.findall("filter") if _all_text(node).lower() not in _NO_FILTER]
        return tuple(words for words in named if words)

    def counter(self, name: str) -> int | None:
        """A whole number such as `p_elems`, or None."""
        text = _text(self._root.find(name))
        return natural(text)

    def table_rows(self, name: str) -> "tuple[Document, ...]":
        """Rows of the inner `list` of that name, each read like a document of its own; empty if there is none."""
        return tuple(
            Document(elem)
            for inner in self._root.iter("list")
            if inner.get("name") == name
            for elem in inner.iterfind("elem")
        )

    def table_names(self, ending: str) -> tuple[str, ...]:
        """Names of the inner lists that end so."""
        names = (inner.get("name", "") for inner in self._root.iter("list"))
        return tuple(dict.fromkeys(name for name in names if name.endswith(ending)))

    @property
    def all_words(self) -> str:
        """All text inside."""
        return _all_text(self._root)

    @property
    def menu_actions(self) -> tuple[str, ...]:
        """The functions that the nodes of a menu call, at any depth."""
        nodes = (node for menu in self._root.iter("mainmenu") for node in menu.iter("node"))
        return tuple(action for node in nodes if (action := node.get("action") or node.get("name")))

    def children(self, path: str) -> "tuple[Document, ...]":
        """The parts of that name (`pricelist`, `prices/price`), each read like a document of its own."""
        return tuple(Document(node) for node in self._root.findall(path))

    def choices(self, name: str) -> dict[str, str]:
        """Key and text of each value of the inner `slist` of that name; empty keys (please choose) left out."""
        return {
            val.get("key", ""): _text(val)
            for inner in self._root.iter("slist")
            if inner.get("name") == name
            for val in inner.iter("val")
            if val.get("key")
        }

    def leaf(self, name: str) -> Field | None:
        """The first leaf of that name that says something (as text or attribute `v`, `id`, `value`), at any depth.

        The echo of the request, labels and choices are passed over.
        """
        for node in self._root:
            if node.tag == name and len(node) == 0:
                said = _text(node) or next((node.get(key, "") for key in ("v", "id", "value") if node.get(key)), "")
                if said:
                    return Field(said, dict(node.attrib))
            if node.tag not in _ABOUT and (found := Document(node).leaf(name)) is not None:
                return found
        return None

    def words(self, name: str) -> str | None:
        """All text inside the part of that name; None if there is no such part."""
        node = self._root.find(name)
        return None if node is None else _all_text(node)

    def notes(self) -> Iterator[tuple[dict[str, str], Fields]]:
        """Attributes and fields of each `notify/item`."""
        for item in self._root.iterfind("notify/item"):
            yield dict(item.attrib), _fields(item)


def _leaf(elem: Element, name: str) -> Element | None:
    first = elem.find(name)  # written in C; of each row of a list
    if first is None or len(first) == 0:
        return first
    return next((node for node in elem.iterfind(name) if len(node) == 0), None)


def _raw(node: Element) -> str:
    """The same rule as in `Field.raw`."""
    return node.get("orig") or node.get("$orig") or _text(node)


def _short(number: str, digest: str) -> str:
    """A number that is kept in columns and compared: one that is too long to be any is distinguished by its row."""
    return number if len(number) <= _NUMBER_CHARACTERS else f"{number[:24]}…{digest}"


def _digest(elem: Element) -> str:
    """Digest of everything in it: names, texts, attributes, in their order."""
    parts: list[str] = []
    for node in elem.iter():
        parts += (node.tag, node.text or "")
        attributes = node.items()  # `attrib` would make a dict for every node that has none
        if attributes or len(node):  # separated by what XML never holds
            parts.append(f"\1{len(node)}{dict(attributes)}")
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _text(node: Element | None) -> str:
    return "" if node is None or node.text is None else node.text.strip()


def _all_text(node: Element) -> str:
    return " ".join(text.strip() for text in node.itertext() if text.strip())


def _fields(parent: Element) -> Fields:
    """The leaf children by name; of several with one name the first."""
    found: Fields = {}
    for node in parent:
        if len(node) == 0 and node.tag not in _NOT_FIELDS and node.tag not in found:
            found[node.tag] = Field(_text(node), dict(node.attrib))
    return found
