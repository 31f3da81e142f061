"""Work that only a person can do: the task, the manual module, and the way back."""

from datetime import datetime, timedelta

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import ProcessingModule, UpstreamAccount
from models.columns import utc_now
from models.enums import ModuleKind, Source, Stage, TaskMode, TaskState
from models.messages import ManualTask, TaskCompletion
from models.order import Operation, Service, Task
from orders import audit
from orders.access.private import note_names, whole
from orders.lifecycle.stages import enter, locked_operation
from orders.operations.registry import operation_type
from orders.services import expiry
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
    operation.parameters = operation_type(operation.kind).handed_over(operation.parameters, service)
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


async def restore_module(session: AsyncSession, service: Service, origin: Origin) -> None:
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
    type_ = operation_type(operation.kind)
    status = type_.status_by_hand
    if status is not None and status is not service.status:
        service.status, service.status_since = status, utc_now()
    if by.expires_on is not None and not (why := expiry.why_implausible(by.expires_on)):
        service.anchor_day = expiry.anchor_after(anchor_of(service), by.expires_on)
        service.expires_on = by.expires_on
    elif by.expires_on is not None:
        _report_held_back(session, service, by, why)
    elif (term := type_.new_term(type_.asked(operation), service)) is not None:
        start, months = term
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
    type_ = operation_type(operation.kind)
    steps = await type_.steps(session, service, type_.asked(operation))
    workflow = workflow_id(service.id, operation.kind, number)
    lines = [
        f"Service {service.id} ({service.name}) {item}.",
        f"Why by hand: {' '.join(reason.split())}.",  # the upstream's words may not look like lines of ours
        f"Due {due:%Y-%m-%d %H:%M} UTC.",
        *(f"{count}. {step}" for count, step in enumerate(steps, 1)),
        f"Say that it is done: resell tasks complete {await _task_number(session, number)} --note …",
        "or: temporal workflow signal --name manual_change_completed "
        f'--workflow-id {workflow} --input \'{{"note": "done"}}\'',
    ]
    return "\n".join(lines)


async def _task_number(session: AsyncSession, operation_number: int) -> int:
    return (await session.exec(select(Task.id).where(Task.operation_id == operation_number))).one() or 0
