"""Messages between workflows, activities and their callers. One frozen model each way; later fields get defaults.

They travel through Temporal's history and UI, so they hold numbers and states, never a secret or a customer's data.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from models.enums import EventKind, FailureClass, OperationKind, Stage, UpstreamStatus


class Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class OrderPolicy(Message):
    """What a running order was given about patience when it started."""

    confirmation_check_after: timedelta = timedelta(minutes=90)
    """An order that heard nothing for so long asks the upstream itself."""
    submit_timeout: timedelta = timedelta(seconds=75)
    read_timeout: timedelta = timedelta(seconds=60)
    heartbeat_timeout: timedelta = timedelta(seconds=10)


class OrderInput(Message):
    """Starts a ServiceOrder."""

    service: int
    operation: int
    kind: OperationKind
    upstream: str = ""
    policy: OrderPolicy = OrderPolicy()
    in_one_step: bool = False
    """Money and request are one activity. False: it was started before there was that one."""


class OrderRef(Message):
    """Names the operation an activity works for."""

    service: int
    operation: int
    patient: bool = False
    """The order is shown as `retrying` already: fail and let Temporal repeat, instead of returning the trouble."""


class Funds(StrEnum):
    GRANTED = "granted"
    WAITING = "waiting"
    TROUBLE = "trouble"
    NOT_NEEDED = "not_needed"
    """The request has been accepted already."""
    ENDED = "ended"
    """The operation has ended; `stage` says how."""
    BY_HAND = "by_hand"
    """No upstream does it: a person will; `reason` says why."""
    ATTENTION = "attention"
    """The order waits for a person's decision: a workflow that was started anew must not pass over that."""
    CALLED_OFF = "called_off"
    """It is not wanted any more: what its requests left is looked for, then it ends."""


class FundsResult(Message):
    outcome: Funds
    required: str = ""
    free: str = ""
    ahead: int = 0
    """How many orders of the account wait before this one."""
    stage: Stage | None = None
    failure: FailureClass | None = None
    reason: str = ""


class Submission(StrEnum):
    """What became of a call that changes or costs."""

    ACCEPTED = "accepted"
    """Done, and the upstream number is known."""
    ACCEPTED_UNNUMBERED = "accepted_unnumbered"
    """Done; the answer had no number, so the item has to be found by its mark."""
    UNKNOWN = "unknown"
    UNPAID = "unpaid"
    """The upstream made an order or a cart row of it, and charged nothing: paying is the next step, money first."""
    NOT_DONE = "not_done"
    """Proven to have had no effect: may be sent again."""
    FUNDS = "funds"
    TROUBLE = "trouble"
    """Nothing was sent; the connection is down or unhealthy."""
    NOT_YET = "not_yet"
    ATTENTION = "attention"
    """A machine can't finish it."""
    ALREADY = "already"
    """The upstream is as it should be; nothing was sent."""
    MANUAL = "manual"
    """Only a person can do it; `reason` says why."""
    ENDED = "ended"
    """The operation has ended; `stage` says how."""


class SubmitResult(Message):
    outcome: Submission
    upstream_number: str = ""
    failure: FailureClass | None = None
    reason: str = ""
    field: str = ""
    not_before: datetime | None = None
    stage: Stage | None = None


class StepResult(Message):
    """How far one try has come to have an operation done at the upstream: money first, then the request."""

    funds: FundsResult
    request: SubmitResult | None = None
    """None: no money is set aside, so nothing was sent in this try."""

    @property
    def in_trouble(self) -> bool:
        """Nothing was sent; the connection is down or unhealthy."""
        if self.request is not None:
            return self.request.outcome is Submission.TROUBLE
        return self.funds.outcome is Funds.TROUBLE

    @property
    def reason(self) -> str:
        return self.request.reason if self.request is not None else self.funds.reason

    @property
    def failure(self) -> FailureClass | None:
        return self.request.failure if self.request is not None else self.funds.failure


class UpstreamEventMessage(Message):
    """The signal `upstream_event`: an item was seen in a state at the upstream."""

    event_id: str
    kind: EventKind
    upstream_number: str
    status: UpstreamStatus
    seen_at: datetime
    met: bool | None = None
    """The operation's goal is reached (true) or out of reach (false); None: judge by the status alone."""


class FundsGranted(Message):
    """The signal `funds_granted`: money has been set aside for this order."""

    operation: int


class CalledOff(Message):
    """The signal `called_off`: nothing of it is sent any more, so it need not wait for anything."""

    operation: int


class DecisionKind(StrEnum):
    RETRY = "retry"
    CORRECT_AND_RETRY = "correct_and_retry"
    MARK_DONE = "mark_done"
    CANCEL = "cancel"
    REJECT_TASK = "reject_task"
    ACCEPT_PRICE = "accept_price"
    LOOK_NOW = "look_now"


class Decision(Message):
    """A person's decision about an order that cannot go on automatically. `reason` is written to the audit log."""

    actor: str = Field(min_length=1, max_length=64)
    reason: str = Field(min_length=1, max_length=2000)
    parameters: dict[str, str] = Field(default_factory=dict)
    """correct_and_retry: the fields to change. accept_price: `price`, the sum that was seen."""
    upstream_number: str = ""
    """mark_done: the number of the item at the upstream."""
    nothing_was_bought: bool = False
    """retry: the person has looked at the upstream and vouches that the earlier call had no effect."""
    it_is_paid: bool = False
    """mark_done: what the upstream had put into its cart is paid there; needed where something was unpaid."""
    what_is_paid_stays: bool = False
    """cancel, after the upstream has accepted it: what it has charged and done stays so, and the person knows."""


class Written(Message):
    """Names what API or command line wrote down in the database: who decided, why, and with which values.

    Histories hold this word instead (`orders.decisions.pending`). A Decision or a TaskCompletion in its place was sent
    by hand, or is of an order of before.
    """

    word: str = Field(min_length=1, max_length=64)


OTHER_STAGE = "OtherStage"
"""Type of the error by which a workflow refuses what its stage does not allow. The database may have entered another
one a moment before, in an activity whose answer is on its way."""


class DecisionRecord(Message):
    """Input of the activity that writes a decision down."""

    operation: int
    kind: DecisionKind
    decision: Written | Decision
    decision_id: str


class DecisionOutcome(Message):
    """`refused`: why it cannot be so; nothing was changed."""

    refused: str = ""
    refusal_type: str = "Refused"
    field: str = ""
    called_off: bool = False
    """A cancellation that is not over yet: what earlier requests left at the upstream is removed first."""


class DecisionResult(Message):
    """Answer of an update to the person."""

    stage: Stage
    message: str


class Look(Message):
    """What an order found when it asked the upstream itself."""

    status: UpstreamStatus
    goal_met: bool
    failed: bool = False
    reason: str = ""
    unpaid: bool = False
    """It is still to be paid at the upstream: paying comes first, then it is waited for again."""


class OrderResult(Message):
    """Result of a ServiceOrder."""

    stage: Stage
    service: int
    operation: int
    upstream_number: str = ""


class ManualWork(Message):
    """Hand an operation to a person."""

    service: int
    operation: int
    reason: str


class ManualTask(Message):
    """The task that was opened for it."""

    task: int
    department: str
    due: datetime
    instructions: str
    stage: Stage | None = None
    """The operation is not running any more: no task was opened; this is its stage."""


class TaskCompletion(Message):
    """Signal and update: a person says that the manual work is done."""

    actor: str = Field(default="temporal", max_length=64)
    note: str = Field(default="", max_length=2000)
    expires_on: date | None = None
    """The new expiry, where no upstream reports it (manual module); without it the months are added."""


class OrderCompletion(OrderRef):
    """The result is to be applied."""

    by: Written | TaskCompletion | None = None
    """The person who said that the manual work is done, if anybody had to."""
    event: str = ""
    """The event that says that the goal is reached, by its id. It must be in the database, with this status; empty: the
    upstream was asked, or a person has done it."""
    status: UpstreamStatus | None = None


class OrderEnding(Message):
    """What became of an OrderCompletion."""

    confirmed: bool = True
    """False: nothing was changed, because the database has no such event of this operation."""


class StageReport(Message):
    """A stage that the workflow entered by its own decision, to be written to the database."""

    operation: int
    stage: Stage
    reason: str = ""
    failure: FailureClass | None = None


class PollInput(Message):
    """Starts an EventPoller, and is what it continues with."""

    upstream: str
    lap: timedelta = timedelta(minutes=10)
    """How long one run of the polling activity lasts."""
    heartbeat_timeout: timedelta = timedelta(seconds=10)
    polls: int = 0
    """The cursor shown in the UI; the one that counts is the snapshot in the database."""
    last_poll_at: datetime | None = None


class PollLap(Message):
    """Result of one run of the polling activity."""

    polls: int
    events: int
    last_poll_at: datetime | None = None


class SweepInput(Message):
    lap: timedelta = timedelta(minutes=10)
    heartbeat_timeout: timedelta = timedelta(seconds=10)
    numbers: dict[str, int] = {}
    """The highest numbers that the database had given when the lap before ended, by table."""


class SweepLap(Message):
    started: int
    pollers: int
    numbers: dict[str, int] = {}


class ServiceSweepInput(Message):
    """Starts a ServiceSweep."""

    asked_by: str = "schedule"


class RenewalBatch(Message):
    """Starts Renewals, and is what it continues with and asks for: a batch of services, by the end of their terms."""

    after_day: date | None = None
    """The end of the term of the last service that was looked at; None: begin with the soonest."""
    after_service: int = 0
    at_most: int = 100
    """Services that something is done for."""
    held_only: bool = False
    """Go on with what was held back, because enough of ours was under way at its account."""
    held: int = 0
    """What the batches before this one, of the same walk, have held back."""


class RenewalPosition(Message):
    """How far the walk has come; `day` None: to its end."""

    done: int
    day: date | None = None
    service: int = 0
    held: int = 0
    """Services that something is due for, and that wait until less of ours is under way at their accounts."""


class SendInput(Message):
    """Starts the WebhookSender, and is what it continues with."""

    lap: timedelta = timedelta(minutes=10)
    heartbeat_timeout: timedelta = timedelta(seconds=10)


class SendLap(Message):
    delivered: int
    failed: int
