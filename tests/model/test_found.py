"""What random stories have found: each once more, with a name."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from models.enums import Stage
from models.messages import TaskCompletion
from models.order import Operation
from orders.errors import Refused
from orders.lifecycle.intake import ServiceRequest
from tests.infrastructure.databases import copy_of
from tests.model.temporal import in_place_of_temporal
from tests.model.upstream import Fault
from tests.model.world import World

ORDER = ServiceRequest(plan="VDS-1", period_months=1, customer="c")


@pytest.fixture
async def world(migrated_sqlite_template: Path, tmp_path: Path) -> AsyncIterator[World]:
    world = World(copy_of(migrated_sqlite_template, tmp_path))
    await world.begin()
    world.upstream.held += 100
    with in_place_of_temporal(world.temporal):
        yield world
        await world.end()


async def test_an_opening_by_hand_is_not_done_before_its_item_is_known(world: World) -> None:
    """Whoever says that it is done gets an answer. The upstream was asked for an item without a number, for ever."""
    world.upstream.next_fault = Fault.NOT_ALLOWED
    order = await world.until(world.resellflow.place_order(ORDER, key="k"))
    [operation] = await world.all_of(Operation)
    assert operation.stage is Stage.AWAITING_MANUAL_TASK
    with pytest.raises(Refused, match="has no item at the upstream; link it first"):
        await world.until(world.resellflow.complete_task(order.operation, TaskCompletion(actor="ann")))
    assert not world.temporal.failures
