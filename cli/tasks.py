"""`resell tasks`: see them, and do what only people can."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from cli.days import day
from cli.decisions import Actor, Reason
from cli.exporting import Format, Listing
from cli.listing import DEFAULT_LIMIT, HIGHEST_NUMBER, Cursor, Limit, Number, OfService, group
from cli.printing import (
    Column,
    number,
    print_fields,
    print_json,
    print_table,
    print_text,
    short,
    shown,
    under_way,
    whole,
)
from cli.session import AsJson, acting_as, run_async, valid
from cli.source import opened_office, opened_source, source_of
from models.enums import TaskMode, TaskState
from models.messages import Decision, DecisionResult, TaskCompletion

if TYPE_CHECKING:
    from cli.source import Office
    from orders.tasks.work import By
    from orders.views import Page, PageRequest, TaskDetail, TaskView

Task = Annotated[int, typer.Argument(metavar="N", help="number of the task", max=HIGHEST_NUMBER)]
Override = Annotated[bool, typer.Option("--override", help="act although the task is automatic; needs --reason")]
Because = Annotated[str, typer.Option("--reason", help="why it is overridden; written to the audit log")]


def add_commands(app: typer.Typer) -> None:
    tasks_group = group(
        app, "tasks", "List tasks, newest first; do the work that only people can do.", tasks,
        show,
    )  # fmt: skip
    tasks_group.command()(complete)
    tasks_group.command()(reject)
    tasks_group.command()(take)
    tasks_group.command()(release)
    tasks_group.command("hand-over")(hand_over)
    tasks_group.command()(note)


def tasks(
    context: typer.Context,
    state: Annotated[
        list[TaskState] | None, typer.Option(metavar="STATE", help=f"only in this state: {', '.join(TaskState)}")
    ] = None,
    mode: Annotated[
        list[TaskMode] | None, typer.Option(metavar="MODE", help="manual: tasks that a person has to do")
    ] = None,
    service: OfService = None,
    department: Annotated[list[str] | None, typer.Option(help="only of this department")] = None,
    assignee: Annotated[
        list[str] | None, typer.Option(metavar="PERSON", help="only tasks that this person has in hand")
    ] = None,
    taken: Annotated[
        bool | None, typer.Option("--taken/--free", help="only tasks that somebody has in hand, or only the others")
    ] = None,
    overdue: Annotated[
        bool | None,
        typer.Option("--overdue/--in-time", help="only tasks that are past their due time, or only the others"),
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="only tasks that are older than this: 90m, 24h, 3d")
    ] = None,
    written: Format = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    if context.invoked_subcommand is not None:
        return None
    from orders.views import TaskWanted

    wanted = TaskWanted(state, mode, service, department, assignee, taken, overdue, older_than)

    async def read(ask: "PageRequest") -> "Page[TaskView]":
        async with opened_source() as source:
            return await source.tasks(ask, wanted)

    return LISTING.show(read, written=written, limit=limit, cursor=cursor, as_json=as_json)


def _state(task: "TaskView") -> str:
    if task.mode is TaskMode.AUTOMATIC:
        return task.state.value
    return f"{task.state.value}, {'LATE' if task.overdue else task.mode.value}"


LISTING = Listing(
    "orders.views:TaskView",
    [number("number"), number("service"), whole("state"), Column("department"), Column("in hand"), whole("due (UTC)"),
     Column("title")],
    lambda one: [one.number, one.service, _state(one), one.department, one.assignee, short(one.due_at), one.title],
    "no tasks",
)  # fmt: skip


def show(task: Number, as_json: AsJson = False) -> None:
    """Show a task: what to do, until when, who has it in hand, what was done."""
    view = run_async(_task(task))
    if as_json:
        return print_json(view)
    print_fields(
        [
            ("task", f"{view.number}: {view.title}"),
            ("state", f"{view.state.value} ({view.mode.value})"),
            ("department", view.department),
            ("in hand", f"{view.assignee} since {shown(view.taken_at)} UTC" if view.assignee else ""),
            ("due", f"{shown(view.due_at)} UTC{', OVERDUE' if view.overdue else ''}" if view.due_at else ""),
            ("service", view.service),
            ("operation", view.operation),
            ("note", view.note),
            ("created", f"{shown(view.created_at)} UTC"),
            ("closed", f"{shown(view.closed_at)} UTC" if view.closed_at else ""),
        ]
    )
    if view.instructions:
        print_text(f"\n{view.instructions}")
    print()
    return print_table(
        [whole("at (UTC)"), Column("who"), whole("did"), Column("to"), Column("more")],
        [
            [entry.at, entry.actor, entry.action, f"{entry.subject} {entry.subject_number}", entry.detail]
            for entry in view.history or ()
        ],
        nothing="no audit entries",
    )


async def _task(task: int) -> "TaskDetail":
    async with opened_source() as source:
        return await source.task(task)


# Who has it in hand, and what is noted.


def take(
    task: Task, override: Override = False, reason: Because = "", actor: Actor = None, as_json: AsJson = False
) -> None:
    """Take a task in hand. You have it until you release it or it is handed over."""
    by = _by(actor, override, reason)
    _change_task(task, lambda office: office.take_task(task, by), as_json)


def release(
    task: Task, override: Override = False, reason: Because = "", actor: Actor = None, as_json: AsJson = False
) -> None:
    """Give a task back. Then nobody has it in hand."""
    by = _by(actor, override, reason)
    _change_task(task, lambda office: office.release_task(task, by), as_json)


def hand_over(
    task: Task,
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help="the person who has it from now on, with the name in the audit log")
    ],
    override: Override = False,
    reason: Because = "",
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Hand a task over to another person. Everybody may do this, because the person who has it may be away."""
    by = _by(actor, override, reason)
    _change_task(task, lambda office: office.hand_over_task(task, person.strip(), by), as_json)


def note(
    task: Task,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="for colleagues; no secrets")],
    override: Override = False,
    reason: Because = "",
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Write the task's note. It replaces the previous note, which stays in the history."""
    by = _by(actor, override, reason)
    _change_task(task, lambda office: office.note_on_task(task, text.strip(), by), as_json)


# The end of a task.


def complete(
    task: Task,
    note: Annotated[str, typer.Option(help="what was done; written to the audit log")] = "",
    expires_on: Annotated[
        date | None, day("the service's new expiry, if no upstream shows it (manual processing module)")
    ] = None,
    override: Override = False,
    reason: Because = "",
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Report that a task is done. This is checked at the upstream, and refused if the upstream does not show it."""
    from orders.services.expiry import check_expiry

    by = _by(actor, override, reason)
    check_expiry("expires_on", expires_on)
    completion = valid(TaskCompletion, actor=by.actor, note=note.strip(), expires_on=expires_on)
    _end(task, lambda office: office.complete_task(task, completion, override=by.because), as_json)


def reject(
    task: Task, reason: Reason, override: Override = False, actor: Actor = None, as_json: AsJson = False
) -> None:
    """Report that a task will not be done. The service stays as it was."""
    decision = valid(Decision, actor=_by(actor, override, reason).actor, reason=reason.strip())
    _end(task, lambda office: office.reject_task(task, decision, override=override), as_json)


def _by(actor: str | None, override: bool, reason: str) -> "By":
    from orders.tasks.work import By

    return valid(By, actor=acting_as(actor), override=override, reason=reason.strip())


def _change_task(task: int, act: "Callable[[Office], Awaitable[None]]", as_json: bool) -> None:
    view = run_async(_changed_task(task, act))
    if as_json:
        print_json(view)
    else:
        whose = f"in {view.assignee}'s hands" if view.assignee else "in nobody's hands"
        print_text(f"task {task} is {whose}{f'; note: {view.note}' if view.note else ''}")


async def _changed_task(task: int, act: "Callable[[Office], Awaitable[None]]") -> "TaskDetail":
    async with opened_office() as office:
        await act(office)
        return await source_of(office).task(task)


def _end(task: int, act: "Callable[[Office], Awaitable[DecisionResult]]", as_json: bool) -> None:
    with under_way(f"task {task} is checked and ended"):
        result = run_async(_ended(act))
    if as_json:
        print_json({"task": task, "stage": result.stage, "message": result.message})
    else:
        print_text(f"task {task}: its operation is in stage {result.stage.value}: {result.message}")


async def _ended(act: "Callable[[Office], Awaitable[DecisionResult]]") -> DecisionResult:
    async with opened_office() as office:
        return await act(office)
