"""Bodies and parameters of requests, and answers that are more than one document. The documents: `orders.views`."""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from models.enums import (
    DeliveryState,
    DriftKind,
    DriftState,
    EventKind,
    IncidentKind,
    MessageType,
    OperationKind,
    RefundState,
    Role,
    ServiceStatus,
    Stage,
    TaskMode,
    TaskState,
)
from models.messages import Decision
from models.numbers import HIGHEST_NUMBER
from models.parameters import ADDON
from models.periods import TRIAL
from orders.days import Day, Moment
from orders.drift.views import DriftView
from orders.errors import InvalidField
from orders.events.sweep_views import SweepView
from orders.lifecycle.views import OperationSort
from orders.money.forecast_views import HOURS, MOST_DAYS, MOST_HOURS
from orders.money.limits import CostLimit
from orders.money.refund_views import RefundView
from orders.plans.views import PlanView
from orders.reading.filters import either
from orders.reading.paging import DEFAULT_LIMIT, HIGHEST_LIMIT
from orders.reading.tables import Format
from orders.references import Reference
from orders.services.addons import AskedAddon, from_text
from orders.services.addons import text as addon_text
from orders.services.views import ServiceSort
from orders.tasks.views import AGE_PATTERN
from orders.tasks.work import By, Note, Person
from orders.text import Lines, PlainText, Prose
from orders.views import (
    AuditView,
    DeliveryView,
    Document,
    EventView,
    HistoryEntry,
    IncidentView,
    IntentView,
    OperationView,
    OrphanView,
    Page,
    PageRequest,
    ServiceView,
    TaskView,
    TaskWanted,
    UpstreamView,
    WebhookView,
)
from orders.webhooks.feed_views import FeedRequest, Start
from storefront.problems import Problem

T = TypeVar("T")
Number = Annotated[int, Field(ge=1, le=HIGHEST_NUMBER)]
Name = Annotated[PlainText, Field(max_length=64)]
Wanted = Annotated[list[T], Field(min_length=1, max_length=50)] | None
"""A filter, which may be given several times: what has one of the values is shown."""


class _Strict(BaseModel):
    """What is not known is refused, so that a slip of the pen is not taken for consent."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# Parameters of lists.


class Paging(_Strict):
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=HIGHEST_LIMIT, description="how many at most")
    cursor: PlainText | None = Field(
        default=None, max_length=100, description="`next_cursor` of the page before; absent for the newest"
    )

    format: Format | None = Field(
        default=None,
        description="the whole list as CSV or JSON, all pages after another (`Accept: text/csv` does the same); with "
        "`limit` one page of it",
    )

    def asked(self) -> PageRequest:
        return PageRequest(self.limit, self.cursor)


class ServiceFilter(Paging):
    customer: Wanted[Annotated[PlainText, Field(max_length=200)]] = None
    status: Wanted[ServiceStatus] = None
    plan: Wanted[Name] = Field(default=None, description="name of a tariff plan")
    expires_after: Day | None = Field(default=None, description="its term ends on a later day")
    expires_before: Day | None = Field(default=None, description="its term ends on an earlier day")
    reference: Wanted[Reference] = Field(default=None, description="the shop's own name of it, exactly")
    q: PlainText | None = Field(
        default=None,
        min_length=2,
        max_length=100,
        description="text in name, address, item number, mark, customer or reference, in capitals or not",
    )
    created_after: Moment | None = Field(default=None, description="ordered at this time or later")
    created_before: Moment | None = Field(default=None, description="ordered earlier")
    sort: ServiceSort = Field(default="-created_at", description="`-`: the other way. What has no expiry comes last")


class PlanFilter(Paging):
    product_type: Wanted[Annotated[PlainText, Field(max_length=32)]] = None
    active: Wanted[bool] = Field(default=None, description="whether it is on sale")


class PriceQuestion(_Strict):
    plan: Name = Field(description="name of a tariff plan", examples=["VDS-1"])
    period_months: int = Field(
        ge=TRIAL, le=1200, description="one of the plan's periods; -100: a trial, -50: a day, 0: for ever", examples=[1]
    )
    renewal: bool = Field(default=False, description="what a renewal by this period is sold for")
    addon: list[Annotated[PlainText, Field(max_length=200)]] = Field(
        default_factory=list, max_length=50, description="add-on and value, like `ram:4`; may be given several times"
    )

    def chosen(self) -> dict[str, int | str]:
        """Raises InvalidField."""
        pairs = [text.partition(":") for text in self.addon]
        if not all(name and value for name, _, value in pairs):
            raise InvalidField("addon", "must have a name and a value, like ram:4")
        return {name: from_text(value) for name, _, value in pairs}


class ForecastQuestion(_Strict):
    hours: int | None = Field(default=None, ge=1, le=MOST_HOURS, description=f"look so far ahead; {HOURS} unless given")
    days: int | None = Field(default=None, ge=1, le=MOST_DAYS, description="the same in days")


class OperationFilter(Paging):
    stage: Wanted[Stage] = None
    service: Wanted[Number] = Field(default=None, description="number of a service")
    kind: Wanted[OperationKind] = None
    upstream: Wanted[Name] = Field(default=None, description="name of an upstream account")
    slow: Wanted[bool] = Field(default=None, description="whether its confirmation takes longer than usual")
    reference: Wanted[Reference] = Field(default=None, description="the shop's own name of the request, exactly")
    created_after: Moment | None = Field(default=None, description="accepted at this time or later")
    created_before: Moment | None = Field(default=None, description="accepted earlier")
    ended_after: Moment | None = Field(default=None, description="ended at this time or later")
    ended_before: Moment | None = Field(default=None, description="ended earlier")
    sort: OperationSort = Field(default="-created_at", description="`-`: newest first")


class TaskFilter(Paging):
    state: Wanted[TaskState] = None
    service: Wanted[Number] = Field(default=None, description="number of a service")
    mode: Wanted[TaskMode] = Field(default=None, description="`manual`: those that ask a person to act")
    department: Wanted[Name] = None
    assignee: Wanted[Name] = Field(default=None, description="who has it in hand")
    taken: Wanted[bool] = Field(default=None, description="whether anybody has it in hand")
    overdue: Wanted[bool] = Field(default=None, description="whether it is past its due time")
    older_than: PlainText | None = Field(
        default=None, pattern=AGE_PATTERN, description="created longer ago", examples=["90m", "24h", "3d"]
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


class IncidentFilter(Paging):
    open: Wanted[bool] = Field(default=None, description="whether nobody has closed it yet")
    service: Wanted[Number] = Field(default=None, description="number of a service")
    kind: Wanted[IncidentKind] = None


class DriftFilter(Paging):
    state: Wanted[DriftState] = None
    kind: Wanted[DriftKind] = None
    service: Wanted[Number] = Field(default=None, description="number of a service")


class RefundFilter(Paging):
    state: Wanted[RefundState] = None
    service: Wanted[Number] = Field(default=None, description="number of a service")
    operation: Wanted[Number] = Field(default=None, description="number of an operation")


class EventFilter(Paging):
    kind: Wanted[EventKind] = None
    service: Wanted[Number] = Field(default=None, description="number of a service")


class FeedFilter(_Strict):
    limit: int = Field(default=HIGHEST_LIMIT, ge=1, le=HIGHEST_LIMIT, description="how many at most")
    cursor: PlainText | None = Field(
        default=None, max_length=100, description="`next_cursor` of the answer before; without it the list begins anew"
    )
    start: Start = Field(
        default="oldest", description="where to begin without a cursor: `now` gives a cursor and no events"
    )
    type: Wanted[MessageType] = None
    service: Wanted[Number] = Field(default=None, description="number of a service")
    format: Format | None = Field(
        default=None, description="all events up to now as CSV or JSON; JSON has `next_cursor` for those to come"
    )

    def asked(self) -> FeedRequest:
        return FeedRequest(self.limit, self.cursor, self.start, self.type, self.service)


# Bodies of what is done about an incident.


class IncidentClosing(_Strict):
    note: Note = Field(description="what it was, and what was done about it; written to the audit log")


class DriftDecision(_Strict):
    reason: Note = Field(description="why; written to the audit log")


class RefundAssignment(_Strict):
    operation: Number = Field(description="number of the operation that it was paid back for")
    reason: Note = Field(description="why; written to the audit log")


class RefundIgnoring(_Strict):
    reason: Note = Field(description="why; written to the audit log")


# Bodies of what is done about a task.


class ActingOnTask(_Strict):
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


class TaskRejected(_Strict):
    reason: Prose = Field(max_length=1900, description="why; written to the audit log")
    override: bool = Field(default=False, strict=True, description="act although the task is automatic")


class DeliveryFilter(Paging):
    webhook: Wanted[Name] = Field(default=None, description="name of a webhook")
    state: Wanted[DeliveryState] = None
    service: Wanted[Number] = Field(default=None, description="number of a service")


# Bodies of decisions.


class _Decision(_Strict):
    reason: Prose = Field(max_length=2000, description="why; written to the audit log", examples=["topped up by hand"])


class Vouched(_Decision):
    nothing_was_bought: bool = Field(
        default=False,
        strict=True,
        description="you have looked at the upstream and vouch that the earlier request had no effect",
    )

    def by(self, actor: str) -> Decision:
        return Decision(actor=actor, reason=self.reason, nothing_was_bought=self.nothing_was_bought)


class LookAsked(_Strict):
    reason: Prose | None = Field(default=None, max_length=2000, description="why; written to the audit log")

    def by(self, actor: str) -> Decision:
        return Decision(actor=actor, reason=self.reason or "looked")


class Cancellation(_Strict):
    reason: Prose | None = Field(
        default=None, max_length=2000, description="why; written to the audit log. Optional for a shop"
    )
    nothing_was_bought: bool = Field(
        default=False,
        strict=True,
        description="operators only: you have looked at the upstream and vouch that the earlier request had no effect",
    )

    what_is_paid_stays: bool = Field(
        default=False,
        strict=True,
        description="operators only, once the upstream has accepted it: you know that this ends only the waiting here; "
        "what the upstream has charged and done stays so",
    )

    def by(self, actor: str, otherwise: str) -> Decision:
        """`otherwise`: the reason, if none is given."""
        return Decision(
            actor=actor,
            reason=self.reason or otherwise,
            nothing_was_bought=self.nothing_was_bought,
            what_is_paid_stays=self.what_is_paid_stays,
        )


class Correction(Vouched):
    parameters: dict[PlainText, Lines] = Field(
        default_factory=dict,
        description="the parameters to change, and `domain`",
        examples=[{"template": "debian-12"}],
    )
    addons: dict[PlainText, AskedAddon] = Field(
        default_factory=dict, description="the add-ons to change, written as in an order", examples=[{"ram": 4}]
    )

    def by(self, actor: str) -> Decision:
        if not self.parameters and not self.addons:
            raise InvalidField("parameters", "name at least one parameter or add-on to correct")
        values = ADDON.written({name: addon_text(value) for name, value in self.addons.items()})
        return super().by(actor).model_copy(update={"parameters": {**self.parameters, **values}})


class PriceAccepted(_Decision):
    price: CostLimit | None = Field(
        default=None,
        description="the `cost` that the operation shows; refused if it is another one. Left out: whatever it shows",
    )

    def by(self, actor: str) -> Decision:
        parameters = {} if self.price is None else {"price": str(self.price)}
        return Decision(actor=actor, reason=self.reason, parameters=parameters)


class DoneByHand(_Decision):
    upstream_number: PlainText = Field(
        default="",
        max_length=64,
        pattern=r"^\S*$",
        description="number of the item at the upstream; needed for an opening",
        examples=["4711"],
    )
    it_is_paid: bool = Field(
        default=False,
        strict=True,
        description="what the upstream had put into its cart is paid there; needed if `allowed_decisions` says so",
    )

    def by(self, actor: str) -> Decision:
        return Decision(
            actor=actor, reason=self.reason, upstream_number=self.upstream_number, it_is_paid=self.it_is_paid
        )


# Answers.


class OrderAccepted(Document):
    """An order that is accepted and can't be lost."""

    service: ServiceView
    operation: OperationView


class TokenHolder(Document):
    """The holder of a token."""

    name: str = Field(description="actor in the audit log; of a storefront, also the owner of its services")
    role: Role


class LicenceKey(Document):
    """A secret of the customer."""

    service: int = Field(description="number of the service")
    licence_key: str


class DecisionTaken(Document):
    """A decision that was stored and carried out."""

    operation: int = Field(description="number of the operation")
    stage: Stage = Field(description="where the operation is now")
    message: str


class TaskEnded(Document):
    """A task that has ended."""

    task: int = Field(description="number of the task")
    operation: int = Field(description="number of the operation")
    state: TaskState
    message: str


class Services(Page[ServiceView]):
    """Services, newest first."""


class Plans(Page[PlanView]):
    """Plans, those that the catalogue got last first."""


class Operations(Page[OperationView]):
    """Operations, newest first."""


class Incidents(Page[IncidentView]):
    """Incidents, newest first."""


class Drifts(Page[DriftView]):
    """Differences from the upstreams, newest first."""


class Refunds(Page[RefundView]):
    """What the upstreams paid back, newest first."""


class Tasks(Page[TaskView]):
    """Tasks, newest first."""


class Audit(Page[AuditView]):
    """What was done, newest first."""


class Intents(Document):
    """The calls of an operation, oldest first."""

    items: list[IntentView]


class History(Page[HistoryEntry]):
    """What changed of a service, newest first."""


class Orphans(Page[OrphanView]):
    """Items at an upstream that are no service of ours, newest first."""


class Events(Page[EventView]):
    """Changes seen at an upstream, newest first."""


class Webhooks(Document):
    """All webhooks, by name."""

    items: list[WebhookView]


class Deliveries(Page[DeliveryView]):
    """What was sent to webhooks, or is on its way; newest first."""


class Replayed(Document):
    """Messages that are on their way once more."""

    replayed: int = Field(description="how many")


class Upstreams(Document):
    """All upstream accounts, by name."""

    items: list[UpstreamView]


class Sweeps(Document):
    """The sweep of each list, by upstream account and product type."""

    items: list[SweepView]


class Alive(Document):
    status: Literal["ok"] = "ok"


class Check(Document):
    status: Literal["ok", "unavailable"]
    detail: str = Field(default="", description="what is missing, and what follows from it")


class Ready(Document):
    """Orders are accepted. Without Temporal they wait for it in stage `accepted`."""

    status: Literal["ready", "degraded"]
    database: Check
    temporal: Check


class NotReady(Problem):
    """Orders can't be accepted: the database is not there."""

    database: Check
    temporal: Check
