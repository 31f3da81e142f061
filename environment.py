"""How the variables of the environment are read, whatever stands in them."""

import os
import re
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

_OURS = ("RESELL_", "TEMPORAL_")
_SHOWN_BELOW = 6
"""Characters. What is shorter is part of ordinary words, and no secret."""


class Environment(EnvSettingsSource):
    """Settings' own source, to which JSON of endless nesting is JSON that can't be read."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except RecursionError:
            raise ValueError("is nested too deep") from None


def is_utf8(text: str) -> bool:
    """Bytes that are none stand in `os.environ` as halves of characters, which nothing else can take."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def without_values(sentence: str) -> str:
    """The sentence without anything that stands in a setting: who has put a token into the wrong variable must not find
    it in a log."""
    settings = [value for name, value in os.environ.items() if name.startswith(_OURS)]
    pieces = {piece for value in settings for piece in (value, *re.split(r"[\s,;=\"'{}\[\]]+", value))}
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) >= _SHOWN_BELOW:
            sentence = sentence.replace(piece, "…")
    return sentence
