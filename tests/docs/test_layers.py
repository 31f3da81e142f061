"""Who imports whom: the layers of docs/architecture.md ("Packages"), and no circle between modules."""

import ast
import re
from collections.abc import Collection, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from models.enums import OperationKind
from tests.docs.pages import ARCHITECTURE, table
from tests.docs.test_entries import first_column
from tests.infrastructure.processes import PROJECT

NOT_THE_PRODUCT = frozenset({"tests", "benchmarks", "simulator", "stack"})
READ_SIDE = re.compile(r"^orders\.(reading\b|views$|(\w+\.)?(\w+_)?views$)")
"""Modules that make documents of what is in the database."""


def packages() -> Iterator[tuple[str, Path]]:
    for file in PROJECT.glob("*.py"):
        yield file.stem, file
    for package in PROJECT.glob("*/__init__.py"):
        for file in package.parent.rglob("*.py"):
            yield package.parent.name, file


@cache
def modules() -> dict[str, set[str]]:
    """Module of the product -> the modules that it imports, wherever in its text, and the packages that these are in:
    importing `orders.events.batch` runs `orders.events`, too, unless that runs already."""
    files = {module_of(file): file for package, file in packages() if package not in NOT_THE_PRODUCT}
    found = {
        name: {part for one in imported(file, files.keys()) for part in with_packages(one)} - {*with_packages(name)}
        for name, file in files.items()
    }
    found["orders.operations.registry"] |= {f"orders.operations.{kind.value}" for kind in OperationKind}  # by name
    return found


def with_packages(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


def imported(file: Path, known: Collection[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module


def test_imports_go_along_the_arrows() -> None:
    [diagram] = [block for block in ARCHITECTURE.blocks("mermaid") if block.startswith("flowchart")]
    arrows = set(re.findall(r"(\w+) -(?:->|\. .*? \.->) (\w+)", diagram))
    drawn = {name for arrow in arrows for name in arrow}
    reachable = {name: {name} for name in drawn}
    for _ in drawn:
        for start, end in arrows:
            reachable[start] |= reachable[end]
    imports = {
        (package, other)
        for module, others in modules().items()
        if (package := module.partition(".")[0]) in drawn
        for other in {one.partition(".")[0] for one in others} & drawn
        if package != other
    }
    assert {(one, other) for one, other in imports if other not in reachable[one]} == set()
    assert arrows <= imports, f"drawn, but not so: {arrows - imports}"
    upwards = {(one, other) for one in drawn for other in reachable[one] if one != other and one in reachable[other]}
    assert upwards == set()


def test_what_writes_imports_nothing_that_reads() -> None:
    found = {
        (module, other)
        for module, others in modules().items()
        if module.partition(".")[0] in {"orders", "activities", "temporal", "starter", "catalogue", "upstreams"}
        if not READ_SIDE.match(module)
        for other in others
        if READ_SIDE.match(other)
    }
    assert found == set()


def test_what_holds_the_orders_knows_no_temporal() -> None:
    """`temporal/` and the packages of activities and workflows talk to it."""
    layers = {"models", "upstreams", "orders", "catalogue"}
    found = {
        (module_of(file), name)
        for package, file in packages()
        if package in layers
        for name in imported(file, ())
        if name.partition(".")[0] == "temporalio"
    }
    assert found == set()


def test_rows_that_go_together_are_made_in_one_place() -> None:
    """An operation's rows by its acceptance, an entry of the audit by the one function that is there for it."""
    made = {
        (node.func.id, module_of(file))
        for package, file in packages()
        if package not in NOT_THE_PRODUCT
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id in {"Service", "Task", "IntakeKey", "AuditEntry"}
    }
    acceptance = "orders.lifecycle.acceptance"
    rows = {(name, acceptance) for name in ("Service", "Task", "IntakeKey")}
    assert made == rows | {("AuditEntry", "orders.audit")}


def test_no_two_modules_import_each_other() -> None:
    """Not by way of others, and not inside a function either."""
    try:
        TopologicalSorter(modules()).prepare()
    except CycleError as circle:
        raise AssertionError(" <- ".join(circle.args[1])) from None


def test_the_ends_of_the_house_do_not_know_each_other() -> None:
    ends = {"activities", "storefront", "cli"}
    found = {
        (module, other)
        for module, others in modules().items()
        for other in others
        if {module.partition(".")[0], other.partition(".")[0]} <= ends
        if "activities" in (module.partition(".")[0], other.partition(".")[0])
        if module.partition(".")[0] != other.partition(".")[0]
    }
    assert found == set()


def test_every_package_is_described() -> None:
    told = first_column("Packages") | set(re.findall(r"`(\w+)\.py`", ARCHITECTURE.section("Packages")))
    told |= {name for row in table(ARCHITECTURE.section("Packages")) for name in re.findall(r"`(\w+)/`", row[0])}
    there = {file.parent.name for file in PROJECT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert there <= told
