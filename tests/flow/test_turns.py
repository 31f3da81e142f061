"""Operations of one service run one after the other; an urgent one goes first where nothing was sent."""

import pytest
from sqlmodel import col, select

from models.audit import AuditEntry
from models.enums import ServiceStatus, Stage, TaskState
from models.messages import Decision, DecisionKind
from models.order import Service, Task
from orders.lifecycle.acceptance import AcceptedOrder
from temporal.dispatch import Dispatcher
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually


async def _active(shop: Shop) -> Service:
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    return await shop.service(order.service)


async def _workflow_ended(shop: Shop, order: AcceptedOrder) -> None:
    async def closed() -> bool:
        return (await shop.handle(order).describe()).close_time is not None

    await assert_eventually(closed, message=f"the workflow of operation {order.operation} has ended")


async def _task(shop: Shop, order: AcceptedOrder) -> Task:
    async with shop.database.read() as session:
        return (await session.exec(select(Task).where(Task.operation_id == order.operation))).one()


@pytest.mark.proof
async def test_an_urgent_suspension_goes_before_a_plan_change_that_waits_for_a_person(shop: Shop) -> None:
    service = await _active(shop)
    number = service.id or 0
    change = await shop.resellflow.change_plan(number, "VDS-2", key="plan")
    await shop.until(change, Stage.AWAITING_MANUAL_TASK)
    behind = await shop.resellflow.prolong(number, 1, key="prolong")

    suspension = await shop.resellflow.suspend(number, key="abuse", urgent=True, reason="spam")
    await shop.until(suspension, Stage.COMPLETED)
    assert (await shop.service(number)).status is ServiceStatus.SUSPENDED

    # The one that stepped aside is next, by a workflow of its own; then the one behind it.
    await shop.until(change, Stage.AWAITING_MANUAL_TASK)
    assert "queued" in await shop.stages(change.operation)
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"pricelist": 59, "status": 2})
    await shop.until(change, Stage.COMPLETED)
    await shop.until(behind, Stage.COMPLETED)
    task = await _task(shop, change)
    assert task.state is TaskState.DONE
    assert (await shop.service(number)).home_module_id is None


@pytest.mark.proof
async def test_what_stepped_aside_ends_its_run_and_can_not_be_decided_upon(shop: Shop) -> None:
    service = await _active(shop)
    number = service.id or 0
    await shop.upstream.set_balance("0.00")
    waiting = await shop.resellflow.prolong(number, 1, key="prolong")
    await shop.until(waiting, Stage.WAITING_FOR_FUNDS)
    await shop.upstream.fault(function="vds.suspend", kind="http_503", when="before")
    suspension = await shop.resellflow.suspend(number, key="abuse", urgent=True)
    await shop.until(suspension, Stage.OUTCOME_UNKNOWN, Stage.RETRYING)
    await _workflow_ended(shop, waiting)
    assert (await shop.operation(waiting.operation)).stage is Stage.QUEUED

    await shop.upstream.admin("DELETE", "/faults")
    await shop.until(suspension, Stage.COMPLETED)
    await shop.until(waiting, Stage.WAITING_FOR_FUNDS)
    await shop.upstream.set_balance("50.00")
    await shop.until(waiting, Stage.COMPLETED)


@pytest.mark.proof
async def test_a_signal_to_step_aside_that_comes_when_the_turn_has_come_again_ends_nothing(shop: Shop) -> None:
    """The process that accepted the urgent one was frozen before it sent the signal."""
    service = await _active(shop)
    number = service.id or 0
    change = await shop.resellflow.change_plan(number, "VDS-2", key="plan")
    await shop.until(change, Stage.AWAITING_MANUAL_TASK)
    suspension = await shop.resellflow.suspend(number, key="abuse", urgent=True)
    await shop.until(suspension, Stage.COMPLETED)
    await shop.until(change, Stage.AWAITING_MANUAL_TASK)
    run = (await shop.handle(change).describe()).run_id

    settings = shop.settings
    late = Dispatcher(shop.database, shop.client, settings.task_queue, settings.order_policy())
    await late.accepted(suspension)
    await late.finish()
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"pricelist": 59, "status": 2})
    await shop.until(change, Stage.COMPLETED)
    assert (await shop.handle(change).describe()).run_id == run


@pytest.mark.proof
async def test_a_closed_service_ends_what_waits_for_it_with_the_reason(shop: Shop) -> None:
    service = await _active(shop)
    number = service.id or 0
    change = await shop.resellflow.change_plan(number, "VDS-2", key="plan")
    await shop.until(change, Stage.AWAITING_MANUAL_TASK)
    resumption = await shop.resellflow.resume(number, key="resume")

    closing = await shop.resellflow.close_service(number, key="close")
    await shop.until(closing, Stage.COMPLETED)

    for order in (change, resumption):
        ended = await shop.until(order, Stage.CANCELLED)
        assert f"service {number} is closed" in ended.reason
        assert (await _task(shop, order)).state is TaskState.CANCELLED
    async with shop.database.read() as session:
        found = await session.exec(
            select(AuditEntry).where(
                AuditEntry.subject == "operation", col(AuditEntry.subject_number) == resumption.operation
            )
        )
        assert any("closed" in entry.detail.get("reason", "") for entry in found.all())


@pytest.mark.proof
async def test_what_may_have_been_sent_does_not_step_aside(shop: Shop) -> None:
    service = await _active(shop)
    number = service.id or 0
    await shop.upstream.fault(function="service.prolong", sok=True, times=1, kind="stall", when="after", seconds=2)
    prolonging = await shop.resellflow.prolong(number, 1, key="prolong")
    await shop.until(prolonging, Stage.SUBMITTING)
    suspension = await shop.resellflow.suspend(number, key="abuse", urgent=True)
    assert (await shop.operation(suspension.operation)).stage is Stage.QUEUED
    await shop.until(suspension, Stage.COMPLETED)
    assert (await shop.operation(prolonging.operation)).stage is Stage.COMPLETED
    assert [charge["operation"] for charge in await shop.upstream.charges()] == ["open", "prolong"]


@pytest.mark.proof
async def test_a_cancelled_one_lets_the_next_go(shop: Shop) -> None:
    service = await _active(shop)
    number = service.id or 0
    await shop.upstream.set_balance("0.00")
    first = await shop.resellflow.prolong(number, 1, key="1")
    second = await shop.resellflow.suspend(number, key="2")
    await shop.until(first, Stage.WAITING_FOR_FUNDS)
    why = Decision(actor="anna", reason="the customer changed their mind")

    await shop.resellflow.decide(first.operation, DecisionKind.CANCEL, why)
    # At once, or a little later: within a second of the opening's reading of the balance it is sent, and refused for
    # want of money; then it is proven first that nothing was left at the upstream.
    await shop.until(first, Stage.CANCELLED)
    await shop.until(second, Stage.COMPLETED)
