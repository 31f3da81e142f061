"""What only people can do: the manual step of a plan change, the manual module, and how they say that it is done."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from dateutil.relativedelta import relativedelta
from sqlmodel import select

from models.audit import AuditEntry
from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, TariffPlan, TariffPlanPrice
from models.enums import ModuleKind, ServiceStatus, Stage, TaskMode, TaskState
from models.messages import TaskCompletion
from models.order import Service, Task
from orders.errors import Refused
from orders.lifecycle.acceptance import AcceptedOrder
from orders.operations.set_parameters import ServiceChange
from stack.embedded import temporal_program
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually


async def _active(shop: Shop) -> Service:
    order = await shop.order()
    await shop.until(order, Stage.COMPLETED)
    return await shop.service(order.service)


async def _task(shop: Shop, order: AcceptedOrder) -> Task:
    async with shop.database.read() as session:
        return (await session.exec(select(Task).where(Task.operation_id == order.operation))).one()


async def _module(shop: Shop, number: int) -> str:
    async with shop.database.read() as session:
        service = await session.get_one(Service, number)
        return (await session.get_one(ProcessingModule, service.module_id)).name


@pytest.mark.proof
async def test_the_command_in_the_instructions_completes_the_change(calm_shop: Shop) -> None:
    shop = calm_shop
    service = await _active(shop)
    order = await shop.resellflow.change_plan(service.id or 0, "VDS-2", key="plan")
    await shop.until_left_to_people(order.operation)
    command = next(
        line.partition("temporal ")[2]
        for line in (await _task(shop, order)).instructions.splitlines()
        if "temporal workflow signal" in line
    )
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"pricelist": 59})

    address = f"--address {shop.temporal.address} --namespace {shop.client.namespace}"
    told = await asyncio.create_subprocess_shell(
        f"{temporal_program()} {command} {address}", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await told.communicate()
    assert told.returncode == 0, output.decode()
    await shop.until(order, Stage.COMPLETED)
    assert await _module(shop, service.id or 0) == "main-vds"
    assert (await _task(shop, order)).note == "done"


@pytest.mark.proof
@pytest.mark.parametrize("said", [(), ("done by Anna",)], ids=["nothing", "text"])
async def test_the_signal_needs_no_particular_input(shop: Shop, said: tuple[object, ...]) -> None:
    service = await _active(shop)
    order = await shop.resellflow.change_plan(service.id or 0, "VDS-2", key="plan")
    await shop.until(order, Stage.AWAITING_MANUAL_TASK)
    await shop.upstream.fault(function="vds", kind="http_503", when="before")
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"pricelist": 59})
    await shop.handle(order).signal("manual_change_completed", args=said)
    await shop.until(order, Stage.COMPLETED)
    assert (await _task(shop, order)).note == ("done by Anna" if said else "")


@pytest.mark.proof
async def test_a_change_is_done_when_plan_and_disk_are_right(shop: Shop) -> None:
    async with shop.database.write() as session:
        for mapping in (await session.exec(select(PlanMapping))).all():
            mapping.resource_fields = {"disk_gb": "resource_disk"}
            session.add(mapping)
    service = await _active(shop)
    order = await shop.resellflow.change_plan(service.id or 0, "VDS-2", key="plan")
    await shop.until(order, Stage.AWAITING_MANUAL_TASK)
    item = f"/items/{service.upstream_number}"
    await shop.upstream.admin("PATCH", item, {"pricelist": 59, "resources": {"disk": "30"}})
    task = (await _task(shop, order)).id or 0

    with pytest.raises(Refused, match=r"resource_disk: wanted 60, shows 30"):
        await shop.resellflow.complete_task(task, TaskCompletion(actor="anna", note="done"))
    assert (await shop.operation(order.operation)).stage is Stage.AWAITING_MANUAL_TASK

    await shop.upstream.admin("PATCH", item, {"resources": {}})
    await shop.until(order, Stage.COMPLETED)  # seen by the poller: nobody had to say anything
    assert "seen" in (await _task(shop, order)).note


@pytest.mark.proof
async def test_who_completed_a_task_is_written_down(calm_shop: Shop) -> None:
    shop = calm_shop
    service = await _active(shop)
    order = await shop.resellflow.change_plan(service.id or 0, "VDS-2", key="plan")
    await shop.until_left_to_people(order.operation)
    await shop.upstream.admin("PATCH", f"/items/{service.upstream_number}", {"pricelist": 59})
    task = await _task(shop, order)
    await shop.resellflow.complete_task(task.id or 0, TaskCompletion(actor="anna", note="moved to node 7"))
    async with shop.database.read() as session:
        entries = (await session.exec(select(AuditEntry).where(AuditEntry.subject == "task"))).all()
    [entry] = [entry for entry in entries if entry.action == "completed"]
    assert (entry.actor, entry.subject_number, entry.detail["note"]) == ("anna", task.id, "moved to node 7")
    after = await _task(shop, order)
    assert after.state is TaskState.DONE
    assert after.note == "moved to node 7"


@pytest.mark.proof
async def test_a_task_past_its_due_time_raises_an_alert(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orders.tasks.manual.DUE_AFTER", timedelta(seconds=1))
    service = await _active(shop)
    order = await shop.resellflow.change_plan(service.id or 0, "VDS-2", key="plan")
    await shop.until(order, Stage.AWAITING_MANUAL_TASK)

    async def overdue() -> bool:
        return (await _task(shop, order)).overdue

    await assert_eventually(overdue, message="the task is marked overdue")


async def _sold_by_hand(shop: Shop) -> None:
    async with shop.database.write() as session:
        module = ProcessingModule(name="our-rack", kind=ModuleKind.MANUAL, product_type="vds", department="hardware")
        plan = TariffPlan(name="RACK-1", product_type="vds", resources={"disk_gb": 500})
        session.add_all([module, plan])
        await session.flush()
        mapping = PlanMapping(plan_id=plan.id or 0, module_id=module.id or 0, tariff="", addons={"ram": "ram"})
        session.add(mapping)
        await session.flush()
        session.add(TariffPlanPrice(plan_id=plan.id or 0, period_months=1, amount=Decimal(50), currency="EUR"))
        session.add(
            MappedPeriod(
                mapping_id=mapping.id or 0,
                period_months=1,
                upstream_period=1,
                cost_amount=Decimal(0),
                cost_currency="EUR",
            )
        )


@pytest.mark.proof
async def test_with_the_manual_module_every_operation_is_a_task(shop: Shop) -> None:
    await _sold_by_hand(shop)

    async def by_hand(order: AcceptedOrder, completion: TaskCompletion | None = None) -> Service:
        await shop.until(order, Stage.AWAITING_MANUAL_TASK)
        task = await _task(shop, order)
        assert (task.mode, task.department) == (TaskMode.MANUAL, "hardware")
        await shop.resellflow.complete_task(task.id or 0, completion or TaskCompletion(actor="anna", note="done"))
        await shop.until(order, Stage.COMPLETED)
        return await shop.service(order.service)

    today = datetime.now(UTC).date()
    service = await by_hand(await shop.order("RACK-1"))
    number = service.id or 0
    assert service.status is ServiceStatus.ACTIVE
    assert service.expires_on == today + relativedelta(months=1)
    service = await by_hand(await shop.resellflow.prolong(number, 1, key="prolong"))
    assert service.expires_on == today + relativedelta(months=2)
    told = TaskCompletion(actor="anna", note="until the end of the year", expires_on=date(2030, 12, 31))
    service = await by_hand(await shop.resellflow.prolong(number, 1, key="prolong again"), told)
    assert service.expires_on == date(2030, 12, 31)
    service = await by_hand(await shop.resellflow.suspend(number, key="suspend"))
    assert service.status is ServiceStatus.SUSPENDED
    service = await by_hand(await shop.resellflow.resume(number, key="resume"))
    assert service.status is ServiceStatus.ACTIVE
    service = await by_hand(
        await shop.resellflow.change_parameters(number, ServiceChange(addons={"ram": 8}), key="addons")
    )
    assert service.addons == {"ram": 8}
    service = await by_hand(await shop.resellflow.close_service(number, key="close"))
    assert service.status is ServiceStatus.CLOSED
    assert await shop.upstream.items() == []
    assert await _module(shop, number) == "our-rack"
