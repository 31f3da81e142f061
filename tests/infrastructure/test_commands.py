"""Every test is run by `make test` or by `make proof`, none by both, and CI runs both commands."""

import ast
import re
from collections.abc import Iterator

from tests.infrastructure.processes import PROJECT

TESTS = PROJECT / "tests"


def _selections() -> dict[str, str]:
    """Of each target of the Makefile that chooses tests by their marks, the choice."""
    text = (PROJECT / "Makefile").read_text(encoding="utf-8")
    return dict(re.findall(r'(?m)^([a-z-]+): .*\n\t.* -m pytest .* -m "([^"]+)"', text))


def test_the_two_commands_divide_all_tests_among_them() -> None:
    assert _selections() == {"test": "not proof", "proof": "proof"}


def test_ci_runs_both_whole() -> None:
    script = (PROJECT / ".ci/run").read_text(encoding="utf-8")
    assert "for tests in test proof; do" in script
    assert re.findall(r"(?m)^ *make (?!install|lint)(.*?)(?: 2>.*)?$", script) == ['"$tests"'], "nothing limits them"


def test_of_every_kind_of_long_story_one_is_in_make_test() -> None:
    """A file holds stories of one kind. So none consists of long ones alone."""
    files = {path: ast.parse(path.read_text(encoding="utf-8")) for path in TESTS.rglob("*.py")}
    assert len([path for path, tree in files.items() if any(map(_is_mark, ast.walk(tree)))]) > 5, "long ones are found"
    assert [str(path) for path, tree in files.items() if _marks_all(tree)] == []


def _marks_all(tree: ast.Module) -> bool:
    whole = [line for line in tree.body if isinstance(line, ast.Assign) and any(map(_is_mark, ast.walk(line.value)))]
    if any(isinstance(target, ast.Name) and target.id == "pytestmark" for line in whole for target in line.targets):
        return True
    tests = list(_tests(tree))
    return bool(tests) and all(any(map(_is_mark, test.decorator_list)) for test in tests)


def _tests(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for part in ast.walk(tree):
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part.name.startswith("test_"):
            yield part


def _is_mark(part: ast.AST) -> bool:
    """`pytest.mark.proof`"""
    return isinstance(part, ast.Attribute) and part.attr == "proof" and ast.unparse(part) == "pytest.mark.proof"
