"""Tables of the orders: services, operations, tasks, the stages passed, what was sent, and the money set aside."""

from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from models.columns import amount_column, empty_dict, enum_column, json_column, utc_column, utc_now
from models.enums import (
    AtEndOfTerm,
    FailureClass,
    IntentState,
    IntentStep,
    OperationKind,
    RenewalOwner,
    RenewalSide,
    ReservationState,
    ServiceStatus,
    Stage,
    TaskMode,
    TaskState,
    UnpaidKind,
)
from models.explanations import Explanation, explain
from models.money import Money
from models.renewal import owner_of, stored

_RUNNING = "stage NOT IN ('queued', 'completed', 'cancelled')"
RUNNING = sa.text(f"operation.{_RUNNING}")
"""The operation runs. Said with the same words as in the index of these, which the database can use then."""


_CLOSED = "status = 'closed'"


class Service(SQLModel, table=True):
    """What the customer has. `id` is the service number that people see everywhere."""

    __tablename__ = "service"
    __table_args__ = (
        # Two services can never hold the same upstream item, whatever goes wrong in the code above.
        sa.UniqueConstraint("account_id", "product_type", "upstream_number"),
        sa.Index("service_by_customer", "customer", "id"),
        sa.Index("service_by_status", "status", "id"),
        sa.Index("service_by_plan", "plan_id", "id"),
        sa.Index("service_by_owner", "owner", "id"),
        sa.Index("service_by_end_of_term", "expires_on", "id"),
        sa.Index("service_by_reference", "reference", "id"),
        sa.Index("service_by_creation", "created_at"),
        sa.Index("service_by_expiry", "account_id", "expires_on"),
        sa.Index(
            "service_closed",
            "account_id",
            "status_since",
            sqlite_where=sa.text(_CLOSED),
            postgresql_where=sa.text(_CLOSED),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    customer: str = Field(max_length=200)
    owner: str | None = Field(default=None, max_length=64)
    """Name of the storefront whose it is; None: the operators'. See orders.access.ownership."""
    plan_id: int = Field(foreign_key="tariff_plan.id")
    product_type: str = Field(max_length=32)
    module_id: int = Field(foreign_key="processing_module.id")
    home_module_id: int | None = Field(default=None, foreign_key="processing_module.id")
    """Set while the service is in the hands of the manual module: where it goes back to."""
    account_id: int | None = Field(default=None, foreign_key="upstream_account.id")
    status: ServiceStatus = Field(default=ServiceStatus.ORDERED, sa_column=enum_column(ServiceStatus))
    status_since: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    suspend_reason: str | None = None
    name: str = Field(index=True, max_length=255)
    """Domain or licence name, as sent to the upstream."""
    name_is_ours: bool = True
    """We made the name up (so it is unique); otherwise the customer chose it."""
    mark: str = Field(unique=True, max_length=64)
    """Our own value on the item at the upstream, by which it is found again."""
    upstream_number: str | None = Field(default=None, max_length=64)
    upstream_tariff: str = ""
    period_months: int
    parameters: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    addons: dict[str, int | str] = Field(default_factory=empty_dict, sa_column=json_column())
    """Add-on -> quantity; of one that is a choice (or a switch) the name of what was chosen (`on` or `off`)."""
    renewal_owner: RenewalSide = Field(default=RenewalSide.RESELLFLOW, sa_column=enum_column(RenewalSide))
    """The side alone, in the words of older versions. `renewed_by` says who renews it."""
    renews_automatically: bool = False
    at_end_of_term: AtEndOfTerm = Field(default=AtEndOfTerm.RENEW, sa_column=enum_column(AtEndOfTerm))
    ip: str = ""
    expires_on: date | None = None
    anchor_day: int | None = None
    """The day of the month on which its terms end (31: the last of a month that has no such day)."""
    cost_amount: Decimal | None = Field(default=None, sa_column=amount_column(nullable=True))
    cost_currency: str | None = Field(default=None, max_length=3)
    reference: str = Field(default="", max_length=200)
    """The shop's own name of it; empty: it gave none. See orders.references."""
    shop_metadata: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    """The shop's own values."""
    created_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())

    @property
    def renewed_by(self) -> RenewalOwner:
        return owner_of(self.renewal_owner, self.renews_automatically)

    @renewed_by.setter
    def renewed_by(self, owner: RenewalOwner) -> None:
        self.renewal_owner, self.renews_automatically = stored(owner)


_CALLED_OFF = "called_off_at IS NOT NULL"
_NOT_STARTED = f"{_RUNNING} AND workflow_started_at IS NULL"
_ENDED = "ended_at IS NOT NULL"
_SLOW = "slow_since IS NOT NULL"


class Operation(SQLModel, table=True):
    """One thing to do to a service. `id` is the operation number."""

    __tablename__ = "operation"
    __table_args__ = (
        sa.Index(
            "one_running_operation_per_service",
            "service_id",
            unique=True,
            sqlite_where=sa.text(_RUNNING),
            postgresql_where=sa.text(_RUNNING),
        ),
        sa.Index("operation_stage_upstream", "stage", "upstream_name"),
        sa.Index("operation_by_service", "service_id", "id"),
        sa.Index("operation_by_stage", "stage", "id"),
        sa.Index("operation_by_kind", "kind", "id"),
        sa.Index("operation_by_upstream", "upstream_name", "id"),
        sa.Index("operation_by_reference", "reference", "id"),
        sa.Index("operation_by_creation", "created_at"),
        sa.Index(
            "operation_not_started",
            "id",
            sqlite_where=sa.text(_NOT_STARTED),
            postgresql_where=sa.text(_NOT_STARTED),
        ),
        sa.Index("operation_slow", "id", sqlite_where=sa.text(_SLOW), postgresql_where=sa.text(_SLOW)),
        sa.Index("operation_ended", "ended_at", sqlite_where=sa.text(_ENDED), postgresql_where=sa.text(_ENDED)),
        sa.Index(
            "operation_called_off",
            "called_off_at",
            sqlite_where=sa.text(_CALLED_OFF),
            postgresql_where=sa.text(_CALLED_OFF),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    service_id: int = Field(foreign_key="service.id")
    kind: OperationKind = Field(sa_column=enum_column(OperationKind))
    upstream_name: str = Field(default="", max_length=64)
    """Name of the upstream account; empty when done by hand."""
    stage: Stage = Field(default=Stage.ACCEPTED, sa_column=enum_column(Stage))
    stage_since: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    reason: str = ""
    """What is particular about the stage this time."""
    failure_class: FailureClass | None = Field(default=None, sa_column=enum_column(FailureClass, nullable=True))
    tries: int = 0
    """How often this stage has been tried in vain."""
    next_try_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """The time of the next automatic attempt. None: there is none."""
    parameters: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    """What this operation was asked to do, e.g. period_months for an opening."""
    cost_amount: Decimal | None = Field(default=None, sa_column=amount_column(nullable=True))
    cost_currency: str | None = Field(default=None, max_length=3)
    price: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    """How `cost` came about, for people: what was quoted, expected and agreed, and which check was skipped; see
    orders.money.prices."""
    agreed_limit_amount: Decimal | None = Field(default=None, sa_column=amount_column(nullable=True))
    agreed_limit_currency: str | None = Field(default=None, max_length=3)
    """The most that the caller agreed to be charged by the upstream for this operation."""
    quote: str | None = Field(default=None, max_length=40)
    """Name of the quote that it was ordered by. None: it named none."""
    slow_since: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """Since when its confirmation takes longer than usual; None: it does not, or is over."""
    usual_seconds: int | None = None
    """What was usual then."""
    called_off_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """Since when nothing of it may be sent any more, because its service is not wanted any more."""
    called_off_by: str = Field(default="", max_length=64)
    actor: str = Field(default="", max_length=64)
    asked_with: str | None = Field(default=None, max_length=255)
    """Its idempotency key, a copy. None: it is older than copies."""
    urgent: bool = False
    """Goes before the others that wait in the queue."""
    reference: str = Field(default="", max_length=200)
    """The shop's own name of it; empty: it gave none. See orders.references."""
    shop_metadata: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    """The shop's own values."""
    request_id: str | None = Field(default=None, max_length=128)
    """The request that it came from (`X-Request-Id`), for the log. None: it is older than that."""
    traceparent: str | None = Field(default=None, max_length=55)
    """The trace that it belongs to, as W3C Trace Context writes it. None: there was none."""
    workflow_started_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    created_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    ended_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    history_begins_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """Since when the stages passed are whole; those before have been removed by age. None: all are there."""

    @property
    def waits_for(self) -> str:
        return self._explanation.waits_for

    @property
    def next_step(self) -> str:
        return self._explanation.next_step

    @property
    def _explanation(self) -> Explanation:
        called_off = self.called_off_at is not None
        return explain(self.stage, self.reason, called_off=called_off, failure=self.failure_class)

    @property
    def cost(self) -> Money | None:
        if self.cost_amount is None or self.cost_currency is None:
            return None
        return Money(amount=self.cost_amount, currency=self.cost_currency)

    @property
    def agreed_limit(self) -> Money | None:
        if self.agreed_limit_amount is None or self.agreed_limit_currency is None:
            return None
        return Money(amount=self.agreed_limit_amount, currency=self.agreed_limit_currency)


class IntakeKey(SQLModel, table=True):
    """An idempotency key, for ever: the same client and key never make two orders."""

    __tablename__ = "intake_key"

    client: str = Field(primary_key=True, max_length=64)
    key: str = Field(primary_key=True, max_length=255)
    body_hash: str = Field(max_length=64)
    operation_id: int = Field(foreign_key="operation.id")
    created_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())


class StageEntry(SQLModel, table=True):
    """A stage that an operation entered, and when."""

    __tablename__ = "stage_entry"
    __table_args__ = (sa.Index("stage_entry_of_operation", "operation_id", "id"), {"sqlite_autoincrement": True})

    id: int = Field(default=None, primary_key=True)
    operation_id: int = Field(foreign_key="operation.id")
    stage: Stage = Field(sa_column=enum_column(Stage))
    at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    reason: str = ""


TAKEN = "assignee != ''"
MAY_BE_OVERDUE = "(overdue OR (state = 'open' AND due_at IS NOT NULL))"
"""It is overdue, or is open and becomes so."""
_FOR_PEOPLE = "state = 'open' AND mode = 'manual'"
FOR_PEOPLE = sa.text("task.state = 'open' AND task.mode = 'manual'")
"""The task waits for a person. Said with the same words as in the index of these, which the database can use then."""


class Task(SQLModel, table=True):
    """The piece of work linked to an operation, for people to see. Only a manual one asks them to act."""

    __tablename__ = "task"
    __table_args__ = (
        sa.Index("task_by_state", "state", "id"),
        sa.Index("task_by_mode", "mode", "id"),
        sa.Index("task_by_service", "service_id", "id"),
        sa.Index("task_by_department", "department", "id"),
        sa.Index("task_by_assignee", "assignee", "id"),
        sa.Index("task_by_age", "created_at"),
        sa.Index("task_taken", "id", sqlite_where=sa.text(TAKEN), postgresql_where=sa.text(TAKEN)),
        sa.Index(
            "task_for_people",
            "created_at",
            "id",
            sqlite_where=sa.text(_FOR_PEOPLE),
            postgresql_where=sa.text(_FOR_PEOPLE),
        ),
        sa.Index("task_overdue", "id", sqlite_where=sa.text(MAY_BE_OVERDUE), postgresql_where=sa.text(MAY_BE_OVERDUE)),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    operation_id: int = Field(foreign_key="operation.id", unique=True)
    service_id: int = Field(foreign_key="service.id")
    mode: TaskMode = Field(default=TaskMode.AUTOMATIC, sa_column=enum_column(TaskMode))
    state: TaskState = Field(default=TaskState.OPEN, sa_column=enum_column(TaskState))
    department: str = Field(max_length=64)
    title: str
    instructions: str = ""
    due_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    overdue: bool = False
    assignee: str = ""
    taken_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    note: str = ""
    created_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    closed_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))


_UNSETTLED = "state IN ('prepared', 'unknown')"
UNSETTLED = sa.text(f"intent.{_UNSETTLED}")
"""It is not known what became of the call. Said with the words of the index of these, which the database can use then.
"""
_UNSETTLED_OR_ACCEPTED = "state IN ('prepared', 'unknown', 'accepted')"


class Intent(SQLModel, table=True):
    """A call that changes or costs, committed before it is sent."""

    __tablename__ = "intent"
    __table_args__ = (
        sa.Index(
            "one_unsettled_intent_per_operation",
            "operation_id",
            unique=True,
            sqlite_where=sa.text(_UNSETTLED),
            postgresql_where=sa.text(_UNSETTLED),
        ),
        # Never again after a yes: what was accepted is not sent a second time, whatever goes wrong in the code above.
        sa.Index(
            "one_unsettled_or_accepted_intent_per_step",
            "operation_id",
            "step",
            unique=True,
            sqlite_where=sa.text(_UNSETTLED_OR_ACCEPTED),
            postgresql_where=sa.text(_UNSETTLED_OR_ACCEPTED),
        ),
        sa.Index("intent_of_operation", "operation_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    operation_id: int = Field(foreign_key="operation.id")
    account_id: int = Field(foreign_key="upstream_account.id", index=True)
    attempt: int
    step: IntentStep = Field(default=IntentStep.SEND, sa_column=enum_column(IntentStep))
    state: IntentState = Field(default=IntentState.PREPARED, sa_column=enum_column(IntentState))
    send_until: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """The sender's lease, by the database's clock: the request may leave until then, and not after."""
    flight_seconds: float | None = None
    """The whole time that its sender gives it once it has left: the account's limit then. None: the setting's."""
    mark: str = Field(max_length=64)
    request: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    """What is sent, secrets left out."""
    before: dict[str, list[str]] = Field(default_factory=empty_dict, sa_column=json_column())
    """The upstream's state before sending, e.g. numbers that carry the name already."""
    upstream_number: str | None = Field(default=None, max_length=64)
    failure_class: FailureClass | None = Field(default=None, sa_column=enum_column(FailureClass, nullable=True))
    message: str = ""
    unpaid_kind: UnpaidKind | None = Field(default=None, sa_column=enum_column(UnpaidKind, nullable=True))
    unpaid_number: str | None = Field(default=None, max_length=64)
    """What the upstream made of the request and wants to be paid first; empty text: its number is not known yet."""
    evidence: dict[str, object] = Field(default_factory=empty_dict, sa_column=json_column())
    """What the latest verdict on this call rests on: rows seen, forms read, whether the list was complete, or why not.
    """
    late_yes: str | None = None
    """The upstream's yes that came after the call was settled otherwise, in words, with the item's number."""
    created_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    unknown_since: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    settled_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))

    @property
    def never_left(self) -> bool:
        """For certain no byte of it reached the upstream."""
        return self.state is IntentState.NOT_SENT and self.failure_class is FailureClass.NOT_SENT

    @property
    def was_refused(self) -> bool:
        """The upstream answered with a definite no. It may have been done all the same: that is not proven yet."""
        return self.state is IntentState.REFUSED or (self.state is IntentState.NOT_SENT and not self.never_left)


ORDINARY_PLACE = 10_000_000
"""The place in line of all that is no prolongation; that of a prolongation is the day on which the term ends, as a
number, which is less."""

_CHARGED = "release_number IS NOT NULL"


class Reservation(SQLModel, table=True):
    """Money of an upstream account set aside for an operation; see orders.money.funds."""

    __tablename__ = "reservation"
    __table_args__ = (
        sa.Index("reservation_account_state", "account_id", "state"),
        sa.Index(
            "reservation_charged",
            "account_id",
            "released_at",
            "release_number",
            sqlite_where=sa.text(_CHARGED),
            postgresql_where=sa.text(_CHARGED),
        ),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    operation_id: int = Field(foreign_key="operation.id", unique=True)
    account_id: int = Field(foreign_key="upstream_account.id")
    state: ReservationState = Field(default=ReservationState.WAITING, sa_column=enum_column(ReservationState))
    amount: Decimal = Field(sa_column=amount_column())
    place: int = ORDINARY_PLACE
    """Who waits is served by this, and then by the numbers of the operations."""
    refused_balance: Decimal | None = Field(default=None, sa_column=amount_column(nullable=True))
    """The balance when the upstream itself refused for want of money."""
    refused_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    release_number: int | None = None
    """The account's release_count when this was released as charged; empty: it was released uncharged."""
    granted_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    released_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
