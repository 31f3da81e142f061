"""What an adapter leaves out is refused by its base."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.upstreams.bench import Bench
from tests.upstreams.contract import CALLS_OF_CAPABILITIES
from tests.upstreams.farside import spec
from upstreams.absent import Absent
from upstreams.errors import CapabilityAbsent
from upstreams.port import Upstream

NEEDED = {
    *("learned", "check", "order", "list_items", "walk_items", "newest_items", "read_item"),
    *("prolong", "suspend", "resume", "delete", "aclose"),
}
"""What every adapter has."""
BENCH = SimpleNamespace(product_type="vds", number_of_nobody="1", other_plan="2", dearer_parameters={}, spec=spec)


def _public(of: type[Any]) -> set[str]:
    return {name for name in vars(of) if not name.startswith("_")}


def test_what_the_port_has_is_needed_or_may_be_left_out() -> None:
    assert _public(Absent) == _public(Upstream) - NEEDED


@pytest.mark.parametrize("capability", CALLS_OF_CAPABILITIES)
async def test_each_call_names_the_capability_that_is_absent(capability: str) -> None:
    nothing = cast("Upstream", Absent("main"))
    for call in CALLS_OF_CAPABILITIES[capability]:
        with pytest.raises(CapabilityAbsent, match="Upstream main: not sent, ") as raised:
            await call(nothing, cast("Bench", BENCH))
        assert raised.value.function == capability
