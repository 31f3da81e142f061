"""The open tasks of people: mine, nobody's, overdue ones, those of a department."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from console.rendering import pages_of
from console.sessions import LoggedIn
from console.texts import _
from models.enums import TaskMode, TaskState
from orders.tasks.views import TaskWanted, departments
from orders.views import PageRequest, list_tasks
from storefront.context import InContext

router = APIRouter()

TABS = {"": _("All open ones"), "mine": _("Mine"), "free": _("In nobody's hands"), "overdue": _("Overdue")}
_WANTED: dict[str, Callable[[str], dict[str, object]]] = {
    "": lambda name: {},
    "mine": lambda name: {"assignee": [name]},
    "free": lambda name: {"taken": False},
    "overdue": lambda name: {"overdue": True},
}


@router.get("/tasks")
async def tasks_of_people(
    request: Request,
    session: LoggedIn,
    context: InContext,
    show: Annotated[str, Query()] = "",
    department: Annotated[str, Query(max_length=64)] = "",
    after: Annotated[str | None, Query()] = None,
) -> Response:
    """Raises InvalidField for a wrong cursor. A tab that there is not is the first one."""
    show = show if show in TABS else ""
    more = _WANTED[show](session.visitor.name)
    of = [department] if department else None
    # `more` has fields of TaskWanted by their names; mypy takes each for every one of them.
    wanted = TaskWanted(state=[TaskState.OPEN], mode=[TaskMode.MANUAL], department=of, **more)  # type: ignore[arg-type]
    async with context.database.read() as reading:
        page = await list_tasks(reading, PageRequest(cursor=after), wanted, session.visitor.requester)
        names = await departments(reading)
    asked = {"show": show, "department": department}
    return pages_of(request).show(
        request,
        "tasks.html",
        session,
        page=page,
        tabs=TABS,
        departments=names,
        asked=asked,
        query=lambda **changes: urlencode({k: v for k, v in {**asked, **changes}.items() if v}),
    )
