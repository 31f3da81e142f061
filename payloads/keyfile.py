"""Files with keys: of payloads (`RESELL_PAYLOAD_KEY_FILE`), and of webhooks' secrets (`RESELL_WEBHOOK_KEY_FILE`).

One key a line, `ID KEY`: the id is visible beside what is encrypted, the key is 32 bytes in Base64. The first one
encrypts, all of them decrypt. Blank lines and lines that begin with `#` are skipped.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from pathlib import Path

KEY_BYTES = 32
LARGEST_FILE = 64 * 1024
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
MAKE_ONE = 'echo "$(date +%Y-%m) $(openssl rand -base64 32)"'


class KeyFileError(Exception):
    """The key file can't be used. The message names file and line, and never holds what stands there."""


@dataclass(frozen=True)
class Keyring:
    """Keys by their id."""

    current: str
    """The id of the one that encrypts."""
    keys: dict[str, bytes] = field(repr=False)


def read_key_file(file: str) -> Keyring:
    """Raises KeyFileError."""
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        raise KeyFileError(f"the key file {file} can't be read: {error.strerror}") from None
    if len(content) > LARGEST_FILE:
        raise KeyFileError(f"{file} is no key file: it has more than {LARGEST_FILE} bytes")
    try:
        lines = content.decode("ascii").splitlines()
    except UnicodeDecodeError:
        raise KeyFileError(f"{file} is no key file: it is not plain text") from None
    keys: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            name, key = _read(line, f"line {number} of the key file {file}")
            if name in keys or key in keys.values():
                raise KeyFileError(f"line {number} of the key file {file} has an id or a key that a line before it has")
            keys[name] = key
    if not keys:
        raise KeyFileError(f"the key file {file} holds no key; a line with one is made by: {MAKE_ONE}")
    return Keyring(next(iter(keys)), keys)


def _read(line: str, where: str) -> tuple[str, bytes]:
    words = line.split()
    if len(words) != 2:
        raise KeyFileError(f"{where} is not `ID KEY`, two words")
    name, text = words
    if not _ID.fullmatch(name):
        raise KeyFileError(f"{where} begins with no id: up to 64 letters, digits, dots, dashes and underscores")
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise KeyFileError(f"the key in {where} is not Base64") from None
    if len(key) != KEY_BYTES:
        raise KeyFileError(f"the key in {where} has {len(key)} bytes and not {KEY_BYTES}; one is made by: {MAKE_ONE}")
    return name, key
