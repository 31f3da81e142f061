"""Bodies and parameters of requests, and answers that are more than one document. The documents: `orders.views`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.enums import EventKind, OperationKind, ServiceStatus, Stage, TaskState
from models.messages import Decision
from orders.text import PlainText, Prose
from orders.views import (
    AuditView,
    Document,
    EventView,
    OperationView,
    OrphanView,
    Page,
    PageRequest,
    ServiceView,
    TaskView,
    UpstreamView,
)
from orders.views.documents import HIGHEST_NUMBER
from orders.views.paging import DEFAULT_LIMIT, HIGHEST_LIMIT
from storefront.problems import Problem

Number = Annotated[int, Field(ge=1, le=HIGHEST_NUMBER)]


class _Strict(BaseModel):
    """What is not known is refused, so that a slip of the pen is not taken for consent."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# Parameters of lists.


class Paging(_Strict):
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=HIGHEST_LIMIT, description="how many at most")
    cursor: PlainText | None = Field(
        default=None, max_length=100, description="`next_cursor` of the page before; absent for the newest"
    )

    def asked(self) -> PageRequest:
        return PageRequest(self.limit, self.cursor)


class ServiceFilter(Paging):
    customer: PlainText | None = Field(default=None, max_length=200)
    status: ServiceStatus | None = None
    plan: PlainText | None = Field(default=None, max_length=64, description="name of a tariff plan")


class OperationFilter(Paging):
    stage: Stage | None = None
    service: Number | None = Field(default=None, description="number of a service")
    kind: OperationKind | None = None
    upstream: PlainText | None = Field(default=None, max_length=64, description="name of an upstream account")


class TaskFilter(Paging):
    state: TaskState | None = None
    service: Number | None = Field(default=None, description="number of a service")
    department: PlainText | None = Field(default=None, max_length=64)


class EventFilter(Paging):
    kind: EventKind | None = None
    service: Number | None = Field(default=None, description="number of a service")


# Bodies of decisions.


class _Decision(_Strict):
    reason: Prose = Field(max_length=2000, description="why; it goes to the audit", examples=["topped up by hand"])


class Vouched(_Decision):
    nothing_was_bought: bool = Field(
        default=False,
        strict=True,
        description="you have looked at the upstream and vouch that the earlier request had no effect",
    )

    def by(self, actor: str) -> Decision:
        return Decision(actor=actor, reason=self.reason, nothing_was_bought=self.nothing_was_bought)


class Correction(Vouched):
    parameters: dict[PlainText, PlainText] = Field(
        min_length=1, description="the parameters to change, and `domain`", examples=[{"template": "debian-12"}]
    )

    def by(self, actor: str) -> Decision:
        return super().by(actor).model_copy(update={"parameters": dict(self.parameters)})


class DoneByHand(_Decision):
    upstream_number: PlainText = Field(
        default="",
        max_length=64,
        pattern=r"^\S*$",
        description="number of the item at the upstream; needed for an opening",
        examples=["4711"],
    )

    def by(self, actor: str) -> Decision:
        return Decision(actor=actor, reason=self.reason, upstream_number=self.upstream_number)


# Answers.


class OrderAccepted(Document):
    """An order that cannot be lost any more."""

    service: ServiceView
    operation: OperationView


class DecisionTaken(Document):
    """A decision that was written down and acted upon."""

    operation: int = Field(description="number of the operation")
    stage: Stage = Field(description="where the operation is now")
    message: str


class Services(Page[ServiceView]):
    """Services, newest first."""


class Operations(Page[OperationView]):
    """Operations, newest first."""


class Tasks(Page[TaskView]):
    """Tasks, newest first."""


class Audit(Page[AuditView]):
    """What was done, newest first."""


class Orphans(Page[OrphanView]):
    """Items at an upstream that are no service of ours, newest first."""


class Events(Page[EventView]):
    """Changes seen at an upstream, newest first."""


class Upstreams(Document):
    """All upstream accounts, by name."""

    items: list[UpstreamView]


class Alive(Document):
    status: Literal["ok"] = "ok"


class Check(Document):
    status: Literal["ok", "unavailable"]
    detail: str = Field(default="", description="what it is that is not there, and what follows from it")


class Ready(Document):
    """Orders are accepted. Without Temporal they wait for it in stage `accepted`."""

    status: Literal["ready", "degraded"]
    database: Check
    temporal: Check


class NotReady(Problem):
    """Orders can't be accepted: the database is not there."""

    database: Check
    temporal: Check
