"""One task: what is to be done, step by step, who has it in hand, and how it ends."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.acts import Act, Acts, Tried, add_page, show_page
from console.sessions import Session
from console.texts import _
from models.enums import TaskMode, TaskState
from orders.access.roles import Right
from orders.tasks.checklist_views import checklist_of
from orders.views import TaskDetail, find_operation, find_task
from storefront import tasks
from storefront.context import Context
from storefront.schemas.tasks import ActingOnTask, HandOver, TaskDone, TaskNote, TaskRejected

router = APIRouter()

TAKE, RELEASE, NOTE_ANYWAY = "take", "release", "note-anyway"
_NOTED = _("It replaces the note of before, which stays in the history. No secrets.")
ACTS: Acts = {
    TAKE: Act(
        _("Take in hand"),
        _("You have it until you give it back or hand it over."),
        ActingOnTask,
        lambda number, body, caller, context: tasks.take_task(number, caller, context, body),
    ),
    RELEASE: Act(
        _("Give back"),
        _("Nobody has it in hand any more."),
        ActingOnTask,
        lambda number, body, caller, context: tasks.release_task(number, caller, context, body),
    ),
    "complete": Act(
        _("It is done"),
        _("It is checked at the upstream first. If the upstream does not show it, you see what was found."),
        TaskDone,
        lambda number, body, caller, context: tasks.complete_task(number, context, caller, body),
        ("note", "expires_on"),
    ),
    "note": Act(_("Write a note"), _NOTED, TaskNote, tasks.note_on_task, ("note",)),
    NOTE_ANYWAY: Act(
        _("Write a note"),
        _NOTED,
        TaskNote,
        tasks.note_on_task,
        ("note", "reason"),
        Right.VOUCH,
        read=lambda form: {"override": True},
    ),
    "hand-over": Act(_("Hand over"), _("A colleague has it from now on."), HandOver, tasks.hand_over_task, ("to",)),
    "reject": Act(
        _("Will not be done"),
        _("The service stays as it was, and the operation ends."),
        TaskRejected,
        tasks.reject_task,
        ("reason",),
        is_grave=True,
    ),
}


def _offered(task: TaskDetail, session: Session) -> Acts:
    """What this person may do to it now. Whether it is possible is checked once more when it is done."""
    requester = session.visitor.requester
    if task.state is not TaskState.OPEN or not requester.may(Right.DECIDE):
        return {}
    if task.mode is not TaskMode.MANUAL:
        return {NOTE_ANYWAY: ACTS[NOTE_ANYWAY]} if requester.may(Right.VOUCH) else {}
    others = {NOTE_ANYWAY, TAKE if task.assignee == session.visitor.name else RELEASE}
    return {name: act for name, act in ACTS.items() if name not in others}


async def _page(number: int, request: Request, session: Session, context: Context, tried: Tried) -> Response:
    async with context.database.read() as reading:
        task = await find_task(reading, number, session.visitor.requester)
        operation = await find_operation(reading, context.links, task.operation, session.visitor.requester)
        is_to_do = task.state is TaskState.OPEN and task.mode is TaskMode.MANUAL
        checklist = await checklist_of(reading, number) if is_to_do else None
    acts = _offered(task, session)
    values = {"task": task, "operation": operation, "acts": acts, "checklist": checklist}
    return show_page(request, session, "task.html", tried, **values)


add_page(router, "tasks", ACTS, _page)
