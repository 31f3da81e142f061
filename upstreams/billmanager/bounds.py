"""How large anything may be that a row or form of the upstream shows. What is larger is nobody's name, price or number:
it is held back, and said, and the rest of the item counts."""

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal

from upstreams.billmanager.wire import Field, Fields
from upstreams.billmanager.xml_repair import STAND_IN
from upstreams.port import UnusableRow

NUMBER_DIGITS = 18
"""Digits of an item's number. The upstream keeps them in a database's whole numbers."""
NUMBER_CHARACTERS = 64
TEXT_CHARACTERS = 255
"""Characters of a name, a mark, an address, a tariff: all of them are looked up by an index somewhere."""
PLAIN_CHARACTERS = 4_000
"""Characters of a field that is only kept."""
FIELDS = 400
FIELD_NAME_CHARACTERS = 100
SHOWN_CHARACTERS = 60
"""Characters that are shown of a value that is held back, so that people recognise it."""
PRICE_CHARACTERS = 120
PRICE_DIGITS = 24
"""Decimals among them."""
MOST_MONEY = Decimal(10) ** 12
"""No amount reaches it in any currency; the columns for money hold a hundred times as much."""

_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_NO_PRICE = re.compile(r"\d{16}|\d[eE][+-]?\d|\b(?:nan|inf|infinity)\b", re.IGNORECASE)


def check_number(number: str) -> None:
    """Raises UnusableRow: no item of the upstream can have this number."""
    if len(number) > NUMBER_CHARACTERS or not _NUMBER.fullmatch(number):
        raise UnusableRow(f"its number {excerpt(number)!r} is not a number of an item")
    if number.isdigit() and len(number) > NUMBER_DIGITS:
        raise UnusableRow(f"its number {excerpt(number)} is too long")


def bounded(fields: Fields) -> Fields:
    """The fields with each text cut to what is kept at most. What was cut says so by its last character."""
    if len(fields) <= FIELDS and all(_fits(name, field) for name, field in fields.items()):
        return fields
    kept = [(name, field) for name, field in fields.items() if len(name) <= FIELD_NAME_CHARACTERS][:FIELDS]
    return {
        name: Field(_kept(one.text), {key: _kept(value) for key, value in one.attributes.items()}) for name, one in kept
    }


def too_long(texts: Mapping[str, str]) -> dict[str, str]:
    """Those that can't be what they are called, as they are shown to people."""
    return {name: excerpt(text) for name, text in texts.items() if len(text) > TEXT_CHARACTERS or not _plain(text)}


def is_no_price(text: str) -> bool:
    """Digits without end, a power of ten, no number, infinity. (What merely can't be read is common, and no news.)"""
    digits = sum(character.isdigit() for character in text[: PRICE_CHARACTERS + 1])
    return len(text) > PRICE_CHARACTERS or digits > PRICE_DIGITS or _NO_PRICE.search(text) is not None


def excerpt(text: str) -> str:
    """A few characters of it, none of which does anything to a terminal."""
    short = text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
    return "".join(character if character.isprintable() else "·" for character in short)


def _fits(name: str, field: Field) -> bool:
    texts = (field.text, *field.attributes.values())
    return len(name) <= FIELD_NAME_CHARACTERS and all(
        len(text) <= PLAIN_CHARACTERS and "\0" not in text for text in texts
    )


def _kept(text: str) -> str:
    cut = text if len(text) <= PLAIN_CHARACTERS else f"{text[: PLAIN_CHARACTERS - 1]}…"
    return cut.replace("\0", "·")  # which PostgreSQL can't keep


def _plain(text: str) -> bool:
    if STAND_IN in text:
        return False
    return text.isprintable() or not any(unicodedata.category(character) == "Cc" for character in text)
