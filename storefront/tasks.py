"""/v1/tasks: the work that goes with operations; see it, and do what only people can do."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query

from models.messages import Decision, TaskCompletion
from orders.access.roles import Right
from orders.services.expiry import check_expiry
from orders.tasks.work import By
from orders.views import Page, TaskDetail, TaskView, find_task, list_tasks
from storefront import examples
from storefront.auth import AnyCaller, Operator, check
from storefront.callers import Caller
from storefront.context import Context, InContext
from storefront.problems import (
    FORBIDDEN,
    INVALID_BODY,
    INVALID_FIELD,
    NOT_FOUND,
    REFUSED,
    TEMPORAL_UNAVAILABLE,
    documented,
)
from storefront.schemas.tasks import (
    ActingOnTask,
    HandOver,
    TaskDone,
    TaskEnded,
    TaskFilter,
    TaskNote,
    TaskRejected,
    Tasks,
)

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])

TaskNumber = Annotated[int, Path(description="number of the task", examples=[7])]
_ACTED = documented(FORBIDDEN, NOT_FOUND, REFUSED, INVALID_FIELD, INVALID_BODY)
_ENDED = _ACTED | documented(TEMPORAL_UNAVAILABLE)


@router.get("", response_model=Tasks, summary="List tasks")
async def list_of_tasks(
    wanted: Annotated[TaskFilter, Query()], caller: AnyCaller, context: InContext
) -> Page[TaskView]:
    async with context.database.read() as session:
        return await list_tasks(session, wanted.asked(), wanted.tasks(), caller.requester)


@router.get("/{number}", summary="Show a task and how to do it", responses=documented(NOT_FOUND))
async def show_task(number: TaskNumber, caller: AnyCaller, context: InContext) -> TaskDetail:
    """Other roles than storefronts also see how it is done, its note, and its history: who did what to the task and to
    its operation."""
    return await _shown(number, caller, context)


@router.post("/{number}/take", summary="Take a task in hand", responses=_ACTED)
async def take_task(
    number: TaskNumber, caller: Operator, context: InContext, acting: ActingOnTask | None = None
) -> TaskDetail:
    """You have it until you release it or it is handed over. A task that another person has is refused."""
    await context.resellflow.take_task(number, _acting(caller, acting or ActingOnTask()))
    return await _shown(number, caller, context)


@router.post("/{number}/release", summary="Give a task back", responses=_ACTED)
async def release_task(
    number: TaskNumber, caller: Operator, context: InContext, acting: ActingOnTask | None = None
) -> TaskDetail:
    await context.resellflow.release_task(number, _acting(caller, acting or ActingOnTask()))
    return await _shown(number, caller, context)


@router.post("/{number}/hand-over", summary="Hand a task over to another person", responses=_ACTED)
async def hand_over_task(
    number: TaskNumber,
    handing: Annotated[HandOver, Body(openapi_examples=examples.HAND_OVERS)],
    caller: Operator,
    context: InContext,
) -> TaskDetail:
    """Every operator may do this, because the person who has it may be away."""
    await context.resellflow.hand_over_task(number, handing.to, _acting(caller, handing))
    return await _shown(number, caller, context)


@router.post("/{number}/note", summary="Write the task's note", responses=_ACTED)
async def note_on_task(
    number: TaskNumber,
    noting: Annotated[TaskNote, Body(openapi_examples=examples.TASK_NOTES)],
    caller: Operator,
    context: InContext,
) -> TaskDetail:
    """It replaces the previous note, which stays in the history."""
    await context.resellflow.note_on_task(number, noting.note, _acting(caller, noting))
    return await _shown(number, caller, context)


@router.post("/{number}/complete", summary="Say that a task is done", responses=_ENDED)
async def complete_task(
    number: TaskNumber,
    context: InContext,
    caller: Operator,
    done: Annotated[TaskDone | None, Body(openapi_examples=examples.TASKS_DONE)] = None,
) -> TaskEnded:
    """This is checked at the upstream first. It is refused if the upstream does not show it; the answer says what was
    found. With `override` the operation of an automatic task is marked done, if that is possible."""
    done = done or TaskDone()
    override = _acting(caller, done).because
    check_expiry("expires_on", done.expires_on)
    completion = TaskCompletion(actor=caller.name, note=done.note or "", expires_on=done.expires_on)
    result = await context.resellflow.complete_task(number, completion, override=override)
    return await _ended(number, context, result.message)


@router.post("/{number}/reject", summary="Say that a task will not be done", responses=_ENDED)
async def reject_task(
    number: TaskNumber,
    rejecting: Annotated[TaskRejected, Body(openapi_examples=examples.TASKS_REJECTED)],
    caller: Operator,
    context: InContext,
) -> TaskEnded:
    """The service stays as it was. With `override` the operation of an automatic task is cancelled, if that is
    possible."""
    _check_override(caller, rejecting.override)
    decision = Decision(actor=caller.name, reason=rejecting.reason)
    result = await context.resellflow.reject_task(
        number, decision, override=rejecting.override, requester=caller.requester
    )
    return await _ended(number, context, result.message)


def _acting(caller: Caller, acting: ActingOnTask) -> By:
    """Raises Forbidden for who may not act upon an automatic task, and would."""
    _check_override(caller, acting.override)
    return acting.by(caller.name)


def _check_override(caller: Caller, override: bool) -> None:
    if override:
        check(caller, Right.VOUCH, "to act upon an automatic task")


async def _shown(number: int, caller: Caller, context: Context) -> TaskDetail:
    async with context.database.read() as session:
        return await find_task(session, number, caller.requester)


async def _ended(number: int, context: Context, message: str) -> TaskEnded:
    async with context.database.read() as session:
        task = await find_task(session, number, with_history=False)
    return TaskEnded(task=number, operation=task.operation, state=task.state, message=message)
