"""The reference of all settings, docs/settings.md, made from `settings/`; `make settings-page` writes it."""

import ast
import json
from collections.abc import Iterator
from itertools import pairwise

from environment import FILES
from settings import Settings
from tests.chart import settings_schema
from tests.infrastructure.processes import PROJECT

PAGE = PROJECT / "docs" / "settings.md"
_HEAD = """# Settings

Each setting is an environment variable, read by worker, API and command line. This page is made from the code,
`settings/`, by `make settings-page`. [operations.md](operations.md#settings) says how settings are checked, and which
variables are read by others.

| Variable | Default | Meaning; when to change it |
|---|---|---|
"""


def page() -> str:
    return _HEAD + "".join(f"| `{name}` | {default} | {meaning} |\n" for name, default, meaning in _rows())


def _rows() -> Iterator[tuple[str, str, str]]:
    said = texts()
    for name in Settings.model_fields:
        meaning = " ".join(said.get(name, "").split())
        if name in FILES:
            meaning += f" `RESELL_{name.upper()}_FILE` names a file that has it instead."
        yield f"RESELL_{name.upper()}", _default(name), meaning


def texts() -> dict[str, str]:
    """The docstring under each field."""
    found = {}
    for file in (PROJECT / "settings").glob("*.py"):
        classes = [one for one in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(one, ast.ClassDef)]
        for field, after in [pair for part in classes for pair in pairwise(part.body)]:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
                found[field.target.id] = str(ast.literal_eval(after.value))
    return found


def _default(name: str) -> str:
    """As it would be written into the variable."""
    value = Settings.model_fields[name].get_default(call_default_factory=True)
    if name.endswith("_tokens") or value in ("", None):
        return "none"
    return f"`{json.dumps(value) if isinstance(value, dict) else value}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    settings_schema.write()
    print(f"{PAGE.relative_to(PROJECT)} and the chart's schema: {len(Settings.model_fields)} settings")
