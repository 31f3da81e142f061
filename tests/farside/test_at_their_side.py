"""What people at the distributor's do to a service that they have sold: done by hand, rejected, suspended, resumed."""

from contextlib import suppress

import pytest
from sqlmodel import select

from models.enums import ServiceStatus, Stage
from models.incident import Incident
from models.messages import Decision, TaskCompletion
from models.order import Operation, Task
from orders.decisions.allowed import person_may
from orders.decisions.facts import facts_of
from orders.errors import Refused
from orders.lifecycle.acceptance import AcceptedOrder
from tests.farside.installations import Pair
from tests.infrastructure.eventually import assert_eventually

DORA = Decision(actor="dora", reason="no room")
DONE = TaskCompletion(actor="dora", note="moved")


async def _waits_for_a_person_there(pair: Pair) -> tuple[AcceptedOrder, int]:
    """A change of plan, and the number of the task at the distributor's."""
    service = await pair.bought()
    order = await pair.reseller.resellflow.change_plan(service.id or 0, "L", key="c")
    there = await pair.stands_there(Stage.AWAITING_MANUAL_TASK)
    await pair.reseller.until(order, Stage.AWAITING_CONFIRMATION)
    async with pair.distributor.database.read() as session:
        task = (await session.exec(select(Task).where(Task.operation_id == there.id))).one()
    return order, task.id or 0


async def _seen_here(pair: Pair, number: int, status: ServiceStatus) -> None:
    async def is_so() -> bool:
        return (await pair.reseller.service(number)).status is status

    await assert_eventually(is_so, timeout=30, message=f"the reseller's service is {status.value}")


@pytest.mark.proof
async def test_a_rejection_there_is_heard_here_although_they_have_suspended_the_service_since(pair: Pair) -> None:
    order, task = await _waits_for_a_person_there(pair)
    await pair.line.down()
    there = pair.distributor.resellflow
    await there.reject_task(task, DORA)
    await pair.stands_there(Stage.CANCELLED)
    [sold] = await pair.sold()
    await pair.distributor.until(await there.suspend(sold.id or 0, key="unpaid"), Stage.COMPLETED)
    await pair.line.up()
    asked = await pair.reseller.until(order, Stage.NEEDS_ATTENTION, timeout=30)
    assert "their change_plan 2 is in stage cancelled" in asked.reason
    async with pair.reseller.database.read() as session:
        facts = await facts_of(session, await session.get_one(Operation, order.operation))
    assert "the upstream has cancelled it and does not go on with it" in person_may(facts)
    await _seen_here(pair, order.service, ServiceStatus.SUSPENDED)


@pytest.mark.proof
async def test_a_change_of_plan_that_a_person_there_completes_is_completed_here(pair: Pair) -> None:
    order, task = await _waits_for_a_person_there(pair)
    there, before = pair.distributor.resellflow, await pair.reseller.service(order.service)
    [sold] = await pair.sold()
    with pytest.raises(Refused, match="tariff: wanted 59, shows 58"):
        await there.complete_task(task, DONE)
    assert (await pair.reseller.operation(order.operation)).stage is Stage.AWAITING_CONFIRMATION
    await pair.panel.admin("PATCH", f"/items/{sold.upstream_number}", {"pricelist": 59})
    with suppress(Refused):  # the distributor's poller was first
        await there.complete_task(task, DONE)
    assert (await pair.completed(order)).plan_id != before.plan_id
    assert await pair.counts() == (1, 1, 1)


@pytest.mark.proof
async def test_what_the_distributor_suspends_and_resumes_is_so_here_and_resumed_from_here_too(pair: Pair) -> None:
    service = await pair.bought()
    number, there = service.id or 0, pair.distributor.resellflow
    [sold] = await pair.sold()
    for key, status in (("suspend", ServiceStatus.SUSPENDED), ("resume", ServiceStatus.ACTIVE)):
        ask = there.suspend if status is ServiceStatus.SUSPENDED else there.resume
        await pair.distributor.until(await ask(sold.id or 0, key=key), Stage.COMPLETED)
        await _seen_here(pair, number, status)
    await pair.distributor.until(await there.suspend(sold.id or 0, key="again"), Stage.COMPLETED)
    await _seen_here(pair, number, ServiceStatus.SUSPENDED)
    after = await pair.completed(await pair.reseller.resellflow.resume(number, key="r"))
    assert after.status is (await pair.sold())[0].status is ServiceStatus.ACTIVE
    async with pair.reseller.database.read() as session:
        assert not (await session.exec(select(Incident))).all()
