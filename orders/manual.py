"""Work that only a person can do: the task, the manual module, and the way back."""

from datetime import timedelta

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.catalogue import PlanMapping, ProcessingModule, TariffPlan, UpstreamAccount
from models.columns import utc_now
from models.enums import ModuleKind, OperationKind, Stage, TaskMode, TaskState
from models.messages import ManualTask
from models.order import Operation, Service, Task
from models.parameters import FIELD_PREFIX, PERIOD_MONTHS, PLAN_ID
from orders.naming import workflow_id
from orders.stages import enter, locked_operation

MANUAL_MODULE = "manual"
DUE_AFTER = timedelta(hours=24)


async def open_task(session: AsyncSession, operation_number: int, reason: str) -> ManualTask:
    """Make the operation's task a manual one and give the service into the hands of the manual module.

    Safe to repeat: the task, its due time and the service's home module stay as they are.
    """
    operation = await locked_operation(session, operation_number)
    service = await session.get_one(Service, operation.service_id, populate_existing=True)
    module = await session.get_one(ProcessingModule, service.home_module_id or service.module_id)
    task = (await session.exec(select(Task).where(Task.operation_id == operation_number))).one()
    if task.mode is not TaskMode.MANUAL:
        task.mode = TaskMode.MANUAL
        task.state = TaskState.OPEN
        task.department = module.department
        task.due_at = utc_now() + DUE_AFTER
        task.instructions = await _instructions(session, operation, service, reason)
        session.add(task)
        session.add(
            AuditEntry(
                actor="resellflow",
                action="manual_task_opened",
                subject="operation",
                subject_number=operation_number,
                detail={"reason": reason, "department": module.department},
            )
        )
    if service.home_module_id is None and module.kind is ModuleKind.UPSTREAM:
        service.home_module_id = service.module_id
        service.module_id = await _manual_module(session, module)
        session.add(service)
    await enter(session, operation, Stage.AWAITING_MANUAL_TASK, reason)
    await session.flush()
    assert task.id is not None  # noqa: S101 - read from the database
    return ManualTask(
        task=task.id,
        department=task.department,
        due=task.due_at or utc_now() + DUE_AFTER,
        instructions=task.instructions,
    )


async def bring_home(session: AsyncSession, service: Service) -> None:
    """Put the service's own processing module back, by itself."""
    if service.home_module_id is None:
        return
    service.module_id = service.home_module_id
    service.home_module_id = None
    session.add(service)
    await session.flush()


async def note_overdue(session: AsyncSession, operation_number: int) -> bool:
    """Mark the task as past its due time. True if that is news."""
    task = (await session.exec(select(Task).where(Task.operation_id == operation_number))).one()
    if task.overdue or task.state is not TaskState.OPEN:
        return False
    task.overdue = True
    session.add(task)
    session.add(
        AuditEntry(
            actor="resellflow", action="manual_task_overdue", subject="operation", subject_number=operation_number
        )
    )
    return True


async def _manual_module(session: AsyncSession, home: ProcessingModule) -> int:
    found = await session.exec(
        select(ProcessingModule).where(
            ProcessingModule.kind == ModuleKind.MANUAL, ProcessingModule.product_type == home.product_type
        )
    )
    module = found.first()
    if module is None:
        module = ProcessingModule(
            name=f"{MANUAL_MODULE}-{home.product_type}",
            kind=ModuleKind.MANUAL,
            product_type=home.product_type,
            department=home.department,
        )
        session.add(module)
        await session.flush()
    assert module.id is not None  # noqa: S101 - just flushed
    return module.id


async def _instructions(session: AsyncSession, operation: Operation, service: Service, reason: str) -> str:
    """What a person has to do, step by step, and how to say that it is done."""
    account = await session.get(UpstreamAccount, service.account_id) if service.account_id else None
    item = f"item {service.upstream_number} at {account.url}" if account else "the service"
    number = operation.id or 0
    workflow = workflow_id(service.id or 0, operation.kind, number)
    lines = [
        f"Service {service.id} ({service.name}) is {item}.",
        f"Why by hand: {reason}.",
        *await _steps(session, operation, service),
        f"Say that it is done: resell tasks complete {await _task_number(session, number)} --note …",
        "or: temporal workflow signal --name manual_change_completed "
        f'--workflow-id {workflow} --input \'{{"note": "done"}}\'',
    ]
    return "\n".join(lines)


async def _task_number(session: AsyncSession, operation_number: int) -> int:
    return (await session.exec(select(Task.id).where(Task.operation_id == operation_number))).one() or 0


async def _steps(session: AsyncSession, operation: Operation, service: Service) -> list[str]:
    match operation.kind:
        case OperationKind.CHANGE_PLAN:
            old = await session.get_one(TariffPlan, service.plan_id)
            new = await session.get_one(TariffPlan, int(operation.parameters[PLAN_ID]))
            mapping = await _mapping_of(session, new, service)
            tariff = f" (tariff {mapping.pricelist} upstream)" if mapping else ""
            disk = f"{old.resources.get('disk_gb', '?')} GB to {new.resources.get('disk_gb', '?')} GB"
            return [
                f"1. Change its plan from {old.name} to {new.name}{tariff}.",
                f"2. Change its disk from {disk}.",
                "3. See that it runs.",
            ]
        case OperationKind.PROLONG:
            return [f"1. Prolong it by {operation.parameters.get(PERIOD_MONTHS, '?')} months."]
        case OperationKind.SUSPEND:
            return ["1. Suspend it."]
        case OperationKind.RESUME:
            return ["1. Resume it; if it was suspended for abuse, clear that with the upstream first."]
        case OperationKind.CLOSE:
            return ["1. Delete it; the upstream may want a phone call."]
        case OperationKind.SET_PARAMETERS:
            wanted = {n.removeprefix(FIELD_PREFIX): v for n, v in operation.parameters.items() if "field." in n}
            return [f"{step}. Set {name} to {value}." for step, (name, value) in enumerate(wanted.items(), 1)]
        case OperationKind.OPEN:
            return ["1. Set it up."]


async def _mapping_of(session: AsyncSession, plan: TariffPlan, service: Service) -> PlanMapping | None:
    found = await session.exec(
        select(PlanMapping).where(
            PlanMapping.plan_id == plan.id, PlanMapping.module_id == (service.home_module_id or service.module_id)
        )
    )
    return found.first()
