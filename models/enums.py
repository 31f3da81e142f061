"""Every closed set of words, in one place. The values are what people see in the API, the CLI and Temporal UI."""

from enum import IntEnum, StrEnum
from typing import Self


class OperationKind(StrEnum):
    """One thing to do to a service."""

    # The word, the purpose for people, the command if it is not the word. All else is said by the class of this kind,
    # in the module `orders.operations.<word>`.

    purpose: str
    command: str

    def __new__(cls, word: str, purpose: str = "", command: str = "") -> Self:
        self = str.__new__(cls, word)
        self._value_ = word
        self.purpose = purpose
        self.command = command or word.replace("_", "-")
        return self

    OPEN = "open", "Order a service", "order"
    PROLONG = "prolong", "Prolong a service"
    SUSPEND = "suspend", "Suspend a service"
    RESUME = "resume", "Resume a suspended service"
    CLOSE = "close", "Close a service for good"
    CHANGE_PLAN = "change_plan", "Change the tariff plan"
    SET_PARAMETERS = "set_parameters", "Change add-ons, domain, renewal, password or licence key", "change"

    @property
    def verb(self) -> str:
        """The words for a title, for example "suspend service 7", "change plan of service 7"."""
        words = self.value.replace("_", " ")
        return f"{words} of" if " " in words else words


class Stage(StrEnum):
    """How far an operation has come. docs/architecture.md has the diagram."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    CHECKING_BALANCE = "checking_balance"
    WAITING_FOR_FUNDS = "waiting_for_funds"
    SUBMITTING = "submitting"
    RETRYING = "retrying"
    OUTCOME_UNKNOWN = "outcome_unknown"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    AWAITING_MANUAL_TASK = "awaiting_manual_task"
    NEEDS_ATTENTION = "needs_attention"
    COMPLETED = "completed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in FINAL_STAGES

    @property
    def is_running(self) -> bool:
        """It occupies its service: no other operation of the same service may run at the same time."""
        return self not in FINAL_STAGES and self is not Stage.QUEUED


FINAL_STAGES = frozenset({Stage.COMPLETED, Stage.CANCELLED})


class ServiceStatus(StrEnum):
    """What the customer has."""

    ORDERED = "ordered"
    PROCESSING = "processing"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class TaskState(StrEnum):
    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class TaskMode(StrEnum):
    """An automatic task only informs. A manual one has to be done by a person."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class ModuleKind(StrEnum):
    UPSTREAM = "upstream"
    MANUAL = "manual"


class RenewalOwner(StrEnum):
    """Who renews a service. Two at once would be charged twice, so there is exactly one. docs/renewals.md."""

    STOREFRONT = "storefront"
    """The shop prolongs it."""
    AUTOMATIC = "automatic"
    """We prolong it, without being asked."""
    UPSTREAM = "upstream"
    """The upstream renews it: the only one that switches its renewal on."""

    @classmethod
    def _missing_(cls, value: object) -> "RenewalOwner | None":
        """The word of before there were three."""
        return cls.STOREFRONT if value == RenewalSide.RESELLFLOW.value else None


class AtEndOfTerm(StrEnum):
    """What becomes of a service when its term ends, as its storefront wants it."""

    RENEW = "renew"
    """Whoever renews it does so."""
    EXPIRE = "expire"
    """Nobody renews it."""
    CLOSE = "close"
    """Nobody renews it, and it is closed then."""


class RenewalUrgency(StrEnum):
    """How soon a term ends whose renewal has failed so far. Each is tried again more often than the one before."""

    LOW = "low"
    """In three days or more."""
    HIGH = "high"
    """In two days."""
    URGENT = "urgent"
    """Tomorrow."""
    LAST_DAY = "last_day"
    ENDED = "ended"
    """It is over: nothing is tried any more."""


class RenewalSide(StrEnum):
    """On which side a service is renewed, as the tables have said it since before there were three owners. Processes of
    older versions read and write these words."""

    RESELLFLOW = "resellflow"
    UPSTREAM = "upstream"


class Role(StrEnum):
    """The role of a token. `orders.access.roles` says what each may do."""

    STOREFRONT = "storefront"
    """A shop. It sees and changes only its own services; all other roles see everything."""
    VIEWER = "viewer"
    OPERATOR = "operator"
    SENIOR = "senior"
    FINANCE = "finance"
    ADMIN = "admin"


class UpstreamStatus(IntEnum):
    """What state an item is in at its upstream. An adapter finds it out.

    The numbers are how it is stored, in snapshots, in events and in the ids of events: they stay as they are.
    """

    UNKNOWN = 0
    ORDERED = 1
    ACTIVE = 2
    SUSPENDED = 3
    DELETED = 4
    PROCESSING = 5


class SuspendReason(StrEnum):
    """Why the upstream suspended an item. The words are stored, and seen by people."""

    AUTOMATIC = "autosuspend"
    STAFF = "employeesuspend"
    ABUSE = "abusesuspend"


class FailureClass(StrEnum):
    """What a failure at the upstream means for an order; one policy each (docs/architecture.md)."""

    NOT_SENT = "not_sent"
    OUTCOME_UNKNOWN = "outcome_unknown"
    FUNDS = "funds"
    NOT_YET = "not_yet"
    EXISTS = "exists"
    REJECTED = "rejected"
    UNHEALTHY = "connection_unhealthy"
    SETUP_FAULT = "setup_fault"
    PRICE_CHANGED = "price_changed"
    """The upstream's price is not what was agreed or expected: a person decides."""


class IntentStep(StrEnum):
    """Which of an operation's calls an intent is about. Most operations have one: `send`."""

    SEND = "send"
    CONFIRM_CART = "confirm_cart"
    """Turn the row that `send` left in the upstream's cart into an order that is paid from the balance."""
    PAY = "pay"
    """Pay, from the balance, an order that the upstream made for it."""


class UnpaidKind(StrEnum):
    """What the upstream made of a request that it did not charge at once."""

    CART_ROW = "cart_row"
    """A row of the cart."""
    ORDER = "order"
    """An order that waits for its payment."""


class AddonKind(StrEnum):
    """What may be ordered of an add-on."""

    QUANTITY = "quantity"
    SWITCH = "switch"
    CHOICE = "choice"


class Unquoted(StrEnum):
    """What happens to an order whose price the upstream shows in a way that can't be read."""

    ASK = "ask"
    ALLOW = "allow"
    """The catalogue's cost stands in."""


class AbovePrice(StrEnum):
    """What happens to an order that costs more at the upstream than we sell it for."""

    ASK = "ask"
    ALLOW = "allow"


class IncidentKind(StrEnum):
    """Something that must not happen and has happened, or may have. docs/operations.md says what to do."""

    LATE_YES = "late_yes"
    """The upstream said yes to a request that had been given up or settled otherwise."""
    SECOND_ITEM = "second_item"
    """Two items at the upstream carry the mark of one service."""
    PAID_LEFTOVER = "paid_leftover"
    """An item of a request that was refused has been paid at the upstream."""
    FOREIGN_CART = "foreign_cart"
    """Something of somebody else is in the cart with ours: nothing is paid."""
    RENEWED_TWICE = "renewed_twice"
    """The upstream renews an item that its storefront, or we, renew, too."""
    RENEWED_BY_NOBODY = "renewed_by_nobody"
    """The upstream should renew an item, and does not."""
    RENEWAL_FAILED = "renewal_failed"
    """A service that we renew is not renewed yet, and its term ends."""
    UNKNOWN_TARIFF = "unknown_tariff"
    """An item of ours has a tariff that no plan of the catalogue is mapped to."""
    OTHER_TERM = "other_term"
    """The upstream's result is not what it had announced: another expiry, another sum."""
    ADDONS_LOST = "addons_lost"
    """Add-ons that a service has are not at the upstream any more."""
    ADDONS_KEPT = "addons_kept"
    """Add-ons that a change of plan should have dropped are still at the upstream."""
    WORKFLOW_WEDGED = "workflow_wedged"
    """Every task of a workflow fails, and so do those of the new run that was started for it."""
    DRIFT = "drift"
    """Our record and an upstream differ, and a person decides which is right."""
    ORDERS_NOT_STARTED = "orders_not_started"
    """Orders were accepted, and no workflow was started for them."""
    SIGNALS_NOT_DELIVERED = "signals_not_delivered"
    """Events that orders wait for were seen, and the orders were not signalled."""
    OPERATIONS_STUCK = "operations_stuck"
    """Operations are for too long in a stage that only machines leave."""
    SLOWER_THAN_USUAL = "slower_than_usual"
    """An upstream takes longer than usual for what it has accepted."""
    POLLER_SILENT = "poller_silent"
    """An upstream has not been read for a while, and nothing says why."""
    UPSTREAM_UNHEALTHY = "upstream_unhealthy"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_PAUSED = "upstream_paused"
    """A person wants nothing sent to it."""
    LIST_UNREADABLE = "list_unreadable"
    SWEEP_OVERDUE = "sweep_overdue"
    WORKERS_SILENT = "workers_silent"
    """No worker looks after the orders."""
    TEMPORAL_LOST = "temporal_lost"
    """An API or a worker can't reach Temporal."""
    DATABASE_LOST = "database_lost"
    """An API or a worker could not reach the database for a while."""
    VERSION_WITHOUT_WORKERS = "version_without_workers"
    """Orders wait for a version of the workers that nobody runs."""
    SHORT_OF_MONEY = "short_of_money"
    """What falls due on an account is more than is there."""
    REFUND_UNMATCHED = "refund_unmatched"
    """An upstream paid something back, and it is not known for which operation."""
    REFUNDS_UNREADABLE = "refunds_unreadable"
    """What an upstream pays back can't be read in its lists."""
    MISSED_CHANGES = "missed_changes"
    """The sweep found changes at an upstream that the poller should have seen before."""
    NOT_NOTIFIED = "not_notified"
    """Notifications can't be sent through a channel."""


class RefundSource(StrEnum):
    """How an upstream's lists show that money came back."""

    EXPENSE = "expense"
    """An expense with the sign that charges do not have."""
    PAYMENT = "payment"
    """A payment that says that it is a refund."""
    LOWERED_EXPENSE = "lowered_expense"
    """The expense of an operation is lower than what it was charged, or not listed any more."""


class RefundState(StrEnum):
    """Whether it is known what a refund is for."""

    OPEN = "open"
    """It belongs to no operation for certain: a person decides."""
    DOUBTFUL = "doubtful"
    """An expense was missing once. It counts if the next look misses it, too."""
    WRITTEN = "written"
    """It is written to an operation, by proof or by a person."""
    IGNORED = "ignored"
    """A person said that it belongs to no operation of ours."""


class IntentState(StrEnum):
    """How far a call that changes something or costs money has come. It is recorded before the call is sent."""

    PREPARED = "prepared"
    """Committed before sending. After a crash: may or may not have been sent, so it is settled like UNKNOWN."""
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    NOT_SENT = "not_sent"
    REFUSED = "refused"
    NOT_DONE = "not_done"
    """Proven by reading the upstream that the call had no effect."""
    ABANDONED = "abandoned"
    """A person decided; see the audit entry."""

    @property
    def is_settled(self) -> bool:
        return self not in (IntentState.PREPARED, IntentState.UNKNOWN)


class DeliveryState(StrEnum):
    """The state of a webhook message for one endpoint."""

    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    """Every attempt failed; it can be sent again by hand (replay)."""


class Source(StrEnum):
    """The origin of a change of a service."""

    UPSTREAM = "upstream"
    """Seen there, by an event or by an operation's last look."""
    OPERATION = "operation"
    PERSON = "person"
    """Decided or done by hand."""
    RESELLFLOW = "resellflow"


class MemberState(StrEnum):
    """What becomes of an operation of a batch."""

    PLANNED = "planned"
    """The action is possible."""
    EXCLUDED = "excluded"
    """It is not, and the message says why."""
    TAKEN = "taken"
    """A run is at it."""
    DONE = "done"
    REFUSED = "refused"
    """It was not possible any more."""


class MessageType(StrEnum):
    """The type of a webhook message in CloudEvents. Its last part is the version of the data's shape."""

    SERVICE_APPEARED = "resellflow.service.appeared.v1"
    SERVICE_OPENED = "resellflow.service.opened.v1"
    SERVICE_SUSPENDED = "resellflow.service.suspended.v1"
    SERVICE_RESUMED = "resellflow.service.resumed.v1"
    SERVICE_CLOSED = "resellflow.service.closed.v1"
    SERVICE_VANISHED = "resellflow.service.vanished.v1"
    SERVICE_PROLONGED = "resellflow.service.prolonged.v1"
    SERVICE_SHORTENED = "resellflow.service.shortened.v1"
    SERVICE_PLAN_CHANGED = "resellflow.service.plan_changed.v1"
    SERVICE_PARAMETERS_CHANGED = "resellflow.service.parameters_changed.v1"
    SERVICE_COST_CHANGED = "resellflow.service.cost_changed.v1"
    SERVICE_KEY_READY = "resellflow.service.key_ready.v1"
    SERVICE_HELD_BACK = "resellflow.service.held_back.v1"
    SERVICE_EXPIRING = "resellflow.service.expiring.v1"
    """Its term ends, and its storefront is the one who prolongs it."""
    SERVICE_RENEWAL_CHANGED = "resellflow.service.renewal_changed.v1"
    """What becomes of it at the end of its term."""
    RENEWAL_UPCOMING = "resellflow.renewal.upcoming.v1"
    """We shall prolong it, unless its storefront says stop."""
    RENEWAL_DONE = "resellflow.renewal.done.v1"
    RENEWAL_FAILED = "resellflow.renewal.failed.v1"
    """It is not done yet; repeated each day until the term ends."""
    ITEM_APPEARED = "resellflow.item.appeared.v1"
    """An item that is no service of ours."""
    OPERATION_STARTED = "resellflow.operation.started.v1"
    OPERATION_WAITING_FOR_FUNDS = "resellflow.operation.waiting_for_funds.v1"
    OPERATION_AWAITING_MANUAL_TASK = "resellflow.operation.awaiting_manual_task.v1"
    OPERATION_SLOW = "resellflow.operation.slow.v1"
    """Its confirmation takes longer than usual at this upstream; it goes on waiting."""
    OPERATION_NEEDS_ATTENTION = "resellflow.operation.needs_attention.v1"
    OPERATION_COMPLETED = "resellflow.operation.completed.v1"
    OPERATION_CANCELLED = "resellflow.operation.cancelled.v1"
    OPERATION_REFUNDED = "resellflow.operation.refunded.v1"
    """The upstream paid something back for it."""
    TASK_OVERDUE = "resellflow.task.overdue.v1"
    INCIDENT_RAISED = "resellflow.incident.raised.v1"
    INCIDENT_CLOSED = "resellflow.incident.closed.v1"
    UPSTREAM_BALANCE_LOW = "resellflow.upstream.balance_low.v1"
    UPSTREAM_BALANCE_ENOUGH = "resellflow.upstream.balance_enough.v1"
    PING = "resellflow.ping.v1"


class ReservationState(StrEnum):
    WAITING = "waiting"
    GRANTED = "granted"
    RELEASED = "released"


class Knowledge(StrEnum):
    """What we know of an upstream's behaviour that no documentation settles."""

    UNKNOWN = "unknown"
    YES = "yes"
    NO = "no"


class EventKind(StrEnum):
    """What an event says has changed at the upstream."""

    FIRST_LOOK = "first_look"
    """All items of a type that were there when its list was read for the first time, in one event; those of services of
    ours have events of their own."""
    APPEARED = "appeared"
    OPENED = "opened"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    CLOSED = "closed"
    VANISHED = "vanished"
    PROLONGED = "prolonged"
    SHORTENED = "shortened"
    PLAN_CHANGED = "plan_changed"
    PARAMETERS_CHANGED = "parameters_changed"
    COST_CHANGED = "cost_changed"
    KEY_READY = "key_ready"
    OPERATION_STARTED = "operation_started"
    OPERATION_ENDED = "operation_ended"
    HELD_BACK = "held_back"
    """A value that cannot be right; reported, not applied."""


class DriftKind(StrEnum):
    """What differs. docs/watch.md explains each."""

    PRICE = "price"
    TERM = "term"
    PLAN = "plan"
    ADDONS = "addons"
    STATUS = "status"
    RENEWAL = "renewal"
    GONE = "gone"
    SECOND_ITEM = "second_item"
    FOREIGN_MARK = "foreign_mark"
    NOBODYS_ITEM = "nobodys_item"


class DriftState(StrEnum):
    """What became of a difference."""

    OPEN = "open"
    APPROVED = "approved"
    """A person had our record take over the upstream's value."""
    IGNORED = "ignored"
    """A person said that it may stay so. It is open again once either value changes."""
    OVER = "over"
    """Both sides say the same again."""


class Availability(StrEnum):
    """Whether an upstream sells a tariff at the moment, as far as is known."""

    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"
    """The upstream does not say it, or was not asked yet. An order is sent all the same."""


class AvailabilityCause(StrEnum):
    """Why a tariff is not available, or why that is not known."""

    TARIFF_WITHDRAWN = "tariff_withdrawn"
    """The upstream's price list does not have the tariff, or says that it can't be ordered."""
    NO_DATA_CENTRE = "no_data_centre"
    """The upstream does not offer the data centre, or not with this tariff."""
    ORDER_REFUSED = "order_refused"
    """The upstream has refused an order of it since its price list was read."""
    ACCOUNT_UNHEALTHY = "account_unhealthy"
    """The upstream refuses our account: nothing is ordered there until that is mended."""
    ACCOUNT_PAUSED = "account_paused"
    """A person wants nothing sent to the upstream. Orders wait until it is resumed."""
    ACCOUNT_UNREACHABLE = "account_unreachable"
    """The upstream does not answer. Orders wait for it."""
