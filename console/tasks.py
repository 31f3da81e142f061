"""One task: what is to be done, step by step, who has it in hand, and how it ends."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from console.errors import on_problem
from console.flash import forget, said, say
from console.forms import valid
from console.rendering import pages_of
from console.sessions import LoggedIn, SentForm, Session, text_of
from models.enums import TaskMode, TaskState
from orders.access.roles import Right
from orders.views import TaskDetail, find_operation, find_task
from storefront import tasks
from storefront.auth import check
from storefront.callers import Caller
from storefront.context import Context, InContext
from storefront.problems import Problem
from storefront.schemas.tasks import ActingOnTask, HandOver, TaskDone, TaskNote, TaskRejected

router = APIRouter()


class TaskAct(StrEnum):
    TAKE = "take"
    RELEASE = "release"
    HAND_OVER = "hand-over"
    NOTE = "note"
    COMPLETE = "complete"
    REJECT = "reject"


@dataclass(frozen=True)
class Act:
    """How it is sent: the body and the route that the API has for it, and the fields that a person types."""

    body: type[BaseModel]
    carry_out: Callable[[int, Any, Caller, Context], Awaitable[Any]]
    fields: tuple[str, ...] = ()


ACTS: Mapping[TaskAct, Act] = {
    TaskAct.TAKE: Act(ActingOnTask, lambda n, body, caller, context: tasks.take_task(n, caller, context, body)),
    TaskAct.RELEASE: Act(ActingOnTask, lambda n, body, caller, context: tasks.release_task(n, caller, context, body)),
    TaskAct.COMPLETE: Act(
        TaskDone,
        lambda n, body, caller, context: tasks.complete_task(n, context, caller, body),
        ("note", "expires_on"),
    ),
    TaskAct.NOTE: Act(TaskNote, tasks.note_on_task, ("note",)),
    TaskAct.HAND_OVER: Act(HandOver, tasks.hand_over_task, ("to",)),
    TaskAct.REJECT: Act(TaskRejected, tasks.reject_task, ("reason",)),
}


@router.get("/tasks/{number}")
async def show_task(number: int, request: Request, session: LoggedIn, context: InContext) -> Response:
    return await _page(number, request, session, context)


@router.post("/tasks/{number}/{act}")
async def act_on_task(
    number: int, act: TaskAct, request: Request, session: LoggedIn, context: InContext, form: SentForm
) -> Response:
    """What the API's route does. What is refused is shown beside what was typed."""
    typed = {name: value for name, value in form.items() if isinstance(value, str) and name != "csrf"}

    async def show_again(problem: Problem) -> Response:
        return await _page(number, request, session, context, problem=problem, tried=act, typed=typed)

    on_problem(request, show_again)
    check(session.caller, Right.DECIDE)
    one = ACTS[act]
    values: dict[str, object] = {
        name: text for name in one.fields if (text := text_of(form, name).replace("\r\n", "\n").strip())
    }
    done = await one.carry_out(number, valid(one.body, values), session.caller, context)
    response = RedirectResponse(f"../{number}", status_code=303)
    say(response, getattr(done, "message", "") or "")
    return response


def _acts(task: TaskDetail, session: Session) -> list[TaskAct]:
    """What this person may do to it now. Whether it is possible is checked once more when it is done."""
    if task.state is not TaskState.OPEN or not session.visitor.requester.may(Right.DECIDE):
        return []
    if task.mode is not TaskMode.MANUAL:
        return [TaskAct.NOTE]
    taking = TaskAct.RELEASE if task.assignee == session.visitor.name else TaskAct.TAKE
    return [one for one in TaskAct if one not in (TaskAct.TAKE, TaskAct.RELEASE) or one is taking]


async def _page(
    number: int,
    request: Request,
    session: Session,
    context: Context,
    *,
    problem: Problem | None = None,
    tried: TaskAct | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    async with context.database.read() as reading:
        task = await find_task(reading, number, session.visitor.requester)
        operation = await find_operation(reading, context.links, task.operation, session.visitor.requester)
    told = said(request)
    response = pages_of(request).show(
        request,
        "task.html",
        session,
        status=problem.status if problem else 200,
        task=task,
        operation=operation,
        acts=[(one, ACTS[one].fields) for one in _acts(task, session)],
        problem=problem,
        tried=tried,
        typed=typed or {},
        said=told,
    )
    return forget(response) if told else response
