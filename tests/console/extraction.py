"""All texts of the pages that can be translated: what stands in templates and in the modules."""

from collections.abc import Iterator
from importlib.resources import files
from io import BytesIO
from typing import Any

from babel.messages.extract import extract, extract_python
from jinja2.ext import babel_extract

KEYWORDS: dict[str, None] = {"_": None, "gettext": None}
OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true", "trimmed": "true"}


def messages() -> Iterator[str]:
    """Each once, in the order of the files."""
    seen: set[str] = set()
    root = files("console")
    sources: list[tuple[Any, Any]] = [
        (one, extract_python) for one in sorted(root.iterdir(), key=str) if one.name.endswith(".py")
    ]
    sources += [
        (one, babel_extract) for one in sorted((root / "templates").iterdir(), key=str) if one.name.endswith(".html")
    ]
    for source, method in sources:
        for _, text, _, _ in extract(method, BytesIO(source.read_bytes()), keywords=KEYWORDS, options=OPTIONS):
            if isinstance(text, str) and text not in seen:
                seen.add(text)
                yield text
