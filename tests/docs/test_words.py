"""Plain words: the pages for people and the docstrings of the product keep free of phrases that are hard to read.

Write who does what: "it is retried automatically" instead of "tried again by itself"; "in the same way" or "the same"
instead of "likewise"; "an order that waits" instead of "one that waits"; a docstring begins with a verb or a noun.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ALL, Page
from tests.infrastructure.processes import PROJECT

_BEGIN = r"(?:^|[.!?:] |\| |- )"
RIDDLES = {
    "by itself": re.compile(r"\bby (?:itself|themselves)\b", re.IGNORECASE),
    "likewise": re.compile(r"\blikewise\b", re.IGNORECASE),
    "One that …": re.compile(rf"{_BEGIN}One (?:that|whose)\b"),
}
AS = re.compile(r"As (?!long as\b|soon as\b)")
BEGINNINGS = {
    "As …": AS,
    "Of …": re.compile(r"Of\b"),
    "So many …": re.compile(r"(?:For )?[Ss]o (?:many|much|few|long|often|far)\b"),
    "Whose …": re.compile(r"(?:Whose|Whom|To whom)\b"),
}
"""How a docstring must not begin: the reader has to guess what it speaks of."""
TOLD = re.compile(r"\b(?:tell|tells|told)\b")
"""Not in docstrings: say who reports, shows, notifies or distinguishes what."""
ELSEWHERE = ("tests", "models/migrations")


def riddles(text: str) -> list[str]:
    plain = " ".join(text.split())
    return [name for name, pattern in RIDDLES.items() if pattern.search(plain)]


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.path.name)
def test_the_pages_have_no_riddles(page: Page) -> None:
    paragraphs = re.split(r"\n\s*\n|\n(?=[|\-*#]|\d+\. )", page.prose)
    found = [(one.strip()[:80], name) for one in paragraphs for name in riddles(one)]
    found += [(one.strip()[:80], "As …") for one in paragraphs if re.match(rf"[\s\-*]*{AS.pattern}", one)]
    assert found == []


def sources() -> list[Path]:
    files = sorted(PROJECT.glob("*.py"))
    for package in sorted(PROJECT.glob("*/__init__.py")):
        files += sorted(package.parent.rglob("*.py"))
    return [file for file in files if not str(file.relative_to(PROJECT)).startswith(ELSEWHERE)]


def texts(file: Path) -> Iterator[tuple[int, str, bool]]:
    """Line, text, and whether it is a docstring (of a module, class, function or attribute)."""
    module = ast.parse(file.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value, id(node) in docstrings


def test_the_texts_of_the_product_have_no_riddles() -> None:
    found = []
    for file in sources():
        for line, text, is_docstring in texts(file):
            names = riddles(text)
            if is_docstring:
                names += [name for name, pattern in BEGINNINGS.items() if pattern.match(text.lstrip())]
                names += ["told"] * bool(TOLD.search(text))
            found += [f"{file.relative_to(PROJECT)}:{line}: {name}" for name in names]
    assert found == []


def test_the_modules_that_the_pages_name_are_there() -> None:
    """With their folder, or by the name of the file alone."""
    names = {file.name for top in ("*.py", "*/**/*.py") for file in PROJECT.glob(top) if ".venv" not in file.parts}
    found = []
    for page in ALL:
        for path in re.findall(r"`((?:\w+/)*\w+\.py)`", page.prose):
            if not (PROJECT / path).exists() and path not in names:
                found.append(f"{page.path.name}: {path}")
    assert found == []
