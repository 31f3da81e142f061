"""A change to a plan that can't have the service's add-ons, with `drop_addons`."""

import pytest
from sqlmodel import select

from models.enums import OperationKind
from models.incident import Incident
from tests.farside.installations import Pair, on_both_databases
from tests.infrastructure.eventually import assert_eventually


async def _incidents(pair: Pair) -> list[str]:
    async with pair.reseller.database.read() as session:
        return [str(one.message) for one in (await session.exec(select(Incident))).all()]


@pytest.mark.proof
async def test_an_addon_that_only_their_plan_can_have_is_switched_off_there(pair: Pair) -> None:
    """How their own upstream switches it off is their affair; the simulator has a least value."""
    await pair.change_plans_automatically(ram="addon_71")
    service = await pair.bought(addons={"ram": 4})
    order = await pair.reseller.resellflow.change_plan(service.id or 0, "BARE", key="c", drop_addons=True)
    await pair.completed(order)

    async def is_asked_for() -> dict[str, str] | None:
        latest = (await pair.operations_there())[-1]
        return dict(latest.parameters) if latest.kind is OperationKind.SET_PARAMETERS else None

    asked = await assert_eventually(is_asked_for, timeout=40, message="the distributor is asked to switch it off")
    assert asked is not None
    assert asked["addon.ram"] == "0"
    assert await _incidents(pair) == []


@pytest.mark.proof
@on_both_databases
async def test_an_addon_that_their_plan_can_not_have_is_dropped_there(pair: Pair) -> None:
    await pair.change_plans_automatically()
    service = await pair.bought(addons={"ram": 4})
    order = await pair.reseller.resellflow.change_plan(service.id or 0, "BARE", key="c", drop_addons=True)
    await pair.completed(order)

    async def is_dropped() -> bool:
        return (await pair.sold())[0].addons == (await pair.reseller.service(order.service)).addons == {}

    await assert_eventually(is_dropped, message="the add-on is gone on both sides")
    assert await _incidents(pair) == []
