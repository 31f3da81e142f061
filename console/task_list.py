"""The open tasks of people: mine, my department's, nobody's, overdue ones, those of any department."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from console.rendering import pages_of
from console.sessions import LoggedIn
from console.texts import _
from models.enums import TaskMode, TaskState
from orders.access.people import Visitor
from orders.tasks.departments import departments
from orders.tasks.views import TaskWanted
from orders.views import PageRequest, list_tasks
from storefront.context import InContext

router = APIRouter()

OURS = "ours"
TABS = {
    "": _("All open ones"),
    "mine": _("Mine"),
    OURS: _("My department's"),
    "free": _("In nobody's hands"),
    "overdue": _("Overdue"),
}
_WANTED: dict[str, Callable[[Visitor], dict[str, object]]] = {
    "": lambda visitor: {},
    "mine": lambda visitor: {"assignee": [visitor.name]},
    OURS: lambda visitor: {"department": [visitor.department]},  # whatever the address says besides
    "free": lambda visitor: {"taken": False},
    "overdue": lambda visitor: {"overdue": True},
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
    asked_for = {"department": [department] if department else None, **_WANTED[show](session.visitor)}
    # `asked_for` has fields of TaskWanted by their names; mypy takes each for every one of them.
    wanted = TaskWanted(state=[TaskState.OPEN], mode=[TaskMode.MANUAL], **asked_for)  # type: ignore[arg-type]
    async with context.database.read() as reading:
        page = await list_tasks(reading, PageRequest(cursor=after), wanted, session.visitor.requester)
        names = await departments(reading)
    names = sorted({*names, department} - {""})
    asked = {"show": show, "department": "" if show == OURS else department}
    return pages_of(request).show(
        request,
        "tasks.html",
        session,
        page=page,
        tabs=TABS,
        departments=names,
        lacks_department=show == OURS and not session.visitor.department,
        by_provider=bool(context.settings.oidc_department_claim),
        asked=asked,
        query=lambda **changes: urlencode({k: v for k, v in {**asked, **changes}.items() if v}),
    )
