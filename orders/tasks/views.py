"""Tasks as they are shown, and what was done to one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field
from sqlalchemy import ScalarSelect, and_, not_, or_, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry
from models.columns import utc_now
from models.enums import TaskMode, TaskState
from models.order import MAY_BE_OVERDUE, TAKEN, Task
from orders.access.ownership import belongs_to_visible
from orders.access.roles import OPERATOR, Requester
from orders.errors import InvalidField, NotFound, existing
from orders.reading.audit import AuditView, shown_entry
from orders.reading.documents import Document
from orders.reading.filters import newest
from orders.reading.paging import Page, PageRequest, page_of

_NOUN = "task"
_SIGNAL = re.compile(r"temporal workflow signal .+\Z")
"""The last line of the instructions. What stands above it may quote the upstream's words."""
_AGE = re.compile(r"(\d{1,5})([mhd])", re.ASCII)
_OUT_OF_ORDER = timedelta(hours=1)
"""Within this time tasks may be numbered otherwise than they were created."""
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
AGE_PATTERN = rf"^{_AGE.pattern}$"
"""How an age is written: 90m, 24h, 3d."""


class TaskView(Document):
    """The piece of work that belongs to an operation. Only a manual task has to be done by a person."""

    number: int
    service: int = Field(description="number of the service")
    operation: int = Field(description="number of the operation")
    mode: TaskMode
    state: TaskState
    department: str
    title: str
    assignee: str | None = Field(description="who has it in hand; null if nobody has")
    taken_at: datetime | None
    due_at: datetime | None = Field(description="null for an automatic task")
    overdue: bool = Field(description="it is past its due time")
    created_at: datetime
    closed_at: datetime | None


class TaskDetail(TaskView):
    """A task with all that a person needs to carry it out."""

    instructions: str = Field(description="what to do, step by step; empty for an automatic task, and for storefronts")
    signal_command: str | None = Field(
        description="the command that reports it done without this API; also in the instructions"
    )
    note: str | None
    history: list[AuditView] | None = Field(
        description="what was done to the task and to its operation, oldest first; null unless an operator asks"
    )


@dataclass(frozen=True)
class TaskWanted:
    """Which tasks a list shows; None: whatever it is."""

    state: Sequence[TaskState] | None = None
    mode: Sequence[TaskMode] | None = None
    service: Sequence[int] | None = None
    department: Sequence[str] | None = None
    assignee: Sequence[str] | None = None
    taken: bool | None = None
    overdue: bool | None = None
    older_than: str | None = None
    """Created longer ago: 90m, 24h, 3d."""


def _is_overdue(task: Task) -> bool:
    """Also while the workflow that notes it does not run."""
    return task.overdue or (task.state is TaskState.OPEN and task.due_at is not None and task.due_at < utc_now())


def _fields(task: Task) -> dict[str, object]:
    return {
        "number": task.id,
        "service": task.service_id,
        "operation": task.operation_id,
        "mode": task.mode,
        "state": task.state,
        "department": task.department,
        "title": task.title,
        "assignee": task.assignee or None,
        "taken_at": task.taken_at,
        "due_at": task.due_at,
        "overdue": _is_overdue(task),
        "created_at": task.created_at,
        "closed_at": task.closed_at,
    }


def _show(task: Task) -> TaskView:
    return TaskView.model_validate(_fields(task))


async def find_task(
    session: AsyncSession, number: int, requester: Requester = OPERATOR, *, with_history: bool = True
) -> TaskDetail:
    """Raises NotFound, also for what the requester may not see. Only operators are shown how it is done: that has the
    upstream's address."""
    query = select(Task).where(Task.id == existing(_NOUN, number), belongs_to_visible(Task, requester))
    task = (await session.exec(query)).one_or_none()
    if task is None:
        raise NotFound(_NOUN, number)
    instructions = task.instructions if requester.is_staff else ""
    signal = _SIGNAL.search(instructions)
    return TaskDetail.model_validate(
        {
            **_fields(task),
            "instructions": instructions,
            "signal_command": signal[0] if signal else None,
            "note": (task.note or None) if requester.is_staff else None,
            "history": await _history(session, task) if with_history and requester.is_staff else None,
        }
    )


async def _history(session: AsyncSession, task: Task) -> list[AuditView]:
    entries = await session.exec(
        select(AuditEntry)
        .where(
            or_(
                and_(col(AuditEntry.subject) == _NOUN, col(AuditEntry.subject_number) == task.id),
                and_(col(AuditEntry.subject) == "operation", col(AuditEntry.subject_number) == task.operation_id),
            )
        )
        .order_by(col(AuditEntry.id))
    )
    return [shown_entry(entry) for entry in entries.all()]


async def list_tasks(
    session: AsyncSession, ask: PageRequest, wanted: TaskWanted, requester: Requester = OPERATOR
) -> Page[TaskView]:
    """A page of the tasks that the requester may see. Raises InvalidField for a wrong cursor or age."""
    query = select(Task).where(belongs_to_visible(Task, requester))
    if wanted.taken is not None:
        query = query.where(text(TAKEN) if wanted.taken else col(Task.assignee) == "")
    if wanted.overdue is not None:
        late = and_(col(Task.state) == TaskState.OPEN, col(Task.due_at).is_not(None), col(Task.due_at) < utc_now())
        is_overdue = or_(col(Task.overdue), late)
        query = query.where(text(MAY_BE_OVERDUE), is_overdue) if wanted.overdue else query.where(not_(is_overdue))
    if wanted.older_than is not None:
        moment = utc_now() - age("older_than", wanted.older_than)
        query = query.where(col(Task.created_at) < moment, col(Task.id) <= _last_before(moment + _OUT_OF_ORDER))
    rows: list[Task] = await newest(
        session,
        query,
        col(Task.id),
        lambda row: row.id,
        ask,
        _NOUN,
        (Task.state, wanted.state),
        (Task.mode, wanted.mode),
        (Task.service_id, wanted.service),
        (Task.department, wanted.department),
        (Task.assignee, wanted.assignee),
    )
    return page_of(_NOUN, ask, rows, lambda row: row.id, _show)


def _last_before(moment: datetime) -> ScalarSelect[int | None]:
    """The number of the newest task that is older. Tasks are numbered as they are created, so that the list need not
    pass all that are too young; nearly so, as clocks differ."""
    last = select(Task.id).where(col(Task.created_at) < moment).order_by(col(Task.created_at).desc()).limit(1)
    return last.scalar_subquery()


def age(field: str, text: str) -> timedelta:
    """How long ago it says. Raises InvalidField naming the field."""
    found = _AGE.fullmatch(text)
    if found is None:
        raise InvalidField(field, f"{text!r} is not a number of minutes, hours or days: 90m, 24h, 3d")
    return int(found[1]) * _UNITS[found[2]]
