"""docs/architecture.md, "Adding an operation": nobody but its class knows a kind of operation."""

import re

import pytest

from models.enums import OperationKind
from models.parameters import Key, NewPlan, Parameters, Renewal, Values
from orders.operations.registry import OPERATIONS
from tests.docs.test_layers import module_of, packages

NAMED = {
    "console.texts": "the label of each kind on the pages, for translators to find",
    "models.goals": "signals in recorded histories do not say what they mean for their operation",
    "orders.settlement.other_terms": "what an item costs is the price of a period: of an opening or a prolongation",
    "orders.settlement.second_terms": "only of a prolongation does the item show how often it was done",
    "upstreams.resellflow.adapter": "another Resellflow is asked for a quote in its own words, which are these",
}
"""Modules that name kinds, besides the words themselves and the classes. Why they do."""
CLOSINGS = {
    "orders.events.identity": "an item that is deleted may be one that we had deleted",
    "orders.lifecycle.calling_off": "what is called off ends for the closing that waits",
}


def test_every_kind_has_its_class() -> None:
    for kind in OperationKind:
        one = OPERATIONS[kind]
        assert one.kind is kind
        assert one.product_types, "a class says for which product types it is possible"
        assert (one.route is None) is (kind is OperationKind.OPEN), "an order opens; the rest is asked of a service"
        if one.route is not None:
            assert one.request_model.kind is kind


def test_routes_and_commands_are_their_own() -> None:
    routes = [one.route for one in OPERATIONS.values() if one.route is not None]
    assert len({(route.method, route.path) for route in routes}) == len({route.name for route in routes}) == len(routes)
    assert len({kind.command for kind in OperationKind}) == len(OperationKind)


def test_nobody_else_asks_which_kind_it_is() -> None:
    found: dict[str, set[str]] = {}
    for package, file in packages():
        module = module_of(file)
        if package in {"tests", "benchmarks", "simulator", "stack"} or module.startswith("orders.operations."):
            continue
        for name in re.findall(r"OperationKind\.([A-Z_]+)", file.read_text(encoding="utf-8")):
            if name != "OPEN" and module not in NAMED:
                found.setdefault(module, set()).add(name)
    # Openings are apart: before them there is no item.
    assert found == {module: {"CLOSE"} for module in CLOSINGS}


@pytest.mark.parametrize(
    ("model", "row"),
    [
        (Renewal, {"period_months": "12", "expires_before": "", "expires_announced": "2031-05-01"}),
        (Values, {"addon.ram": "4", "field.addon_61": "4", "renewal_owner": "upstream", "follows": "7"}),
        (Values, {"field.autoprolong": "null", "field.domain": "v.example", "domain": "v.example"}),
        (NewPlan, {"plan_id": "2", "pricelist": "", "shown.disk": "60", "dropped_addons": "ram 2", "by_hand": "why"}),
        (Values, {"new_password": "yes", "stepped_aside": "needs_attention"}),
    ],
)
def test_a_row_is_read_and_written_as_it_always_was(model: type[Parameters], row: dict[str, str]) -> None:
    assert model.of(row).row() == row
    assert model.of({**row, "of another version": "x"}).row() == row


def test_a_prefix_is_no_part_of_the_name() -> None:
    assert Key("addon.").read({"addon.ram": "4", "ram": "5"}) == {"ram": "4"}
