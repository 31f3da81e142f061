"""The kinds of values in the settings of an upstream account. Each raises ValueError saying what would be right."""

import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, StringConstraints

Text = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^\S(.*\S)?$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


def address(*, like: str, path: bool) -> BeforeValidator:
    """The validator of an address. `like`: an example of a right one; `path`: it has to end with one."""

    def checked(value: object) -> object:
        if not isinstance(value, str):
            return value
        parts, right = _parts(value), f'write it like "{like}"'
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", value):
            raise ValueError(f"this is not an address; {right}")
        if parts.username or parts.password:
            raise ValueError(f"an address with a user or password in it would end up in logs; {right}")
        if parts.query or parts.fragment:
            raise ValueError(f"the address ends with the path, nothing after it; {right}")
        if path and not parts.path.strip("/"):
            raise ValueError(f"the address has no path; {right}")
        return value

    return BeforeValidator(checked)


def same_place(url: str) -> str:
    """The address in one spelling, to compare with others."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}{parts.path.rstrip('/')}"


def _parts(url: str) -> SplitResult | None:
    """None: it is no address, or its port is none."""
    try:
        parts = urlsplit(url)
        return None if parts.port == 0 else parts
    except ValueError:
        return None
