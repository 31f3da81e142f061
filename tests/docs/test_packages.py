"""The packages of `orders/` whose docstring has a line for each file name every file, and no other."""

import ast
import re
from pathlib import Path

import pytest

_ORDERS = Path(__file__).parents[2] / "orders"
_MAPS = ("carts", "decisions", "lifecycle", "money", "services", "settlement")


@pytest.mark.parametrize("package", _MAPS)
def test_the_docstring_has_a_line_for_every_file_of_its_package(package: str) -> None:
    text = ast.get_docstring(ast.parse((_ORDERS / package / "__init__.py").read_text(encoding="utf-8"))) or ""
    there = {file.stem for file in (_ORDERS / package).glob("*.py")} - {"__init__"}
    assert set(re.findall(r"^- `(\w+)` ", text, re.MULTILINE)) == there
