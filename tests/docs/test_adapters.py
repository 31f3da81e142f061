"""An upstream is one folder: nothing outside `upstreams/<kind>/` imports it, or says its protocol's words."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from tests.docs.test_layers import NOT_THE_PRODUCT, modules, packages
from tests.infrastructure.processes import PROJECT
from upstreams.kinds import kinds

WORDS = re.compile(
    r"\w*(?:billmanager|billmgr|authinfo|clicked_button|lineitem|billorder|remoteid|autoprolong|pricelist|item_status"
    r"|service_status_\d)\w*|\b(?:elid|sok|ostempl|licname|p_cnt|p_num|p_col|p_elems)\b",
    re.IGNORECASE,
)
"""What BILLmanager calls things."""
WORDS_IN_TEXTS = re.compile(rf"{WORDS.pattern}|\bdialect\b", re.IGNORECASE)
"""As names, dialects are those of databases."""

PUBLIC: Mapping[str, tuple[str, str]] = {
    "catalogue/entries.py": ("pricelist", "a key of the catalogue file"),
    "catalogue/loading.py": ("pricelist", "a key of the catalogue file"),
    "cli/upstreams.py": ("remoteid pricelist", "fields of the orphans' document"),
    "cli/upstream.py": ("dialect lists_show_remoteid forms_show_remoteid", "what the command prints"),
    "models/parameters.py": ("pricelist autoprolong", "keys in the parameters of operations that are in databases"),
    "models/public_words.py": (
        "remoteid pricelist pricelist_id autoprolong upstream_pricelist elid billorder clicked_button",
        "names in events, histories, webhooks and the calls of an operation",
    ),
    "orders/accounts/views.py": (
        "lists_show_remoteid forms_show_remoteid dialect BILLmanager",
        "fields of an upstream's document",
    ),
    "orders/events/views.py": ("remoteid pricelist", "fields of the orphans' document"),
    "models/untrusted_text.py": ("bauthinfo", "a pattern that takes credentials out of logs"),
    "orders/webhooks/redaction.py": ("elid", "a pattern that takes numbers out of what an upstream says"),
    "orders/services/views.py": ("remoteid", "the description of a field"),
}
"""Where such a word stays: file -> the words, and what they are there."""

IN_AN_ADAPTER = re.compile(r"upstreams/\w+/")
"""Each adapter says what `pricelist` has to be, a key of the catalogue file."""


def said_in(file: Path) -> Iterator[tuple[int, str]]:
    """The upstream's words in names and texts of a module, by line. Comments and docstrings may name examples."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in documentation:
                yield from ((node.lineno, word) for word in WORDS_IN_TEXTS.findall(text))
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield from ((node.lineno, word) for word in words_of(name))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield from ((node.lineno, word) for word in words_of(name))
            case ast.arg(arg=name) | ast.keyword(arg=str(name)) | ast.alias(name=name):
                yield from ((node.lineno, word) for word in words_of(name))


@cache
def words_of(name: str) -> list[str]:
    return WORDS.findall(name)


def test_no_words_of_an_upstream_are_said_outside_its_folder() -> None:
    found: dict[str, set[str]] = {}
    lines: list[str] = []
    for package, file in packages():
        name = file.relative_to(PROJECT).as_posix()
        if package in NOT_THE_PRODUCT or name.startswith(("upstreams/billmanager/", "models/migrations/")):
            continue
        excepted = PUBLIC.get(name, ("", ""))[0].split()
        if IN_AN_ADAPTER.match(name):
            excepted.append("pricelist")
        for line, word in said_in(file):
            found.setdefault(name, set()).add(word)
            if word not in excepted:
                lines.append(f"{name}:{line}: {word}")
    assert lines == []
    unneeded = {
        name: words for name, (listed, _) in PUBLIC.items() if (words := set(listed.split()) - found.get(name, set()))
    }
    assert unneeded == {}, "these exceptions are not needed any more"


def test_an_adapter_is_imported_by_its_folder_alone() -> None:
    for kind in kinds():
        folder = f"upstreams.{kind}"
        inside = re.compile(rf"{re.escape(folder)}(\.|$)")
        importing = {
            module
            for module, others in modules().items()
            if not inside.match(module) and any(inside.match(other) for other in others)
        }
        assert importing == set(), f"they name an adapter instead of asking for its kind: {folder}"
