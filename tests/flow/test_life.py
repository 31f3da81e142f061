"""The life of a service after its opening: prolong, suspend, resume, close, parameters, plan changes."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlmodel import select

from activities.poller import schedule
from models.catalogue import ProcessingModule, TariffPlan
from models.enums import ServiceStatus, Stage
from models.messages import Decision, DecisionKind, TaskCompletion
from models.order import Service, Task
from orders.errors import Refused
from orders.lifecycle.acceptance import AcceptedOrder
from orders.operations.set_parameters import ServiceChange
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually
from upstreams.billmanager import BillmanagerUpstream
from upstreams.errors import CapabilityAbsent


async def _active(shop: Shop) -> Service:
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    return await shop.service(order.service)


async def _charged_for(shop: Shop, operation: str) -> int:
    return len([charge for charge in await shop.upstream.charges() if charge["operation"] == operation])


async def test_prolonging_moves_the_expiry_once_and_charges_once(shop: Shop) -> None:
    service = await _active(shop)
    order = await shop.resellflow.prolong(service.id or 0, 1, key="p1")
    await shop.until(order, Stage.COMPLETED)
    after = await shop.service(order.service)
    assert after.expires_on is not None
    assert service.expires_on is not None
    assert after.expires_on > service.expires_on
    assert await _charged_for(shop, "prolong") == 1
    history = await shop.handle(order).fetch_history()
    assert len(history.events) <= 30


@pytest.mark.proof
async def test_a_prolongation_does_not_wait_for_the_turn_of_a_long_list(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form shows the new expiry at once, and the list, which counts, would not be read again for hours."""
    service = await _active(shop)
    await shop.until_looked_at("vds")
    monkeypatch.setattr(schedule, "LIST_SHARE", 1e9)
    order = await shop.resellflow.prolong(service.id or 0, 1, key="p1")
    await shop.until(order, Stage.COMPLETED)


@pytest.mark.proof
async def test_suspend_resume_and_close(shop: Shop) -> None:
    service = await _active(shop)
    number = service.id or 0
    suspended = await shop.resellflow.suspend(number, key="s")
    await shop.until(suspended, Stage.COMPLETED)
    assert (await shop.service(number)).status is ServiceStatus.SUSPENDED
    resumed = await shop.resellflow.resume(number, key="r")
    await shop.until(resumed, Stage.COMPLETED)
    assert (await shop.service(number)).status is ServiceStatus.ACTIVE
    closed = await shop.resellflow.close_service(number, key="c")
    await shop.until(closed, Stage.COMPLETED)
    assert (await shop.service(number)).status is ServiceStatus.CLOSED
    with pytest.raises(Refused, match="closed"):
        await shop.resellflow.resume(number, key="r2")


@pytest.mark.proof
async def test_operations_on_a_service_wait_in_line(shop: Shop) -> None:
    order = await shop.order()
    number = order.service
    queued = [
        await shop.resellflow.prolong(number, 1, key="1"),
        await shop.resellflow.suspend(number, key="2"),
        await shop.resellflow.resume(number, key="3"),
    ]
    assert [(await shop.operation(one.operation)).stage for one in queued] == [Stage.QUEUED] * 3
    for one in queued:
        await shop.until(one, Stage.COMPLETED, timeout=30)
    ends = [(await shop.operation(one.operation)).ended_at for one in queued]
    assert ends == sorted(ends, key=lambda at: at.timestamp() if at else 0.0)


@pytest.mark.proof
async def test_what_a_kind_of_upstream_can_not_do_is_a_task_for_a_person(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def absent(*_: object, key: str) -> None:
        raise CapabilityAbsent("Upstream main: not sent, services can't be suspended by machine.", function="suspend")

    service = await _active(shop)
    monkeypatch.setattr(BillmanagerUpstream, "suspend", absent)
    order = await shop.resellflow.suspend(service.id or 0, key="s")
    await shop.until(order, Stage.AWAITING_MANUAL_TASK)
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"status": 3, "reason": "employeesuspend"})
    await shop.until(order, Stage.COMPLETED)


@pytest.mark.proof
async def test_what_the_account_may_not_do_becomes_a_manual_task(shop: Shop) -> None:
    service = await _active(shop)
    await shop.upstream.set(suspend_resume="access")
    order = await shop.resellflow.suspend(service.id or 0, key="s")
    await shop.until(order, Stage.AWAITING_MANUAL_TASK)
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"status": 3, "reason": "employeesuspend"})
    await shop.until(order, Stage.COMPLETED)  # the poller saw it; nobody had to say anything


@pytest.mark.proof
async def test_a_resumption_after_an_abuse_and_a_deletion_by_telephone_become_tasks(shop: Shop) -> None:
    abused, to_delete = await _active(shop), await _active(shop)
    item = f"/items/{abused.upstream_number}"
    await shop.upstream.admin("PATCH", item, {"status": 3, "reason": "abusesuspend"})
    await shop.upstream.set(delete="confirmation")
    resumption = await shop.resellflow.resume(abused.id or 0, key="r")
    closing = await shop.resellflow.close_service(to_delete.id or 0, key="c")
    for order, step in ((resumption, "clear that with the upstream first"), (closing, "a phone call")):
        await shop.until(order, Stage.AWAITING_MANUAL_TASK)
        assert step in (await _task(shop, order)).instructions
    await shop.upstream.admin("PATCH", item, {"status": 2})
    await shop.upstream.admin("PATCH", f"/items/{to_delete.upstream_number}", {"status": 4})
    await shop.until(resumption, Stage.COMPLETED)
    await shop.until(closing, Stage.COMPLETED)
    assert (await shop.service(to_delete.id or 0)).status is ServiceStatus.CLOSED


@pytest.mark.proof
async def test_parameters_and_addons_are_set(shop: Shop) -> None:
    service = await _active(shop)
    change = ServiceChange(addons={"ram": 4}, domain="other.example.com")
    order = await shop.resellflow.change_parameters(service.id or 0, change, key="x")
    await shop.until(order, Stage.COMPLETED)
    after = await shop.service(order.service)
    assert after.addons == {"ram": 4}
    assert after.name == "other.example.com"


async def _task(shop: Shop, order: AcceptedOrder) -> Task:
    async with shop.database.read() as session:
        return (await session.exec(select(Task).where(Task.operation_id == order.operation))).one()


async def _module(shop: Shop, number: int) -> str:
    async with shop.database.read() as session:
        service = await session.get_one(Service, number)
        return (await session.get_one(ProcessingModule, service.module_id)).name


async def _plan(shop: Shop, number: int) -> str:
    async with shop.database.read() as session:
        service = await session.get_one(Service, number)
        return (await session.get_one(TariffPlan, service.plan_id)).name


async def _changed_by_hand(shop: Shop, service: Service) -> None:
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"pricelist": 59})


@pytest.mark.proof
async def test_a_disk_change_is_a_manual_task_and_the_module_comes_back_by_itself(calm_shop: Shop) -> None:
    shop = calm_shop
    service = await _active(shop)
    number = service.id or 0
    order = await shop.resellflow.change_plan(number, "VDS-2", key="c")
    await shop.until(order, Stage.AWAITING_MANUAL_TASK)
    assert await _module(shop, number) == "manual-vds"
    task = await _task(shop, order)
    number_there = str(service.upstream_number)
    for words in ("Due 20", "VDS-1", "VDS-2", "disk (GB) from 30 to 60", "manual_change_completed", number_there):
        assert words in task.instructions
    await shop.until_left_to_people(order.operation)  # the poller must not be the one that sees it
    with pytest.raises(Refused, match="not done yet"):
        await shop.resellflow.complete_task(task.id or 0, TaskCompletion(actor="anna", note="done"))
    await _changed_by_hand(shop, service)
    await asyncio.gather(
        shop.resellflow.complete_task(task.id or 0, TaskCompletion(actor="anna", note="done")),
        shop.until(order, Stage.COMPLETED),
    )
    assert await _module(shop, number) == "main-vds"
    assert await _plan(shop, number) == "VDS-2"


@pytest.mark.proof
async def test_a_manual_change_is_completed_by_signal(shop: Shop) -> None:
    service = await _active(shop)
    order = await shop.resellflow.change_plan(service.id or 0, "VDS-2", key="c")
    await shop.until(order, Stage.AWAITING_MANUAL_TASK)
    await _changed_by_hand(shop, service)
    await shop.handle(order).signal("manual_change_completed", {"note": "done"})
    await shop.until(order, Stage.COMPLETED)
    assert await _plan(shop, service.id or 0) == "VDS-2"
    assert await _module(shop, service.id or 0) == "main-vds"


@pytest.mark.proof
async def test_a_rejected_task_leaves_everything_as_it_was(shop: Shop) -> None:
    service = await _active(shop)
    order = await shop.resellflow.change_plan(service.id or 0, "VDS-2", key="c")
    await shop.until(order, Stage.AWAITING_MANUAL_TASK)
    task = await _task(shop, order)
    await shop.resellflow.reject_task(task.id or 0, Decision(actor="anna", reason="no room on the node"))
    await shop.until(order, Stage.CANCELLED)
    after = await shop.service(service.id or 0)
    assert after.status is ServiceStatus.ACTIVE
    assert await _module(shop, service.id or 0) == "main-vds"
    assert await _plan(shop, service.id or 0) == "VDS-1"


@pytest.mark.proof
async def test_an_early_prolongation_waits_for_its_date_and_asks_no_more(shop: Shop) -> None:
    service = await _active(shop)
    assert service.expires_on is not None
    await shop.upstream.set(prolong_not_before_days=5)
    order = await shop.resellflow.prolong(service.id or 0, 1, key="early")
    waiting = await shop.until(order, Stage.RETRYING)
    assert (service.expires_on - timedelta(days=5)).isoformat() in waiting.reason

    async def timer() -> bool:
        events = [event async for event in shop.handle(order).fetch_history_events()]
        started = [e.timer_started_event_attributes for e in events if e.HasField("timer_started_event_attributes")]
        assert [timer.start_to_fire_timeout.ToTimedelta() > timedelta(days=20) for timer in started] == [True]
        return True

    await assert_eventually(timer, message="one timer, until the date")
    assert [charge["operation"] for charge in await shop.upstream.charges()] == ["open"]
    await shop.resellflow.decide(order.operation, DecisionKind.CANCEL, Decision(actor="anna", reason="not needed"))
    await shop.until(order, Stage.CANCELLED)


@pytest.mark.proof
async def test_a_plan_change_that_the_upstream_can_do_is_quoted_and_done_by_itself(shop: Shop) -> None:
    service = await _active(shop)
    await shop.upstream.set(disk_change="automatic")
    shop.resellflow.settings = shop.settings.model_copy(update={"manual_plan_changes": {}})
    order = await shop.resellflow.change_plan(service.id or 0, "VDS-2", key="plan")
    done = await shop.until(order, Stage.COMPLETED)
    [charge] = [one for one in await shop.upstream.charges() if one["operation"] == "changepricelist"]
    assert done.cost is not None, "it was quoted first"
    assert done.cost.amount == Decimal(charge["amount"])
    assert await _plan(shop, service.id or 0) == "VDS-2"
    assert "awaiting_manual_task" not in await shop.stages(order.operation)
