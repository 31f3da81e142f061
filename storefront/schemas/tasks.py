"""Tasks: the parameters of lists, bodies of what is done about one, and answers."""

from pydantic import Field

from models.enums import TaskMode, TaskState
from orders.days import Day
from orders.reading.filters import either
from orders.tasks.views import AGE_PATTERN
from orders.tasks.work import By, Note, Person
from orders.text import PlainText, Prose
from orders.views import Document, Page, TaskView, TaskWanted
from storefront.schemas.common import Name, Number, Paging, Strict, Wanted


class TaskFilter(Paging):
    state: Wanted[TaskState] = None
    service: Wanted[Number] = Field(default=None, description="number of a service")
    mode: Wanted[TaskMode] = Field(default=None, description="`manual`: those that ask a person to act")
    department: Wanted[Name] = None
    assignee: Wanted[Name] = Field(default=None, description="who has it in hand")
    taken: Wanted[bool] = Field(default=None, description="whether anybody has it in hand")
    overdue: Wanted[bool] = Field(default=None, description="whether it is past its due time")
    older_than: PlainText | None = Field(
        default=None,
        json_schema_extra={"pattern": AGE_PATTERN},  # its reader says in words what is wrong
        description="created longer ago",
        examples=["90m", "24h", "3d"],
    )

    def tasks(self) -> TaskWanted:
        return TaskWanted(
            state=self.state,
            mode=self.mode,
            service=self.service,
            department=self.department,
            assignee=self.assignee,
            taken=either(self.taken),
            overdue=either(self.overdue),
            older_than=self.older_than,
        )


class ActingOnTask(Strict):
    override: bool = Field(default=False, strict=True, description="act although the task is automatic; needs a reason")
    reason: Prose | None = Field(
        default=None, max_length=1900, description="why it is overridden; written to the audit log"
    )

    def by(self, actor: str) -> By:
        return By(actor=actor, override=self.override, reason=self.reason or "")


class HandOver(ActingOnTask):
    to: Person = Field(description="the person who has it from now on, with the name in the audit log")


class TaskNote(ActingOnTask):
    note: Note = Field(description="for colleagues; no secrets")


class TaskDone(ActingOnTask):
    note: Note | None = Field(default=None, description="what was done; written to the audit log")
    expires_on: Day | None = Field(
        default=None, description="the service's new expiry, if no upstream shows it (manual processing module)"
    )


class TaskRejected(Strict):
    reason: Prose = Field(max_length=1900, description="why; written to the audit log")
    override: bool = Field(default=False, strict=True, description="act although the task is automatic")


class TaskEnded(Document):
    """A task that has ended."""

    task: int = Field(description="number of the task")
    operation: int = Field(description="number of the operation")
    state: TaskState
    message: str


class Tasks(Page[TaskView]):
    """Tasks, newest first."""
