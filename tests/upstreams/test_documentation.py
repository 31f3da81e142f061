"""The tables of docs/billmanager.md say what the code does."""

from pathlib import Path

from tests.upstreams.test_failures import ROWS
from tests.upstreams.test_transport import ANSWERS
from upstreams.billmanager.failures import TABLE

PAGE = (Path(__file__).parents[2] / "docs" / "billmanager.md").read_text(encoding="utf-8")


def table(name: str) -> list[list[str]]:
    """Cells of the rows between the comments `name` and `/name`, without the header."""
    between = PAGE.partition(f"<!-- {name}")[2].partition(f"<!-- /{name}")[0]
    lines = [line for line in between.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_kind_of_answer_is_documented_as_it_is_tested() -> None:
    documented = {name.strip(): (read, order) for names, read, order in table("answers") for name in names.split(";")}
    assert documented == {name: (read.__name__, order.__name__) for name, _, read, order in ANSWERS}


def test_every_error_type_is_documented_as_it_is_tested() -> None:
    tested = {(kind, thing): expected.__name__ for kind, thing, expected in ROWS}
    by_type = {kind: name for (kind, _), name in tested.items() if kind not in ("access", "missed", "value")}
    documented = {(kind, thing): name for kind, thing, name, _ in table("errors")}
    for row in TABLE:
        name = documented[row.type or "(none)", row.object]
        assert name == tested.get((row.type, row.object), by_type.get(row.type, name))
    assert len(documented) == len(TABLE) + 1
