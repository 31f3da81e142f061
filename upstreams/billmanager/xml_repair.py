"""Repairs documents: characters that XML does not allow are replaced, as one in a row would spoil its whole list.

Upstreams pass on what their customers typed, or what a module of theirs answered: control characters, bytes of another
encoding, `&nbsp;`, a bare `&`. Only characters are replaced. What is open stays open: a document that was cut short
does not become whole.
"""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE

STAND_IN = "\ufffd"
"""Stands where the character was."""
_REFERENCE_TO_IT = b"&#65533;"

_ENCODING = re.compile(rb"""<\?xml[^>]{0,100}?\sencoding\s{0,10}=\s{0,10}["']([A-Za-z0-9._-]{1,40})["']""")
_UTF_8 = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NO_CHARACTERS = re.compile("[\ufffe\uffff]")
_REFERENCE = re.compile(rb"&#(?:x([0-9A-Fa-f]++)|([0-9]++));")
_BARE_AMPERSAND = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos);|#(?:x[0-9A-Fa-f]++|[0-9]++);)")
_CHARACTERS = (range(0x9, 0xB), range(0xD, 0xE), range(0x20, 0xD800), range(0xE000, 0xFFFE), range(0x10000, 0x110000))
"""The characters that XML 1.0 allows."""
_DIGITS = 10
"""Digits of a reference. The longest that means a character has seven, and may begin with zeros."""


def repaired(body: bytes) -> bytes:
    """The document without them; itself where it has none, or an encoding in which they are not to be found so."""
    if body.startswith((BOM_UTF16_BE, BOM_UTF16_LE)):
        return body
    if _encoding(body) in _UTF_8:
        body = _NO_CHARACTERS.sub(STAND_IN, body.decode("utf-8", "replace")).encode()
    if b"<![CDATA[" not in body:  # in there nothing is a reference
        body = _BARE_AMPERSAND.sub(b"&amp;", body)
    return _CONTROL.sub(_REFERENCE_TO_IT, _REFERENCE.sub(_meant, body))


def _encoding(body: bytes) -> bytes:
    said = _ENCODING.match(body)
    return said[1].lower() if said is not None else b"utf-8"


def _meant(reference: re.Match[bytes]) -> bytes:
    hexadecimal, decimal = reference.groups()
    digits = hexadecimal or decimal
    if len(digits) > _DIGITS:
        return _REFERENCE_TO_IT
    number = int(digits, 16 if hexadecimal else 10)
    return reference[0] if any(number in some for some in _CHARACTERS) else _REFERENCE_TO_IT
