"""The sentences that the product computes, read from the modules that write them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = (
    "models/explanations.py",
    "orders/accounts/pausing.py",
    "orders/decisions/allowed.py",
    "orders/decisions/batches.py",
    "orders/decisions/corrections.py",
    "orders/decisions/deciding.py",
    "orders/lifecycle/slowness.py",
    "orders/money/forecast/projection.py",
    "orders/plans/offers.py",
    "orders/tasks/manual.py",
    "orders/tasks/work.py",
    "orders/lifecycle/views.py",
    "orders/lifecycle/calling_off.py",
    "orders/quotes/views.py",
    "orders/quotes/making.py",
    "orders/settlement/second_items.py",
    "orders/settlement/second_terms.py",
    "orders/settlement/other_terms.py",
    "orders/settlement/late.py",
    "orders/settlement/charges.py",
    "orders/carts/removing.py",
    "orders/incidents/conditions.py",
    "orders/drift/comparing.py",
    "orders/drift/deciding.py",
    "orders/money/refunds/matching.py",
    "console/forms.py",
    "storefront/problems.py",
    "orders/errors.py",
)
"""Whose sentences a page of the console shows."""
OF_FUNCTIONS = (
    "orders/operations/base.py",
    "orders/operations/open.py",
    "orders/operations/prolong.py",
    "orders/operations/change_plan.py",
    "orders/operations/set_parameters.py",
    "orders/operations/suspend.py",
    "orders/operations/resume.py",
    "orders/operations/close.py",
)
"""Whose functions write such sentences. What stands outside of a function there describes the API."""
SENTENCE = re.compile(r"[A-Za-z]{3,}.* |.* .*[A-Za-z]{3,}", re.DOTALL)
OTHER_USES = frozenset({"Field", "Query", "debug", "info", "warning", "error", "exception", "compile", "join"})
"""Functions whose words no page shows."""


def sentences() -> Iterator[str]:
    """Each once, in the order of the modules: English, with `{name}` for a value."""
    seen: set[str] = set()
    for node in _nodes():
        for text in _of(node):
            if text not in seen:
                seen.add(text)
                yield text


def _nodes() -> Iterator[ast.AST]:
    for source in SOURCES:
        yield _read(source)
    for source in OF_FUNCTIONS:
        yield from (one for one in ast.walk(_read(source)) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def _read(source: str) -> ast.Module:
    return ast.parse((ROOT / source).read_text(encoding="utf-8"))


def _of(node: ast.AST, explaining: bool = False) -> Iterator[str]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in OTHER_USES:
            return
        explaining = called == "Explanation"
    text = _written(node)
    if text and (explaining or SENTENCE.search(re.sub(r"\{\w+\}", "", text))):
        yield text
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.JoinedStr) and isinstance(child, ast.FormattedValue):
            yield from _of(child.value)
        elif not isinstance(node, ast.JoinedStr):
            yield from _of(child, explaining)


def _written(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value if "{" not in node.value else ""
    if not isinstance(node, ast.JoinedStr):
        return ""
    names: list[str] = []
    parts = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            name = _name(part.value)
            names.append(name)
            parts.append("{" + name + (str(names.count(name)) if names.count(name) > 1 else "") + "}")
        elif isinstance(part, ast.Constant):
            parts.append(str(part.value))
    return "".join(parts)


def _name(node: ast.expr) -> str:
    """Of a value: the last word of what computes it."""
    while True:
        match node:
            case ast.Await() | ast.Subscript():
                node = node.value
            case ast.Call():
                node = node.func
            case ast.Attribute(attr="value"):
                node = node.value
            case ast.Attribute():
                return node.attr.strip("_").lower()
            case ast.Name():
                return node.id.strip("_").lower()
            case _:
                return "text"
