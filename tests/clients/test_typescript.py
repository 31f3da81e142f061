"""The example of the TypeScript types names only what the OpenAPI document has, and its tools are pinned.

`make types` makes the types and compiles the example with them; this needs no Node.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from client_generator.document import served
from tests.infrastructure.processes import PROJECT

HERE = PROJECT / "clients" / "typescript"
LOCK = HERE / "package-lock.json"
MUST_NOT_COMPILE = "// What must not compile"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return served()


def operations(document: dict[str, Any]) -> set[str]:
    return {one["operationId"] for path in document["paths"].values() for one in path.values()}


NAMED: dict[str, Callable[[dict[str, Any]], set[str]]] = {
    r'paths\["([^"]+)"\]': lambda document: set(document["paths"]),
    r'operations\["([^"]+)"\]': operations,
    r'Schemas\["([^"]+)"\]': lambda document: set(document["components"]["schemas"]),
    r'webhooks\["([^"]+)"\]': lambda document: set(document["webhooks"]),
}


@pytest.mark.parametrize("pattern", NAMED)
def test_the_example_names_only_what_the_document_has(document: dict[str, Any], pattern: str) -> None:
    right, _, wrong = (HERE / "example.ts").read_text(encoding="utf-8").partition(MUST_NOT_COMPILE)
    assert wrong.count("@ts-expect-error") == 3
    named = set(re.findall(pattern, right))
    assert named, "the example shows one of each"
    assert named <= NAMED[pattern](document)


def test_its_tools_are_pinned_with_their_hashes_and_the_lock_names_no_registry() -> None:
    wanted = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    packages = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]
    assert packages.pop("")["devDependencies"] == wanted
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
        assert not package.get("hasInstallScript"), name


def test_the_check_of_a_clean_clone_makes_the_types() -> None:
    assert "make types ||" in (PROJECT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.proof
@pytest.mark.skipif(
    not (HERE / "node_modules" / ".package-lock.json").is_file() or shutil.which("npm") is None,
    reason="the tools are not installed: make types-tools",
)
def test_a_document_that_lacks_what_the_example_uses_does_not_compile(document: dict[str, Any], tmp_path: Any) -> None:
    for name in ("package.json", "tsconfig.json", "example.ts"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules")

    def compiled(changed: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        (tmp_path / "openapi.json").write_text(json.dumps(changed), encoding="utf-8")
        command = "npm run --silent generate && npm run --silent check"
        return subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )

    assert compiled(document).returncode == 0
    changed = json.loads(json.dumps(document))
    shape = changed["components"]["schemas"]["OperationView"]
    shape["properties"]["waits_on"] = shape["properties"].pop("waits_for")
    shape["required"] = [name for name in shape["required"] if name != "waits_for"]
    failed = compiled(changed)
    assert failed.returncode != 0
    assert "Property 'waits_for' does not exist" in failed.stdout
