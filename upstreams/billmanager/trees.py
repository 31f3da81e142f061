"""The tree of an XML document, within bounds: what the upstream sends can't stop the process that reads it."""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from contextlib import suppress
from xml.etree.ElementTree import Element, ParseError, XMLParser
from xml.parsers import expat

from defusedxml import DefusedXmlException, DTDForbidden

from upstreams.billmanager.xml_repair import repaired

DEPTH = 100
"""Elements inside each other at most. Documents of the upstream have about ten."""
MARKUP = 3_000_000
"""Tags. A list of 40,000 items with 30 fields each has fewer."""
ROWS = 100_000
"""Rows of one page."""
_PIECE = 1 << 16
"""Bytes that are parsed at once: while the parser is at it, no other thread of the process runs."""


class NotADocument(ValueError):
    """The body is not an XML document of the upstream's kind."""


def tree(body: bytes, *, as_it_is: bool = False) -> Element:
    """Errors are those of `Document.parse` and `Document.parse_as_it_is`."""
    if body.count(b"<") > MARKUP:
        raise NotADocument(f"it has more than {MARKUP} tags")
    body = _without_blanks(body)
    try:
        root = _parsed(body)
    except (DefusedXmlException, ValueError, LookupError) as error:
        raise NotADocument(str(error)) from error
    except (ParseError, expat.ExpatError) as error:
        if as_it_is:
            raise NotADocument(str(error)) from error
        root = _parsed_tame(body, error)
    if root.tag != "doc":
        raise NotADocument(f"the root element is <{root.tag[:40]}>, not <doc>")
    if _is_deep(root, DEPTH):
        _clear_rows(root)
    if _is_deep(root, DEPTH):
        raise NotADocument(f"more than {DEPTH} elements stand inside each other")
    if len(root.findall("elem")) > ROWS:
        raise NotADocument(f"it has more than {ROWS} rows")
    return root


def _without_blanks(body: bytes) -> bytes:
    """The document without what a program in front of the panel may put around it: blank lines and byte order marks
    before the prolog, where XML allows nothing, and NULs behind the root element. Other characters stay."""
    if body.startswith((BOM_UTF16_BE, BOM_UTF16_LE, b"\0")) or body[1:2] == b"\0":
        return body
    inner = body
    while (shorter := inner.lstrip().removeprefix(BOM_UTF8)) != inner:
        inner = shorter
    return inner.rstrip(b"\0 \t\r\n")


class _PrologEnds(Exception):
    """The root element begins: behind it there can be no DTD."""


def _refuse_dtd(body: bytes) -> None:
    """Raises DTDForbidden. Entities, and so all that makes XML dangerous, are declared in a DTD, which stands before
    the root element: only what is before it is looked at. The parser of the standard library that is written in C has
    no such refusal, and the one of defusedxml takes twice as long for a list."""

    def refuse(name: str, system: str | None, public: str | None, _has_subset: int) -> None:
        raise DTDForbidden(name, system, public)

    def ends(_name: str, _attributes: object) -> None:
        raise _PrologEnds

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = ends
    with suppress(_PrologEnds):
        parser.Parse(body, True)


def _parsed(body: bytes) -> Element:
    _refuse_dtd(body)
    parser = XMLParser()  # noqa: S314 - what makes XML dangerous stands in a DTD
    for start in range(0, len(body), _PIECE):
        parser.feed(body[start : start + _PIECE])
    root: Element = parser.close()
    return root


def _parsed_tame(body: bytes, error: Exception) -> Element:
    """Raises NotADocument, because of `error`, if its characters were not what is wrong with it."""
    tame = repaired(body)
    if tame == body:
        raise NotADocument(str(error)) from error
    try:
        return _parsed(tame)
    except (ParseError, expat.ExpatError, DefusedXmlException, ValueError, LookupError) as other:
        raise NotADocument(str(other)) from other


def _is_deep(root: Element, depth: int) -> bool:
    """Whether elements are nested in it this deep, or deeper."""
    level = [root]
    for _ in range(depth):
        level = [child for node in level if len(node) for child in node]
        if not level:
            return False
    return True


def _clear_rows(root: Element) -> None:
    """Clear rows of what no row has: the fields of a row are leaves."""
    for elem in root.findall("elem"):
        for child in list(elem):
            if _is_deep(child, DEPTH - 2):
                elem.remove(child)
