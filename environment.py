"""How the variables of the environment are read, whatever stands in them."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

_OURS = ("RESELL_", "TEMPORAL_")
_SHOWN_BELOW = 6
"""Characters. What is shorter is part of ordinary words, and no secret."""
FILES = ("database_url", "storefront_tokens", "operator_tokens", "codec_token", "oidc_client_secret")
"""Settings that hold secrets. Each may be in a file instead, which RESELL_…_FILE names."""
_read_from_files: set[str] = set()


@dataclass(frozen=True)
class Unusable:
    """Stands for a value that can't be had. The settings refuse it together with all other wrong values."""

    words: str
    """What is wrong, never what stands there."""


class _FileUnusable(Exception):
    """The file of a setting can't be used. The message names the variable."""


class Environment(EnvSettingsSource):
    """Settings' own source. Secrets may be in files, and one value that can't be had does not hide the others."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        found = super().get_field_value(field, field_name)
        name = f"RESELL_{field_name.upper()}"
        file = os.environ.get(f"{name}_FILE", "") if field_name in FILES else ""
        if not file:
            return found
        if found[0]:
            return Unusable(f"{name} and {name}_FILE are both set: one of them is enough"), *found[1:]
        try:
            return _content(file, f"{name}_FILE"), *found[1:]
        except _FileUnusable as error:
            return Unusable(str(error)), *found[1:]

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        if isinstance(value, Unusable):
            return value
        try:
            return super().decode_complex_value(field_name, field, value)
        except (ValueError, RecursionError):
            return Unusable("is not JSON")


def _content(file: str, name: str) -> str:
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise _FileUnusable(f"{name}: the file can't be read: {error.strerror}") from None
    except ValueError:
        raise _FileUnusable(f"{name}: the file is not text in UTF-8") from None
    if not text:
        raise _FileUnusable(f"{name}: the file is empty")
    _read_from_files.add(text)
    return text


def is_utf8(text: str) -> bool:
    """Bytes that are none stand in `os.environ` as halves of characters, which nothing else can take."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def without_values(sentence: str) -> str:
    """The sentence without anything that stands in a setting: who has put a token into the wrong variable must not find
    it in a log."""
    settings = [value for name, value in os.environ.items() if name.startswith(_OURS)]
    settings += _read_from_files
    pieces = {piece for value in settings for piece in (value, *re.split(r"[\s,;=\"'{}\[\]]+", value))}
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) >= _SHOWN_BELOW:
            sentence = sentence.replace(piece, "…")
    return sentence
