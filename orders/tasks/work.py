"""People's work on tasks: who has one in hand, and what they note. Every change is audited in its transaction.

A task that somebody has taken is theirs until they release it or it is handed over. An automatic task asks nothing of
people: acting on one needs a reason, which goes to the audit.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import TaskMode, TaskState
from models.order import Task
from orders import audit
from orders.errors import InvalidField, Refused, existing
from orders.locking import locked
from orders.text import Prose, Words

Person = Annotated[Words, Field(max_length=64)]
Note = Annotated[Prose, Field(max_length=2000)]
HANDED_OVER = "task_handed_over"
_PERSON: TypeAdapter[str] = TypeAdapter(Person)
_NOTE: TypeAdapter[str] = TypeAdapter(Note)


class By(BaseModel):
    """Who acts. `override`: act although the task is automatic, for `reason`."""

    model_config = ConfigDict(frozen=True)

    actor: Person
    override: bool = False
    reason: str = Field(default="", max_length=1900)

    @property
    def because(self) -> str:
        """Why an automatic task is acted upon; empty without override. Raises InvalidField."""
        if not self.override:
            return ""
        if not self.reason.strip():
            raise InvalidField("reason", "is needed with override: say why a person acts on an automatic task")
        return self.reason


async def take(session: AsyncSession, number: int, by: By) -> None:
    """The task is the actor's from now on. Raises NotFound, or Refused if it is another person's."""
    task = await _to_act_on(session, number, by)
    check_whose(task, by.actor)
    if task.assignee != by.actor:
        _give(session, task, by, "task_taken", by.actor)


async def release(session: AsyncSession, number: int, by: By) -> None:
    """It is nobody's again. Raises NotFound, or Refused if it is another person's."""
    task = await _to_act_on(session, number, by)
    check_whose(task, by.actor)
    if task.assignee:
        _give(session, task, by, "task_released", "")


async def hand_over(session: AsyncSession, number: int, person: str, by: By) -> None:
    """It is another person's from now on. Anybody may do it: who has the task may be away. Raises NotFound, Refused."""
    name = _checked("to", _PERSON, person)
    task = await _to_act_on(session, number, by)
    if task.assignee != name:
        _give(session, task, by, HANDED_OVER, name)


async def note(session: AsyncSession, number: int, text: str, by: By) -> None:
    """Write the task's note, in place of the one before, which the audit keeps. Anybody may. Raises NotFound, Refused.

    No customer's secret belongs there.
    """
    text = _checked("note", _NOTE, text)
    task = await _to_act_on(session, number, by)
    task.note = text
    session.add(task)
    _audit(session, task, by, "task_noted", {"note": text})


def _checked(field: str, text_type: TypeAdapter[str], text: str) -> str:
    """Raises InvalidField."""
    try:
        return text_type.validate_python(text)
    except ValidationError as error:
        raise InvalidField(field, error.errors()[0]["msg"].removeprefix("Value error, ")) from error


def check_open(task: Task) -> None:
    """Raises Refused."""
    if task.state is not TaskState.OPEN:
        raise Refused(f"task {task.id} is {task.state.value}; it has ended, and nothing can be changed in it any more")


def check_whose(task: Task, actor: str) -> None:
    """Raises Refused if the task is in another person's hands."""
    if task.assignee not in ("", actor):
        since = f" since {task.taken_at:%Y-%m-%d %H:%M UTC}" if task.taken_at else ""
        raise Refused(f"task {task.id} is {task.assignee}'s{since}; have it handed over to you first")


def check_mode(task: Task, by: By) -> None:
    """Raises Refused for an automatic task without override and the reverse, InvalidField for a missing reason."""
    automatic = task.mode is TaskMode.AUTOMATIC
    if automatic and not by.because:
        raise Refused(f"task {task.id} is automatic: nobody needs to act on it. To act all the same, override it")
    if by.override and not automatic:
        raise Refused(f"task {task.id} is manual: it is there to be acted on, without override")


async def _to_act_on(session: AsyncSession, number: int, by: By) -> Task:
    """The task, locked. Raises NotFound, or Refused where nobody may act on it."""
    task = await locked(session, Task, Task.id == existing("task", number), what="task", name=number)
    check_open(task)
    check_mode(task, by)
    return task


def _give(session: AsyncSession, task: Task, by: By, action: str, person: str) -> None:
    before, task.assignee = task.assignee, person
    task.taken_at = utc_now() if person else None
    session.add(task)
    _audit(session, task, by, action, {"from": before, "to": person})


def _audit(session: AsyncSession, task: Task, by: By, action: str, detail: dict[str, str]) -> None:
    if by.reason:
        detail["override" if by.override else "reason"] = by.because or by.reason
    audit.record(
        session, "task", task.id, action, by=by.actor, facts={name: value or None for name, value in detail.items()}
    )
