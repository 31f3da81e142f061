"""The tables of docs/billmanager.md say what the code does."""

from pathlib import Path

from models.enums import OperationKind
from models.product_types import PRODUCT_TYPES
from orders.operations.registry import operation_type
from tests.upstreams.test_failures import OF_AN_OPERATION, ROWS
from tests.upstreams.test_operations import CHANGES, READS
from tests.upstreams.test_transport import ANSWERS
from upstreams.billmanager.failures import TABLE
from upstreams.billmanager.products import TABLE as PRODUCTS
from upstreams.billmanager.products import is_versioned, order_function, period_field
from upstreams.billmanager.settings import Dialect

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


def test_every_error_of_operations_is_documented_as_it_is_tested() -> None:
    documented = {(kind, thing): name for kind, thing, name, _ in table("operations")}
    assert documented == {key: expected.__name__ for key, expected in OF_AN_OPERATION.items()}


def test_every_operation_is_documented_with_its_function() -> None:
    functions = {function for _, function, _ in [*CHANGES.values(), *READS.values()]}
    general = {f"{{type}}.{name.partition('.')[2]}" if name[:8] != "service." else name for name in functions}
    assert [name for name in sorted(general) if f"`{name}`" not in PAGE] == []


def test_every_product_type_is_documented_as_it_is_sold() -> None:
    documented = {kind: [cell.replace("`", "") for cell in cells] for kind, *cells in table("types")}
    assert documented == {
        name: [
            kind.name.value,
            ", ".join(
                f"{f'**{ours}**' if ours in kind.required else ours} → {PRODUCTS[kind.intname].order_field(ours)}"
                for ours in kind.parameters
            ),
            ", ".join(one.value for one in OperationKind if name not in operation_type(one).product_types),
        ]
        for name, kind in PRODUCT_TYPES.items()
    }


def test_every_product_type_is_documented_as_it_is_ordered() -> None:
    documented = {kind: [cell.replace("`", "") for cell in cells] for kind, *cells in table("products")}
    assert documented == {
        name: [
            kind.name_fields[0],
            order_function(name, versioned=is_versioned(name, Dialect.SIX)),
            period_field(versioned=is_versioned(name, Dialect.SIX)),
            kind.order_button,
            ", ".join(f"{field}={value}" for field, value in kind.order_extras),
        ]
        for name, kind in PRODUCTS.items()
    }
