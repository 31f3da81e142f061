"""Work that only a person can do: the task, the manual module, and the way back."""

from datetime import datetime, timedelta

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import PlanMapping, ProcessingModule, TariffPlan, UpstreamAccount
from models.columns import utc_now
from models.enums import ModuleKind, OperationKind, ServiceStatus, Source, Stage, TaskMode, TaskState
from models.messages import ManualTask, TaskCompletion
from models.order import Operation, Service, Task
from models.parameters import ADDON_PREFIX, EXPIRES_BEFORE, FIELD_PREFIX, FOLLOWS, PERIOD_MONTHS, PLAN_ID
from models.periods import period_in_words
from orders import audit
from orders.access.private import note_names, whole
from orders.lifecycle.stages import enter, locked_operation
from orders.services import expiry
from orders.services.addons import wished
from orders.services.history import Origin, changing, origin_of
from orders.services.naming import workflow_id
from orders.services.state import anchor_of
from orders.webhooks.outbox import task_overdue

MANUAL_MODULE = "manual"
DUE_AFTER = timedelta(hours=24)


async def open_task(session: AsyncSession, operation_number: int, reason: str) -> ManualTask:
    """Make the operation's task a manual one and give the service into the hands of the manual module.

    Safe to repeat: the task, its due time and the service's home module stay as they are.
    """
    operation = await locked_operation(session, operation_number)
    if not operation.stage.is_running:
        return ManualTask(task=0, department="", due=utc_now(), instructions="", stage=operation.stage)
    service = await session.get_one(Service, operation.service_id, populate_existing=True)
    note_names(service, operation)
    reason = await whole(session, operation_number, reason)
    module = await session.get_one(ProcessingModule, service.home_module_id or service.module_id)
    task = (await session.exec(select(Task).where(Task.operation_id == operation_number))).one()
    if task.mode is not TaskMode.MANUAL:
        task.mode = TaskMode.MANUAL
        task.state = TaskState.OPEN
        task.department = module.department
        task.due_at = utc_now() + DUE_AFTER
        task.instructions = await _instructions(session, operation, service, reason, task.due_at)
        session.add(task)
        audit.record(
            session,
            "operation",
            operation_number,
            "manual_task_opened",
            facts={"reason": reason, "department": module.department},
        )
    if operation.kind is OperationKind.PROLONG and service.expires_on is not None:
        before = service.expires_on.isoformat()  # so that the poller sees it done, where there is an item
        operation.parameters = {EXPIRES_BEFORE: before, **operation.parameters}
    if service.home_module_id is None and module.kind is ModuleKind.UPSTREAM:
        service.home_module_id = service.module_id
        async with changing(session, service, origin_of(operation)):
            service.module_id = await _manual_module(session, module)
        session.add(service)
    await enter(session, operation, Stage.AWAITING_MANUAL_TASK, reason)
    await session.flush()
    return ManualTask(
        task=task.id,
        department=task.department,
        due=task.due_at or utc_now() + DUE_AFTER,
        instructions=task.instructions,
    )


async def bring_home(session: AsyncSession, service: Service, origin: Origin) -> None:
    """Put the service's own processing module back."""
    if service.home_module_id is None:
        return
    async with changing(session, service, origin):
        service.module_id = service.home_module_id
    service.home_module_id = None
    session.add(service)
    await session.flush()


async def is_by_hand(session: AsyncSession, service: Service) -> bool:
    """No upstream carries out its operations: its own processing module (not one lent for a task) is manual."""
    module = await session.get_one(ProcessingModule, service.home_module_id or service.module_id)
    return module.kind is ModuleKind.MANUAL


async def apply_by_hand(session: AsyncSession, service: Service, operation: Operation, by: TaskCompletion) -> None:
    """What an upstream would show, on a person's word."""
    async with changing(session, service, Origin(by.actor, operation.kind.value, operation.id, by.note, Source.PERSON)):
        _apply(session, service, operation, by)
    session.add(service)
    await session.flush()


def _apply(session: AsyncSession, service: Service, operation: Operation, by: TaskCompletion) -> None:
    status = {
        OperationKind.OPEN: ServiceStatus.ACTIVE,
        OperationKind.SUSPEND: ServiceStatus.SUSPENDED,
        OperationKind.RESUME: ServiceStatus.ACTIVE,
        OperationKind.CLOSE: ServiceStatus.CLOSED,
    }.get(operation.kind)
    if status is not None and status is not service.status:
        service.status, service.status_since = status, utc_now()
    if by.expires_on is not None and not (why := expiry.why_implausible(by.expires_on)):
        service.anchor_day = expiry.anchor_after(anchor_of(service), by.expires_on)
        service.expires_on = by.expires_on
    elif by.expires_on is not None:
        _report_held_back(session, service, by, why)
    elif operation.kind is OperationKind.OPEN or (
        operation.kind is OperationKind.PROLONG and not _seen_prolonged(service, operation)
    ):
        _add_months(service, operation)


def _add_months(service: Service, operation: Operation) -> None:
    """From the day on which the service ends, or today; on the day of the month on which its terms always end."""
    months = int(operation.parameters[PERIOD_MONTHS])
    if months <= 0:
        return  # for ever, or a time of which only a person can say how long it is
    start = service.expires_on if operation.kind is OperationKind.PROLONG and service.expires_on else utc_now().date()
    service.anchor_day = expiry.anchor_after(anchor_of(service), start)
    service.expires_on = expiry.months_later(start, months, service.anchor_day)


def _report_held_back(session: AsyncSession, service: Service, by: TaskCompletion, why: str) -> None:
    """The work is done; only the date is not believed. It stays as it was until somebody gives another one."""
    audit.record(
        session,
        str(Service.__tablename__),
        service.id,
        "expiry_held_back",
        by=by.actor,
        facts={"expires_on": str(by.expires_on), "reason": f"the date {why}"},
    )


def _seen_prolonged(service: Service, operation: Operation) -> bool:
    """It has an item at an upstream after all, which showed the new date before the person said that it is done."""
    before = operation.parameters.get(EXPIRES_BEFORE)
    return bool(before) and service.expires_on is not None and service.expires_on.isoformat() > str(before)


def note_who_did_it(session: AsyncSession, task: Task, by: TaskCompletion | None) -> None:
    """Write down who did a manual task; nobody: it was seen to be done."""
    if task.mode is not TaskMode.MANUAL or task.state is not TaskState.OPEN:
        return
    task.note = by.note if by else "seen to be done at the upstream"
    session.add(task)
    audit.record(
        session, "task", task.id, "completed", by=by.actor if by else audit.OURSELVES, facts={"note": task.note}
    )


async def note_overdue(session: AsyncSession, operation_number: int) -> bool:
    """Mark the task as past its due time. True if that is news."""
    task = (await session.exec(select(Task).where(Task.operation_id == operation_number))).one()
    if task.overdue or task.state is not TaskState.OPEN:
        return False
    task.overdue = True
    session.add(task)
    task_overdue(session, task)
    audit.record(session, "operation", operation_number, "manual_task_overdue")
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
    return module.id


async def _instructions(
    session: AsyncSession, operation: Operation, service: Service, reason: str, due: datetime
) -> str:
    """What a person has to do, step by step, and how to say that it is done."""
    account = await session.get(UpstreamAccount, service.account_id) if service.account_id else None
    item = f"is item {service.upstream_number} at {account.url}" if account else "has no upstream"
    number = operation.id
    workflow = workflow_id(service.id, operation.kind, number)
    lines = [
        f"Service {service.id} ({service.name}) {item}.",
        f"Why by hand: {' '.join(reason.split())}.",  # the upstream's words may not look like lines of ours
        f"Due {due:%Y-%m-%d %H:%M} UTC.",
        *(f"{count}. {step}" for count, step in enumerate(await _steps(session, operation, service), 1)),
        f"Say that it is done: resell tasks complete {await _task_number(session, number)} --note …",
        "or: temporal workflow signal --name manual_change_completed "
        f'--workflow-id {workflow} --input \'{{"note": "done"}}\'',
    ]
    return "\n".join(lines)


async def _task_number(session: AsyncSession, operation_number: int) -> int:
    return (await session.exec(select(Task.id).where(Task.operation_id == operation_number))).one() or 0


async def _steps(session: AsyncSession, operation: Operation, service: Service) -> list[str]:
    match operation.kind:
        case OperationKind.OPEN:
            plan = await session.get_one(TariffPlan, service.plan_id)
            details = [f"{name} {value}" for name, value in {**service.parameters, **service.addons}.items()]
            with_ = f", with {', '.join(details)}" if details else ""
            period = period_in_words(operation.parameters[PERIOD_MONTHS])
            return [f"Set up {plan.name} for {period}{with_}.", "See that it runs."]
        case OperationKind.CHANGE_PLAN:
            return await _steps_of_plan_change(session, operation, service)
        case OperationKind.PROLONG:
            period = period_in_words(operation.parameters[PERIOD_MONTHS])
            return [f"Prolong it by {period}; it expires {service.expires_on}."]
        case OperationKind.SUSPEND:
            return ["Suspend it."]
        case OperationKind.RESUME:
            return ["Resume it; if it was suspended for abuse, clear that with the upstream first."]
        case OperationKind.CLOSE:
            return ["Delete it; the upstream may want a phone call."]
        case OperationKind.SET_PARAMETERS:
            return [f"Set {name} to {value}." for name, value in _values_to_set(operation.parameters).items()]


def _values_to_set(parameters: dict[str, str]) -> dict[str, str]:
    fields = {n.removeprefix(FIELD_PREFIX): v for n, v in parameters.items() if n.startswith(FIELD_PREFIX)}
    return fields or {n.removeprefix(ADDON_PREFIX): v for n, v in parameters.items() if n != FOLLOWS}


async def _steps_of_plan_change(session: AsyncSession, operation: Operation, service: Service) -> list[str]:
    old = await session.get_one(TariffPlan, service.plan_id)
    new = await session.get_one(TariffPlan, int(operation.parameters[PLAN_ID]))
    mapping = await _mapping_of(session, new, service)
    tariff = f" (tariff {mapping.tariff} upstream)" if mapping and mapping.tariff else ""
    changes = [
        f"Change its {_spoken(name)} from {old.resources.get(name, '?')} to {new.resources.get(name, '?')}."
        for name in sorted(old.resources.keys() | new.resources.keys())
        if old.resources.get(name) != new.resources.get(name)
    ]
    carried = [f"See that it still has {name} {value}." for name, value in wished(operation.parameters).items()]
    return [f"Change its plan from {old.name} to {new.name}{tariff}.", *changes, *carried, "See that it runs."]


def _spoken(resource: str) -> str:
    """disk_gb -> disk (GB)."""
    name, _, unit = resource.rpartition("_")
    return f"{name} ({unit.upper()})" if name and unit in ("gb", "mb", "tb") else resource


async def _mapping_of(session: AsyncSession, plan: TariffPlan, service: Service) -> PlanMapping | None:
    found = await session.exec(
        select(PlanMapping).where(
            PlanMapping.plan_id == plan.id, PlanMapping.module_id == (service.home_module_id or service.module_id)
        )
    )
    return found.first()
