"""Tasks as they are shown."""

from datetime import datetime

from pydantic import Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import TaskMode, TaskState
from models.order import Task
from orders.errors import NotFound
from orders.views.documents import Document, existing
from orders.views.paging import Page, PageRequest, page_of

_NOUN = "task"


class TaskView(Document):
    """The piece of work that goes with an operation. Only a manual one asks a person to act."""

    number: int
    service: int = Field(description="number of the service")
    operation: int = Field(description="number of the operation")
    mode: TaskMode
    state: TaskState
    department: str
    title: str
    created_at: datetime
    closed_at: datetime | None


def _show(task: Task) -> TaskView:
    assert task.id is not None  # noqa: S101 - read from the database
    return TaskView(
        number=task.id,
        service=task.service_id,
        operation=task.operation_id,
        mode=task.mode,
        state=task.state,
        department=task.department,
        title=task.title,
        created_at=task.created_at,
        closed_at=task.closed_at,
    )


async def find_task(session: AsyncSession, number: int) -> TaskView:
    """Raises NotFound."""
    task = await session.get(Task, existing(_NOUN, number))
    if task is None:
        raise NotFound(_NOUN, number)
    return _show(task)


async def list_tasks(
    session: AsyncSession,
    ask: PageRequest,
    *,
    state: TaskState | None = None,
    service: int | None = None,
    department: str | None = None,
) -> Page[TaskView]:
    """A page of tasks. Raises InvalidField for a wrong cursor."""
    query = select(Task).where(col(Task.id) < ask.before(_NOUN))
    if state is not None:
        query = query.where(Task.state == state)
    if service is not None:
        query = query.where(Task.service_id == service)
    if department is not None:
        query = query.where(Task.department == department)
    rows = (await session.exec(query.order_by(col(Task.id).desc()).limit(ask.limit + 1))).all()
    return page_of(_NOUN, ask, rows, lambda row: row.id, _show)
