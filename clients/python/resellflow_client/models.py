"""What is sent and read. Made by `make client` from the OpenAPI document: do not edit."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from resellflow_client.money import Sum
from resellflow_client.openenum import OpenEnum


class ActingOnTask(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    override: bool = False
    """
    act although the task is automatic; needs a reason
    """
    reason: str | None = None
    """
    why it is overridden; written to the audit log
    """


class AddonKind(OpenEnum):
    """
    What may be ordered of an add-on.
    """

    QUANTITY = "quantity"
    SWITCH = "switch"
    CHOICE = "choice"


class AdoptRequest(BaseModel):
    """
    Makes a service from an item that the upstream already has.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    reason: str | None = None
    """
    why; written to the audit log
    """
    force: bool = False
    """
    do it in spite of differences between the item and the service; needs a reason
    """
    dry_run: bool = False
    """
    only report the differences; change nothing
    """
    plan: str
    """
    name of a tariff plan
    """
    customer: str
    """
    the storefront's own name of its customer
    """
    period_months: int | None = None
    """
    months; absent: the one that the upstream shows
    """


class AtEndOfTerm(OpenEnum):
    """
    What becomes of a service when its term ends, as its storefront wants it.
    """

    RENEW = "renew"
    EXPIRE = "expire"
    CLOSE = "close"


class AttemptView(BaseModel):
    at: AwareDatetime
    status_code: int | None
    """
    null if there was no answer
    """
    duration_ms: int
    error: str | None
    """
    null if the receiver accepted it
    """
    answer: str
    """
    how the receiver's answer begins; empty where a storefront chose the address by the API
    """


class AuditRow(BaseModel):
    """
    An entry with the values that it changed.
    """

    number: int
    at: AwareDatetime
    actor: str
    action: str
    subject: str
    """
    what it was done to, e.g. operation
    """
    subject_number: int
    detail: dict[str, str]
    changes: dict[str, list[str]]
    """
    field -> [before, after]
    """


class AuditView(BaseModel):
    """
    A change and who made it.
    """

    number: int
    at: AwareDatetime
    actor: str
    action: str
    subject: str
    """
    what it was done to, e.g. operation
    """
    subject_number: int
    detail: dict[str, str]


class Availability(OpenEnum):
    """
    Whether an upstream sells a tariff at the moment, as far as is known.
    """

    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


class AvailabilityCause(OpenEnum):
    """
    Why a tariff is not available, or why that is not known.
    """

    TARIFF_WITHDRAWN = "tariff_withdrawn"
    NO_DATA_CENTRE = "no_data_centre"
    ORDER_REFUSED = "order_refused"
    ACCOUNT_UNHEALTHY = "account_unhealthy"
    ACCOUNT_PAUSED = "account_paused"
    ACCOUNT_UNREACHABLE = "account_unreachable"


class AvailabilityView(BaseModel):
    """
    Whether it can be had at the moment, as far as is known.
    """

    status: Availability
    """
    `unavailable`: an order would be accepted, and then wait or need a person. `unknown`: nothing speaks against an order
    """
    cause: AvailabilityCause | None
    """
    null: nothing is wrong, or the upstream does not tell
    """
    reason: str
    """
    the cause in words; empty: there is none
    """
    known_since: AwareDatetime | None
    """
    since when it is so, as far as was seen; null: nothing is known
    """
    checked_at: AwareDatetime | None
    """
    when the upstream's price list was last read; null: never
    """


class Action(OpenEnum):
    RETRY = "retry"
    LOOK_NOW = "look_now"
    CANCEL = "cancel"
    ACCEPT_PRICE = "accept_price"
    ASSIGN = "assign"


class Cancellation(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    reason: str | None = None
    """
    why; written to the audit log. Optional for a shop
    """
    nothing_was_bought: bool = False
    """
    operators only: you have looked at the upstream and vouch that the earlier request had no effect
    """
    what_is_paid_stays: bool = False
    """
    operators only, once the upstream has accepted it: you know that this ends only the waiting here; what the upstream has charged and done stays so
    """


class Cause(OpenEnum):
    """
    Why a sum falls due.
    """

    LINE = "line"
    AUTOMATIC = "automatic"
    UPSTREAM = "upstream"
    STOREFRONT = "storefront"


class CircuitState(OpenEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitView(BaseModel):
    """
    A circuit breaker that is not closed: requests have not been answered lately.
    """

    of: str
    """
    `account`: all requests; `read` and a function of the upstream: what is read by it; otherwise the kind of operation that is sent, or `pay`
    """
    state: CircuitState
    """
    `open`: nothing goes before `next_try`; `half_open`: one request is under way to try it
    """
    since: AwareDatetime
    reason: str
    """
    what came instead of the last answer
    """
    next_try: AwareDatetime
    """
    when the next request goes; a time that has passed waits for one
    """


class Closing(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    reference: str | None = None
    """
    your own name of it, e.g. the number of an invoice; repeated in documents and messages
    """
    metadata: dict[str, str] | None = None
    """
    your own values, repeated in documents and messages: up to 20 keys of 40 characters with texts of 500, 4000 characters in all. No secrets: it is stored as it is
    """
    reason: str | None = None
    """
    why; written to the audit log
    """


class Correction(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    reason: str
    """
    why; written to the audit log
    """
    nothing_was_bought: bool = False
    """
    you have looked at the upstream and vouch that the earlier request had no effect
    """
    parameters: dict[str, str] | None = None
    """
    the parameters to change, and `domain`
    """
    addons: dict[str, int | bool | str] | None = None
    """
    the add-ons to change, written as in an order
    """


class DecisionKind(OpenEnum):
    RETRY = "retry"
    CORRECT_AND_RETRY = "correct_and_retry"
    MARK_DONE = "mark_done"
    CANCEL = "cancel"
    REJECT_TASK = "reject_task"
    ACCEPT_PRICE = "accept_price"
    LOOK_NOW = "look_now"


class DeliveryState(OpenEnum):
    """
    The state of a webhook message for one endpoint.
    """

    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class DeliveryView(BaseModel):
    """
    One message on its way to one endpoint.
    """

    number: int
    webhook: str
    """
    name of the endpoint
    """
    message_id: str
    """
    `webhook-id`, and `id` of the CloudEvent
    """
    type: str
    service: int | None
    """
    number of the service that it is about
    """
    state: DeliveryState
    attempts: int
    """
    tries since it was last put into the queue
    """
    happened_at: AwareDatetime
    next_attempt_at: AwareDatetime | None
    """
    null when it has ended
    """
    ended_at: AwareDatetime | None


class DoneByHand(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    reason: str
    """
    why; written to the audit log
    """
    upstream_number: str = ""
    """
    number of the item at the upstream; needed for an opening
    """
    it_is_paid: bool = False
    """
    what the upstream had put into its cart is paid there; needed if `allowed_decisions` says so
    """


class DriftDecision(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    reason: str
    """
    why; written to the audit log
    """


class DriftKind(OpenEnum):
    """
    What differs. docs/watch.md explains each.
    """

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


class DriftState(OpenEnum):
    """
    What became of a difference.
    """

    OPEN = "open"
    APPROVED = "approved"
    IGNORED = "ignored"
    OVER = "over"


class DriftView(BaseModel):
    """
    One difference between our record and the upstream that is not healed automatically.
    """

    number: int
    kind: DriftKind
    state: DriftState
    upstream: str
    product_type: str
    item: str
    """
    number of the item at the upstream
    """
    service: int | None
    """
    number of the service, if the item is one
    """
    ours: str
    """
    what our record says
    """
    theirs: str
    """
    what the upstream says
    """
    seen_at: AwareDatetime
    """
    when these values were first seen
    """
    decided_at: AwareDatetime | None
    decided_by: str | None
    reason: str | None
    """
    why it was approved or ignored
    """


class Drifts(BaseModel):
    """
    Differences from the upstreams, newest first.
    """

    items: list[DriftView]
    next_cursor: str | None
    """
    ask again with it for the next page; null at the end of the list
    """


class Event(BaseModel):
    """
    An event, as webhooks send it: a CloudEvent.
    """

    specversion: Literal["1.0"]
    id: str
    """
    the same as in the webhook: ignore an id that you have had
    """
    source: str
    """
    this installation, by its first tag
    """
    type: str
    subject: str = ""
    """
    number of the service; absent where there is none
    """
    time: AwareDatetime
    """
    when it happened
    """
    datacontenttype: Literal["application/json"]
    data: dict[str, Any]
    """
    by type, see `webhooks` of this document
    """


class EventKind(OpenEnum):
    """
    What an event says has changed at the upstream.
    """

    FIRST_LOOK = "first_look"
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


class FailingListView(BaseModel):
    """
    A list that can't be read. Changes in it are not seen.
    """

    product_type: str
    since: AwareDatetime
    reason: str


class FailureClass(OpenEnum):
    """
    What a failure at the upstream means for an order; one policy each (docs/architecture.md).
    """

    NOT_SENT = "not_sent"
    OUTCOME_UNKNOWN = "outcome_unknown"
    FUNDS = "funds"
    NOT_YET = "not_yet"
    EXISTS = "exists"
    REJECTED = "rejected"
    CONNECTION_UNHEALTHY = "connection_unhealthy"
    SETUP_FAULT = "setup_fault"
    PRICE_CHANGED = "price_changed"


class Feed(BaseModel):
    """
    Events, oldest first.
    """

    items: list[Event]
    next_cursor: str
    """
    keep it, and ask with it for what comes after; it is there at the end, too
    """
    more: bool
    """
    there are more by now: ask again at once
    """


class FieldError(BaseModel):
    """
    One field that is wrong.
    """

    field: str
    detail: str


class HandOver(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    override: bool = False
    """
    act although the task is automatic; needs a reason
    """
    reason: str | None = None
    """
    why it is overridden; written to the audit log
    """
    to: str
    """
    the person who has it from now on, with the name in the audit log
    """


class HeldBackRow(BaseModel):
    """
    A row of which nothing, or not all, was believed.
    """

    number: str
    """
    as the list shows it
    """
    why: str
    """
    what it shows that can't be true: a part of it
    """


class HeldBackView(BaseModel):
    """
    Rows of one list that were held back, whole or in part, at the last look. All others count.
    """

    product_type: str
    rows: int
    """
    how many; no more than 500 are counted
    """
    examples: list[HeldBackRow]
    """
    the first 10
    """


class HintTaken(BaseModel):
    """
    The items will be read as soon as the upstream is being watched.
    """

    numbers: list[str]


class HintsView(BaseModel):
    """
    Push hints: changes that the upstream reported without being asked.
    """

    last_received_at: AwareDatetime | None
    """
    of the last day
    """
    unread: int
    """
    not followed yet; they wait for a worker
    """
    unread_since: AwareDatetime | None


class IncidentClosing(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    note: str
    """
    what it was, and what was done about it; written to the audit log
    """


class IncidentKind(OpenEnum):
    """
    Something that must not happen and has happened, or may have. docs/operations.md says what to do.
    """

    LATE_YES = "late_yes"
    SECOND_ITEM = "second_item"
    PAID_LEFTOVER = "paid_leftover"
    FOREIGN_CART = "foreign_cart"
    RENEWED_TWICE = "renewed_twice"
    RENEWED_BY_NOBODY = "renewed_by_nobody"
    RENEWAL_FAILED = "renewal_failed"
    UNKNOWN_TARIFF = "unknown_tariff"
    OTHER_TERM = "other_term"
    ADDONS_LOST = "addons_lost"
    ADDONS_KEPT = "addons_kept"
    WORKFLOW_WEDGED = "workflow_wedged"
    DRIFT = "drift"
    ORDERS_NOT_STARTED = "orders_not_started"
    SIGNALS_NOT_DELIVERED = "signals_not_delivered"
    OPERATIONS_STUCK = "operations_stuck"
    SLOWER_THAN_USUAL = "slower_than_usual"
    POLLER_SILENT = "poller_silent"
    UPSTREAM_UNHEALTHY = "upstream_unhealthy"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_PAUSED = "upstream_paused"
    LIST_UNREADABLE = "list_unreadable"
    SWEEP_OVERDUE = "sweep_overdue"
    WORKERS_SILENT = "workers_silent"
    TEMPORAL_LOST = "temporal_lost"
    DATABASE_LOST = "database_lost"
    VERSION_WITHOUT_WORKERS = "version_without_workers"
    SHORT_OF_MONEY = "short_of_money"
    REFUND_UNMATCHED = "refund_unmatched"
    REFUNDS_UNREADABLE = "refunds_unreadable"
    MISSED_CHANGES = "missed_changes"
    NOT_NOTIFIED = "not_notified"


class IncidentView(BaseModel):
    """
    Something that must not happen has happened, or may have: people look until it is explained, and close it.
    """

    number: int
    kind: IncidentKind
    open: bool
    """
    nobody has closed it yet
    """
    message: str
    """
    what happened, and what a person should do
    """
    service: int | None
    """
    number of the service it is about, if of one
    """
    operation: int | None
    """
    number of the operation it is about, if of one
    """
    detail: dict[str, str]
    """
    numbers and states, by kind
    """
    at: AwareDatetime
    """
    when it was noticed
    """
    updated_at: AwareDatetime | None
    """
    when its message last changed
    """
    closed_at: AwareDatetime | None
    closed_by: str | None
    closing_note: str | None
    """
    what it was, as said by whoever closed it
    """


class Incidents(BaseModel):
    """
    Incidents, newest first.
    """

    items: list[IncidentView]
    next_cursor: str | None
    """
    ask again with it for the next page; null at the end of the list
    """


class IntentState(OpenEnum):
    """
    How far a call that changes something or costs money has come. It is recorded before the call is sent.
    """

    PREPARED = "prepared"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    NOT_SENT = "not_sent"
    REFUSED = "refused"
    NOT_DONE = "not_done"
    ABANDONED = "abandoned"


class IntentStep(OpenEnum):
    """
    Which of an operation's calls an intent is about. Most operations have one: `send`.
    """

    SEND = "send"
    CONFIRM_CART = "confirm_cart"
    PAY = "pay"


class IntentView(BaseModel):
    """
    A call that changes something or costs money, recorded before it was sent.
    """

    number: int
    attempt: int
    step: IntentStep
    """
    which of the operation's calls: the request itself, or a payment for it
    """
    state: IntentState
    mark: str
    """
    our mark that it carried
    """
    request: dict[str, str]
    """
    what was sent, without secrets
    """
    upstream_number: str | None
    """
    number of the item that it made
    """
    unpaid: str | None
    """
    what the upstream made instead and wants to be paid first
    """
    failure_class: FailureClass | None
    message: str
    """
    what the upstream said, or what the verdict is
    """
    written_at: AwareDatetime
    unknown_since: AwareDatetime | None
    settled_at: AwareDatetime | None
    late_yes: str | None
    """
    a yes that came after the call was settled otherwise
    """
    evidence: dict[str, Any]
    """
    the evidence of the latest verdict: the list and whether it was complete, new items, forms read
    """


class Intents(BaseModel):
    """
    The calls of an operation, oldest first.
    """

    items: list[IntentView]


class ItemQuestion(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    product_type: str | None = None
    """
    needed where the account has several, and no item of that number
    """


class Knowledge(OpenEnum):
    """
    What we know of an upstream's behaviour that no documentation settles.
    """

    UNKNOWN = "unknown"
    YES = "yes"
    NO = "no"


class LicenceKey(BaseModel):
    """
    A secret of the customer.
    """

    service: int
    """
    number of the service
    """
    licence_key: str


class LinkRequest(BaseModel):
    """
    A service that is this item at its upstream.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    reason: str | None = None
    """
    why; written to the audit log
    """
    force: bool = False
    """
    do it in spite of differences between the item and the service; needs a reason
    """
    dry_run: bool = False
    """
    only report the differences; change nothing
    """
    upstream_number: str
    """
    number of the item at the upstream
    """
    upstream: str | None = None
    """
    name of the upstream account, which must be the service's
    """


class LookAsked(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    reason: str | None = None
    """
    why; written to the audit log
    """


class MemberState(OpenEnum):
    """
    What becomes of an operation of a batch.
    """

    PLANNED = "planned"
    EXCLUDED = "excluded"
    TAKEN = "taken"
    DONE = "done"
    REFUSED = "refused"


class MemberView(BaseModel):
    operation: int
    """
    number of the operation
    """
    state: MemberState
    message: str
    """
    why it will not go, or what became of it
    """


class MessageType(OpenEnum):
    """
    The type of a webhook message in CloudEvents. Its last part is the version of the data's shape.
    """

    RESELLFLOW_SERVICE_APPEARED_V1 = "resellflow.service.appeared.v1"
    RESELLFLOW_SERVICE_OPENED_V1 = "resellflow.service.opened.v1"
    RESELLFLOW_SERVICE_SUSPENDED_V1 = "resellflow.service.suspended.v1"
    RESELLFLOW_SERVICE_RESUMED_V1 = "resellflow.service.resumed.v1"
    RESELLFLOW_SERVICE_CLOSED_V1 = "resellflow.service.closed.v1"
    RESELLFLOW_SERVICE_VANISHED_V1 = "resellflow.service.vanished.v1"
    RESELLFLOW_SERVICE_PROLONGED_V1 = "resellflow.service.prolonged.v1"
    RESELLFLOW_SERVICE_SHORTENED_V1 = "resellflow.service.shortened.v1"
    RESELLFLOW_SERVICE_PLAN_CHANGED_V1 = "resellflow.service.plan_changed.v1"
    RESELLFLOW_SERVICE_PARAMETERS_CHANGED_V1 = "resellflow.service.parameters_changed.v1"
    RESELLFLOW_SERVICE_COST_CHANGED_V1 = "resellflow.service.cost_changed.v1"
    RESELLFLOW_SERVICE_KEY_READY_V1 = "resellflow.service.key_ready.v1"
    RESELLFLOW_SERVICE_HELD_BACK_V1 = "resellflow.service.held_back.v1"
    RESELLFLOW_SERVICE_EXPIRING_V1 = "resellflow.service.expiring.v1"
    RESELLFLOW_SERVICE_RENEWAL_CHANGED_V1 = "resellflow.service.renewal_changed.v1"
    RESELLFLOW_RENEWAL_UPCOMING_V1 = "resellflow.renewal.upcoming.v1"
    RESELLFLOW_RENEWAL_DONE_V1 = "resellflow.renewal.done.v1"
    RESELLFLOW_RENEWAL_FAILED_V1 = "resellflow.renewal.failed.v1"
    RESELLFLOW_ITEM_APPEARED_V1 = "resellflow.item.appeared.v1"
    RESELLFLOW_OPERATION_STARTED_V1 = "resellflow.operation.started.v1"
    RESELLFLOW_OPERATION_WAITING_FOR_FUNDS_V1 = "resellflow.operation.waiting_for_funds.v1"
    RESELLFLOW_OPERATION_AWAITING_MANUAL_TASK_V1 = "resellflow.operation.awaiting_manual_task.v1"
    RESELLFLOW_OPERATION_SLOW_V1 = "resellflow.operation.slow.v1"
    RESELLFLOW_OPERATION_NEEDS_ATTENTION_V1 = "resellflow.operation.needs_attention.v1"
    RESELLFLOW_OPERATION_COMPLETED_V1 = "resellflow.operation.completed.v1"
    RESELLFLOW_OPERATION_CANCELLED_V1 = "resellflow.operation.cancelled.v1"
    RESELLFLOW_OPERATION_REFUNDED_V1 = "resellflow.operation.refunded.v1"
    RESELLFLOW_TASK_OVERDUE_V1 = "resellflow.task.overdue.v1"
    RESELLFLOW_INCIDENT_RAISED_V1 = "resellflow.incident.raised.v1"
    RESELLFLOW_INCIDENT_CLOSED_V1 = "resellflow.incident.closed.v1"
    RESELLFLOW_UPSTREAM_BALANCE_LOW_V1 = "resellflow.upstream.balance_low.v1"
    RESELLFLOW_UPSTREAM_BALANCE_ENOUGH_V1 = "resellflow.upstream.balance_enough.v1"
    RESELLFLOW_PING_V1 = "resellflow.ping.v1"


class ModuleChange(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    module: str
    """
    name of a processing module of the same product type
    """
    reason: str
    """
    why; written to the audit log
    """


class Money(Sum):
    """
    `amount` is exact (never a float); `currency` is an ISO 4217 code in capitals.
    """

    amount: Decimal
    currency: str


class MoneyThere(OpenEnum):
    """
    Whether the reseller's account has the money, by its last reading.
    """

    ENOUGH = "enough"
    SHORT = "short"
    UNKNOWN = "unknown"


class NewSecret(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    overlap_hours: int = 24
    """
    how long messages are signed with the secrets before it, too
    """


class OpenQuote(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    kind: Literal["open"]
    """
    Order a service
    """
    reference: str | None = None
    """
    your own name of it, e.g. the number of an invoice; repeated in documents and messages
    """
    metadata: dict[str, str] | None = None
    """
    your own values, repeated in documents and messages: up to 20 keys of 40 characters with texts of 500, 4000 characters in all. No secrets: it is stored as it is
    """
    plan: str
    """
    name of a tariff plan
    """
    period_months: int
    """
    months; one of the plan's periods
    """
    customer: str
    """
    the storefront's own name of its customer
    """
    domain: str | None = None
    """
    host name, made up when absent; needed for domains, and as common name of certificates
    """
    parameters: dict[str, str] | None = None
    """
    what the product type takes: template and recipe; ip of a licence; approver_email and csr of a certificate; nameserver1…4 and contacts of a domain
    """
    addons: dict[str, int | bool | str] | None = None
    """
    add-on name and quantity; true or false for a switch, the chosen name for a choice
    """
    agreed_cost_limit: Money | None = None
    """
    the most that the upstream may charge for it, in the currency of the upstream account; if it asks more, nothing is sent and a person sees both sums
    """


class OperationKind(OpenEnum):
    """
    One thing to do to a service.
    """

    OPEN = "open"
    PROLONG = "prolong"
    SUSPEND = "suspend"
    RESUME = "resume"
    CLOSE = "close"
    CHANGE_PLAN = "change_plan"
    SET_PARAMETERS = "set_parameters"


class OrphanView(BaseModel):
    """
    An item at the upstream that is no service of ours.
    """

    upstream: str
    number: str
    """
    number of the item at the upstream
    """
    product_type: str
    status: str
    status_detail: str
    suspend_reason: str | None
    name: str
    remoteid: str | None
    """
    null: the upstream does not show it
    """
    pricelist: str
    ip: str | None
    expires_on: date | None
    cost: Money | None
    first_seen_at: AwareDatetime
    changed_at: AwareDatetime


class Orphans(BaseModel):
    """
    Items at an upstream that are no service of ours, newest first.
    """

    items: list[OrphanView]
    next_cursor: str | None
    """
    ask again with it for the next page; null at the end of the list
    """


class Outcome(BaseModel):
    """
    What was done, or, in a dry run, would be done.
    """

    service: int | None
    """
    its number; null for a service that would be made
    """
    upstream: str
    product_type: str
    upstream_number: str
    differences: list[str]
    """
    differences between the item and the service; overruled, unless it is a dry run
    """
    done: bool
    """
    false: a dry run
    """
    created: bool = False
    """
    the service was made by this request
    """
    mark: str
    """
    our mark for the item
    """
    mark_set: bool = False
    """
    the upstream shows our mark on the item
    """
    mark_problem: str = ""
    """
    why the mark could not be set; the link is valid nevertheless
    """


class OwnerChange(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    owner: str | None
    """
    name of a storefront's token; null: it belongs to the operators
    """
    reason: str
    """
    why; written to the audit log
    """


class PauseView(BaseModel):
    """
    A person wants nothing sent to the upstream. Reads go on, and what was sent before goes on to its end.
    """

    since: AwareDatetime
    by: str
    reason: str


class PlanChange(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    reference: str | None = None
    """
    your own name of it, e.g. the number of an invoice; repeated in documents and messages
    """
    metadata: dict[str, str] | None = None
    """
    your own values, repeated in documents and messages: up to 20 keys of 40 characters with texts of 500, 4000 characters in all. No secrets: it is stored as it is
    """
    reason: str | None = None
    """
    why; written to the audit log
    """
    agreed_cost_limit: Money | None = None
    """
    the most that the upstream may charge for it, in the currency of the upstream account; if it asks more, nothing is sent and a person sees both sums
    """
    quote: str | None = None
    """
    `id` of a quote of exactly this request (`POST /v1/quotes`): it is sold for what was quoted, and the upstream may charge no more than was quoted; if it asks more, nothing is sent and a person decides
    """
    plan: str
    """
    name of a tariff plan
    """
    drop_addons: bool = False
    """
    change it although the new plan can't have all add-ons that the service has: these are lost. Without it such a request is refused, naming them
    """


class PlanChangeView(BaseModel):
    """
    A plan that a service may be changed to.
    """

    plan: str
    """
    name of the plan
    """
    months: list[int]
    """
    the periods with which it is possible: the service keeps its own
    """
    needs_person: bool
    """
    a person carries it out, so it takes longer
    """
    why: str
    """
    why a person is needed; empty: none is
    """


class PlanTemplate(BaseModel):
    """
    A template that an order may name.
    """

    name: str
    months: list[int]
    """
    the periods with which it can be ordered
    """


class PriceAccepted(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    reason: str
    """
    why; written to the audit log
    """
    price: Money | None = None
    """
    the `cost` that the operation shows; refused if it is another one. Left out: whatever it shows
    """


class PriceView(BaseModel):
    """
    What a plan is sold for.
    """

    plan: str
    """
    name of the tariff plan
    """
    period_months: int
    price: Money | None
    """
    for the whole period, add-ons included; null: `missing` says why
    """
    missing: str
    """
    what the catalogue does not say; empty: nothing is missing
    """


class Problem(BaseModel):
    """
    Why a request was not carried out (RFC 9457).
    """

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    """
    path of the field, parameter or header that is wrong
    """
    errors: list[FieldError] | None = None
    """
    all wrong fields, if there are several
    """


class ProcessingModuleView(BaseModel):
    """
    How operations on services of one product type are carried out there.
    """

    name: str
    product_type: str
    department: str
    priority: int
    minimal_balance: Money | None
    low_balance: bool
    """
    less is free on the account than the minimal balance of this module
    """


class ProlongQuote(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    kind: Literal["prolong"]
    """
    Prolong a service
    """
    reference: str | None = None
    """
    your own name of it, e.g. the number of an invoice; repeated in documents and messages
    """
    metadata: dict[str, str] | None = None
    """
    your own values, repeated in documents and messages: up to 20 keys of 40 characters with texts of 500, 4000 characters in all. No secrets: it is stored as it is
    """
    reason: str | None = None
    """
    why; written to the audit log
    """
    agreed_cost_limit: Money | None = None
    """
    the most that the upstream may charge for it, in the currency of the upstream account; if it asks more, nothing is sent and a person sees both sums
    """
    period_months: int
    """
    months; one of the plan's periods
    """
    expires_on: date | None = None
    """
    the day on which its term ends, as you know it. If somebody prolongs this term already, or has done it, this request is refused (409), whatever its key
    """
    service: int
    """
    number of the service
    """


class Prolongation(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    reference: str | None = None
    """
    your own name of it, e.g. the number of an invoice; repeated in documents and messages
    """
    metadata: dict[str, str] | None = None
    """
    your own values, repeated in documents and messages: up to 20 keys of 40 characters with texts of 500, 4000 characters in all. No secrets: it is stored as it is
    """
    reason: str | None = None
    """
    why; written to the audit log
    """
    agreed_cost_limit: Money | None = None
    """
    the most that the upstream may charge for it, in the currency of the upstream account; if it asks more, nothing is sent and a person sees both sums
    """
    quote: str | None = None
    """
    `id` of a quote of exactly this request (`POST /v1/quotes`): it is sold for what was quoted, and the upstream may charge no more than was quoted; if it asks more, nothing is sent and a person decides
    """
    period_months: int
    """
    months; one of the plan's periods
    """
    expires_on: date | None = None
    """
    the day on which its term ends, as you know it. If somebody prolongs this term already, or has done it, this request is refused (409), whatever its key
    """


class QuoteProblem(BaseModel):
    """
    Why the order would be refused.
    """

    field: str | None
    """
    path of the field; null: it is about the service as it is
    """
    detail: str


class ReferenceChange(BaseModel):
    """
    What is left out stays.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    reference: str | None = None
    """
    the new one; null removes it
    """
    metadata: dict[str, str | None] | None = None
    """
    keys that get another value; null removes a key. Other keys stay
    """


class RefundAssignment(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    operation: int
    """
    number of the operation that it was paid back for
    """
    reason: str
    """
    why; written to the audit log
    """


class RefundIgnoring(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    reason: str
    """
    why; written to the audit log
    """


class RefundSource(OpenEnum):
    """
    How an upstream's lists show that money came back.
    """

    EXPENSE = "expense"
    PAYMENT = "payment"
    LOWERED_EXPENSE = "lowered_expense"


class RefundState(OpenEnum):
    """
    Whether it is known what a refund is for.
    """

    OPEN = "open"
    DOUBTFUL = "doubtful"
    WRITTEN = "written"
    IGNORED = "ignored"


class RefundView(BaseModel):
    """
    A sum that an upstream paid back.
    """

    number: int
    state: RefundState
    """
    `open`: a person says what it is for; `doubtful`: seen once, the next look says whether it counts
    """
    upstream: str
    amount: Money
    """
    in the upstream's currency; nothing is converted
    """
    source: RefundSource
    """
    how the upstream's lists show it
    """
    row: str
    """
    the row that shows it, by its number there
    """
    item: str | None
    """
    number of the item that the row names
    """
    text: str
    """
    the row's own words
    """
    on: date | None
    """
    its day by the upstream's calendar
    """
    service: int | None
    """
    number of the service, once it is known
    """
    operation: int | None
    """
    number of the operation that it is written to
    """
    why: str
    """
    why it belongs to that operation, or to none for certain
    """
    seen_at: AwareDatetime
    decided_at: AwareDatetime | None
    decided_by: str | None
    reason: str | None
    """
    why a person assigned or ignored it
    """


class Refunds(BaseModel):
    """
    What the upstreams paid back, newest first.
    """

    items: list[RefundView]
    next_cursor: str | None
    """
    ask again with it for the next page; null at the end of the list
    """


class RenewalChange(BaseModel):
    """
    What becomes of a service at the end of its term. One of the two is given.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    renew: bool | None = None
    """
    false: it expires at the end of its term; true: takes that back
    """
    at_end_of_term: AtEndOfTerm | None = None
    """
    the same in three words: `renew`, `expire`, or `close`: it is closed then
    """
    reason: str | None = None
    """
    why; written to the audit log
    """


class RenewalOwner(OpenEnum):
    """
    Who renews a service. Two at once would be charged twice, so there is exactly one. docs/renewals.md.
    """

    STOREFRONT = "storefront"
    AUTOMATIC = "automatic"
    UPSTREAM = "upstream"


class ReplayRequest(BaseModel):
    """
    Which messages are sent once more: one of both.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    since: AwareDatetime | None = None
    """
    all that happened at this time or later
    """
    given_up: bool | None = None
    """
    all that were given up
    """


class Replayed(BaseModel):
    """
    Messages that are on their way once more.
    """

    replayed: int
    """
    how many
    """


class Resumption(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    reference: str | None = None
    """
    your own name of it, e.g. the number of an invoice; repeated in documents and messages
    """
    metadata: dict[str, str] | None = None
    """
    your own values, repeated in documents and messages: up to 20 keys of 40 characters with texts of 500, 4000 characters in all. No secrets: it is stored as it is
    """
    reason: str | None = None
    """
    why; written to the audit log
    """


class Role(OpenEnum):
    """
    The role of a token. `orders.access.roles` says what each may do.
    """

    STOREFRONT = "storefront"
    VIEWER = "viewer"
    OPERATOR = "operator"
    SENIOR = "senior"
    FINANCE = "finance"
    ADMIN = "admin"


class SellingPart(BaseModel):
    what: str
    price: Money | None
    """
    null: the catalogue has none
    """


class SellingPrice(BaseModel):
    """
    What it is sold for, by the catalogue.
    """

    total: Money | None
    """
    null: `missing` says why
    """
    parts: list[SellingPart]
    missing: str
    """
    what the catalogue does not say; empty: nothing is missing
    """
    is_for: str
    """
    `this`: for what is asked for; `each_period`: for each period of the service once it is done
    """


class ServiceChange(BaseModel):
    """
    What a storefront may change of a service. Values that are left out stay.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    reference: str | None = None
    """
    your own name of it, e.g. the number of an invoice; repeated in documents and messages
    """
    metadata: dict[str, str] | None = None
    """
    your own values, repeated in documents and messages: up to 20 keys of 40 characters with texts of 500, 4000 characters in all. No secrets: it is stored as it is
    """
    reason: str | None = None
    """
    why; written to the audit log
    """
    agreed_cost_limit: Money | None = None
    """
    the most that the upstream may charge for it, in the currency of the upstream account; if it asks more, nothing is sent and a person sees both sums
    """
    quote: str | None = None
    """
    `id` of a quote of exactly this request (`POST /v1/quotes`): it is sold for what was quoted, and the upstream may charge no more than was quoted; if it asks more, nothing is sent and a person decides
    """
    addons: dict[str, int | bool | str] | None = None
    """
    add-on name and new quantity; true or false for a switch, the chosen name for a choice
    """
    domain: str | None = None
    renewal_owner: RenewalOwner | None = None
    """
    who renews it; `resellflow`, the word of older versions, means `storefront`
    """
    password: str | None = None
    """
    `new`: a generated one is set at the upstream, which shows it; stored nowhere here. No other change with it
    """
    licence_key: str | None = None
    """
    `new`: the upstream makes another key, and the old one ends. No other change with it
    """


class ServiceRequest(BaseModel):
    """
    An order of a storefront. Unknown fields are refused, not ignored.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    reference: str | None = None
    """
    your own name of it, e.g. the number of an invoice; repeated in documents and messages
    """
    metadata: dict[str, str] | None = None
    """
    your own values, repeated in documents and messages: up to 20 keys of 40 characters with texts of 500, 4000 characters in all. No secrets: it is stored as it is
    """
    plan: str
    """
    name of a tariff plan
    """
    period_months: int
    """
    months; one of the plan's periods
    """
    customer: str
    """
    the storefront's own name of its customer
    """
    domain: str | None = None
    """
    host name, made up when absent; needed for domains, and as common name of certificates
    """
    parameters: dict[str, str] | None = None
    """
    what the product type takes: template and recipe; ip of a licence; approver_email and csr of a certificate; nameserver1…4 and contacts of a domain
    """
    addons: dict[str, int | bool | str] | None = None
    """
    add-on name and quantity; true or false for a switch, the chosen name for a choice
    """
    agreed_cost_limit: Money | None = None
    """
    the most that the upstream may charge for it, in the currency of the upstream account; if it asks more, nothing is sent and a person sees both sums
    """
    quote: str | None = None
    """
    `id` of a quote of exactly this request (`POST /v1/quotes`): it is sold for what was quoted, and the upstream may charge no more than was quoted; if it asks more, nothing is sent and a person decides
    """


class ServiceStatus(OpenEnum):
    """
    What the customer has.
    """

    ORDERED = "ordered"
    PROCESSING = "processing"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class SetParametersQuote(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    kind: Literal["set_parameters"]
    """
    Change add-ons, domain, renewal, password or licence key
    """
    reference: str | None = None
    """
    your own name of it, e.g. the number of an invoice; repeated in documents and messages
    """
    metadata: dict[str, str] | None = None
    """
    your own values, repeated in documents and messages: up to 20 keys of 40 characters with texts of 500, 4000 characters in all. No secrets: it is stored as it is
    """
    reason: str | None = None
    """
    why; written to the audit log
    """
    agreed_cost_limit: Money | None = None
    """
    the most that the upstream may charge for it, in the currency of the upstream account; if it asks more, nothing is sent and a person sees both sums
    """
    addons: dict[str, int | bool | str] | None = None
    """
    add-on name and new quantity; true or false for a switch, the chosen name for a choice
    """
    domain: str | None = None
    renewal_owner: RenewalOwner | None = None
    """
    who renews it; `resellflow`, the word of older versions, means `storefront`
    """
    password: str | None = None
    """
    `new`: a generated one is set at the upstream, which shows it; stored nowhere here. No other change with it
    """
    licence_key: str | None = None
    """
    `new`: the upstream makes another key, and the old one ends. No other change with it
    """
    service: int
    """
    number of the service
    """


class Source(OpenEnum):
    """
    The origin of a change of a service.
    """

    UPSTREAM = "upstream"
    OPERATION = "operation"
    PERSON = "person"
    RESELLFLOW = "resellflow"


class Stage(OpenEnum):
    """
    How far an operation has come. docs/architecture.md has the diagram.
    """

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


class StagePassed(BaseModel):
    """
    A stage that an operation entered, and why.
    """

    id: int
    """
    grows from entry to entry; the event id of the stream
    """
    stage: Stage
    at: AwareDatetime
    reason: str
    waits_for: str
    next_step: str
    person_may: str


class Suspension(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    reference: str | None = None
    """
    your own name of it, e.g. the number of an invoice; repeated in documents and messages
    """
    metadata: dict[str, str] | None = None
    """
    your own values, repeated in documents and messages: up to 20 keys of 40 characters with texts of 500, 4000 characters in all. No secrets: it is stored as it is
    """
    reason: str | None = None
    """
    why; written to the audit log
    """
    urgent: bool = False
    """
    do it before everything else of the service; operators only
    """


class SweepView(BaseModel):
    """
    The sweep of one list: what was asked for last, and what the last one found.
    """

    upstream: str
    product_type: str
    asked_at: AwareDatetime
    asked_by: str
    """
    `schedule`, or the person
    """
    due: bool
    """
    it was asked for and has not ended yet
    """
    ended_at: AwareDatetime | None
    """
    when the last one ended
    """
    seconds: float | None
    """
    how long the last one took
    """
    compared: int | None
    """
    items that the last one compared
    """
    missed: int | None
    """
    changes it found that the poller should have seen
    """
    unlisted: int | None
    """
    our services that the list did not show; their forms were read instead
    """
    missed_in_all: int
    """
    the same as `missed`, of all sweeps
    """


class Sweeps(BaseModel):
    """
    The sweep of each list, by upstream account and product type.
    """

    items: list[SweepView]


class TaskDone(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    override: bool = False
    """
    act although the task is automatic; needs a reason
    """
    reason: str | None = None
    """
    why it is overridden; written to the audit log
    """
    note: str | None = None
    """
    what was done; written to the audit log
    """
    expires_on: date | None = None
    """
    the service's new expiry, if no upstream shows it (manual processing module)
    """


class TaskMode(OpenEnum):
    """
    An automatic task only informs. A manual one has to be done by a person.
    """

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class TaskNote(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    override: bool = False
    """
    act although the task is automatic; needs a reason
    """
    reason: str | None = None
    """
    why it is overridden; written to the audit log
    """
    note: str
    """
    for colleagues; no secrets
    """


class TaskRejected(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    reason: str
    """
    why; written to the audit log
    """
    override: bool = False
    """
    act although the task is automatic
    """


class TaskState(OpenEnum):
    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class TaskView(BaseModel):
    """
    The piece of work that belongs to an operation. Only a manual task has to be done by a person.
    """

    number: int
    service: int
    """
    number of the service
    """
    operation: int
    """
    number of the operation
    """
    mode: TaskMode
    state: TaskState
    department: str
    title: str
    assignee: str | None
    """
    who has it in hand; null if nobody has
    """
    taken_at: AwareDatetime | None
    due_at: AwareDatetime | None
    """
    null for an automatic task
    """
    overdue: bool
    """
    it is past its due time
    """
    created_at: AwareDatetime
    closed_at: AwareDatetime | None


class Tasks(BaseModel):
    """
    Tasks, newest first.
    """

    items: list[TaskView]
    next_cursor: str | None
    """
    ask again with it for the next page; null at the end of the list
    """


class TokenHolder(BaseModel):
    """
    The holder of a token.
    """

    name: str
    """
    actor in the audit log; of a storefront, also the owner of its services
    """
    role: Role


class UnknownCost(BaseModel):
    """
    What falls due and is in no sum.
    """

    of: Cause
    count: int
    """
    orders, or services
    """
    why: str


class UpstreamCapabilities(BaseModel):
    """
    What is known about this upstream's behaviour, from `resell upstream check` and from orders.
    """

    dialect: int | None
    """
    BILLmanager generation spoken: 5 or 6; null: it is no BILLmanager
    """
    balance_call: str | None
    """
    the call that reports the balance here
    """
    lists_show_remoteid: Knowledge
    forms_show_remoteid: Knowledge
    lists_return_mark: Knowledge
    """
    proven: a mark that we sent comes back in the list
    """
    lists_return_name: Knowledge
    orders_return_number: Knowledge
    absent: dict[str, str]
    """
    what this kind of upstream can't do, and what follows from that; empty: it can do everything
    """
    checked_at: AwareDatetime | None


class UpstreamFunds(BaseModel):
    """
    Money of the account at the last reading of its balance.
    """

    balance: Money
    balance_at: AwareDatetime | None
    credit_limit: Money
    reserved: Money
    """
    set aside for orders in flight
    """
    free: Money
    """
    balance + credit limit - reserved
    """
    waiting: Money
    """
    the sum that the orders in line still need
    """
    waiting_orders: int


class UpstreamHealth(OpenEnum):
    WELL = "well"
    PARTLY = "partly"
    UNREACHABLE = "unreachable"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


class UpstreamItemRef(BaseModel):
    """
    Where a service is bought.
    """

    name: str
    """
    name of the upstream account
    """
    number: str | None
    """
    number of the item at the upstream, once known
    """


class UpstreamView(BaseModel):
    """
    Our customer account at a selling system.
    """

    name: str
    kind: str
    url: str
    currency: str
    health: UpstreamHealth
    unhealthy_reason: str | None
    unhealthy_since: AwareDatetime | None
    unreachable_reason: str | None
    """
    what came instead of a usable answer
    """
    unreachable_since: AwareDatetime | None
    paused: PauseView | None
    """
    null: it is not paused
    """
    failing_lists: list[FailingListView]
    """
    lists that can't be read; empty: all can be read
    """
    left_alone_until: AwareDatetime | None
    """
    the upstream wants no calls before this time; null: calls are allowed
    """
    circuit: CircuitState
    """
    the circuit breaker of the account; `closed`: requests go
    """
    circuits: list[CircuitView]
    """
    circuit breakers that are not closed, of the account or of one function; empty: there are none
    """
    polled_at: AwareDatetime | None
    """
    the last look for events
    """
    funds: UpstreamFunds | None
    """
    null until the balance has been read
    """
    low_balance: bool
    """
    less is free than some processing module's minimal balance
    """
    low_balance_since: AwareDatetime | None
    """
    since when that is known; it was reported then
    """
    processing_modules: list[ProcessingModuleView]
    capabilities: UpstreamCapabilities
    problems: list[str]
    """
    what the last check found wrong
    """
    orphans: int
    """
    items at the upstream that are no service of ours
    """
    held_back: list[HeldBackView]
    """
    lists with rows that can't be true; empty: there are none
    """
    hints: HintsView | None
    """
    null: no secret for push hints is set up
    """


class Upstreams(BaseModel):
    """
    All upstream accounts, by name.
    """

    items: list[UpstreamView]


class ValueChange(BaseModel):
    before: str
    after: str


class Vouched(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    reason: str
    """
    why; written to the audit log
    """
    nothing_was_bought: bool = False
    """
    you have looked at the upstream and vouch that the earlier request had no effect
    """


class WebhookChange(BaseModel):
    """
    What is to be different; what is left out stays.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    url: str | None = None
    """
    what waits is sent there at once
    """
    types: list[MessageType] | None = None
    """
    an empty list: all types
    """
    active: bool | None = None
    """
    false: nothing is sent, and messages are kept for it. true: what waits is sent at once
    """


class WebhookMade(BaseModel):
    """
    A webhook with its secret, which nobody can read again later.
    """

    name: str
    url: str
    owner: str | None
    """
    name of the storefront that owns it: it gets what is about that storefront's services; null: everything
    """
    types: list[str]
    """
    the types of messages it gets; none: all of them
    """
    secret_from: str
    """
    where the secret comes from, never the secret; empty for storefronts
    """
    old_secrets_until: AwareDatetime | None
    """
    until then messages are signed with the secrets before the newest, too; null: there is only one
    """
    active: bool
    """
    false: nothing is sent until it is resumed; messages are kept for it meanwhile
    """
    failing_since: AwareDatetime | None
    """
    when the first of the consecutive failed attempts was made
    """
    failure: str | None
    """
    why the last of them failed
    """
    pending: int
    """
    messages on their way
    """
    given_up: int
    """
    messages that are not tried any more after too many failures
    """
    created_at: AwareDatetime
    secret: str | None
    """
    what messages are signed with; only in this answer. null in the answer to a request that was repeated too late
    """


class WebhookRequest(BaseModel):
    """
    An endpoint that is to be notified.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    name: str
    """
    letters, digits, '.', '_' and '-'. A storefront's gets the storefront's name and ':' before it
    """
    url: str
    types: list[MessageType] | None = None
    """
    only messages of these types; none: all of them
    """
    owner: str | None = None
    """
    for operators: only messages about the services of this storefront, as it may see them
    """


class WebhookView(BaseModel):
    """
    An endpoint that gets messages, and whether they arrive.
    """

    name: str
    url: str
    owner: str | None
    """
    name of the storefront that owns it: it gets what is about that storefront's services; null: everything
    """
    types: list[str]
    """
    the types of messages it gets; none: all of them
    """
    secret_from: str
    """
    where the secret comes from, never the secret; empty for storefronts
    """
    old_secrets_until: AwareDatetime | None
    """
    until then messages are signed with the secrets before the newest, too; null: there is only one
    """
    active: bool
    """
    false: nothing is sent until it is resumed; messages are kept for it meanwhile
    """
    failing_since: AwareDatetime | None
    """
    when the first of the consecutive failed attempts was made
    """
    failure: str | None
    """
    why the last of them failed
    """
    pending: int
    """
    messages on their way
    """
    given_up: int
    """
    messages that are not tried any more after too many failures
    """
    created_at: AwareDatetime


class Webhooks(BaseModel):
    """
    All webhooks, by name.
    """

    items: list[WebhookView]


class WholeAudit(BaseModel):
    """
    Entries of the audit, newest first.
    """

    items: list[AuditRow]
    next_cursor: str | None
    """
    ask again with it for the next page; null at the end of the list
    """


class Why(BaseModel):
    """
    What a person says with it.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    reason: str
    """
    why; shown with each operation that waits, and kept in the audit log
    """


class BalanceNews(BaseModel):
    """
    Data of `resellflow.upstream.…`: the money that the next orders could use on an account.
    """

    upstream: str
    free: str
    wanting: dict[str, str]


class BalanceEvent(BaseModel):
    specversion: Literal["1.0"]
    id: str
    """
    the id of the message, the same in every attempt: ignore a message whose id you have had
    """
    source: str
    """
    this installation, by its tag
    """
    type: MessageType
    subject: str = ""
    """
    number of the service; absent where there is none
    """
    time: AwareDatetime
    """
    when it happened
    """
    datacontenttype: Literal["application/json"]
    data: BalanceNews


class IncidentNews(BaseModel):
    """
    Data of `resellflow.incident.…`: something for people to look at, or explained, or over.
    """

    incident: int
    kind: IncidentKind
    service: int | None
    operation: int | None
    message: str
    reference: str | None = None
    """
    the shop's own name of the service; null: it gave none
    """
    metadata: dict[str, str] | None = None
    """
    the shop's own values of the service
    """


class ItemNews(BaseModel):
    """
    Data of `resellflow.item.appeared`.
    """

    upstream: str
    item: str
    product_type: str
    status: str
    name: str


class OfOperation(BaseModel):
    """
    Added to the data of every message about an operation, or about what happened for one. A storefront gets it of
    its own requests.
    """

    reference: str | None = None
    """
    the shop's own name of the service; null: it gave none
    """
    metadata: dict[str, str] | None = None
    """
    the shop's own values of the service
    """
    idempotency_key: str | None = None
    """
    of the request; null: another's, or an old one
    """
    operation_reference: str | None = None
    """
    the shop's own name of the request
    """
    operation_metadata: dict[str, str] | None = None
    """
    the shop's own values of the request
    """


class OfService(BaseModel):
    """
    Added to the data of every message about a service.
    """

    reference: str | None = None
    """
    the shop's own name of the service; null: it gave none
    """
    metadata: dict[str, str] | None = None
    """
    the shop's own values of the service
    """


class OperationNews(BaseModel):
    """
    Data of `resellflow.operation.…`: where an operation is now.
    """

    service: int
    operation: int
    kind: OperationKind
    stage: Stage
    stage_before: Stage
    reason: str
    failure_class: FailureClass | None
    quote: str | None = None
    reference: str | None = None
    """
    the shop's own name of the service; null: it gave none
    """
    metadata: dict[str, str] | None = None
    """
    the shop's own values of the service
    """
    idempotency_key: str | None = None
    """
    of the request; null: another's, or an old one
    """
    operation_reference: str | None = None
    """
    the shop's own name of the request
    """
    operation_metadata: dict[str, str] | None = None
    """
    the shop's own values of the request
    """


class Ping(BaseModel):
    """
    Data of `resellflow.ping`: a test.
    """

    endpoint: str


class RefundNews(BaseModel):
    """
    Data of `resellflow.operation.refunded`: the upstream paid something back for an operation.
    """

    service: int
    operation: int
    kind: OperationKind
    refund: int
    amount: str
    source: RefundSource
    row: str
    upstream: str
    reference: str | None = None
    """
    the shop's own name of the service; null: it gave none
    """
    metadata: dict[str, str] | None = None
    """
    the shop's own values of the service
    """
    idempotency_key: str | None = None
    """
    of the request; null: another's, or an old one
    """
    operation_reference: str | None = None
    """
    the shop's own name of the request
    """
    operation_metadata: dict[str, str] | None = None
    """
    the shop's own values of the request
    """


class RenewalUrgency(OpenEnum):
    """
    How soon a term ends whose renewal has failed so far. Each is tried again more often than the one before.
    """

    LOW = "low"
    HIGH = "high"
    URGENT = "urgent"
    LAST_DAY = "last_day"
    ENDED = "ended"


class ServiceNews(BaseModel):
    """
    Data of `resellflow.service.…`: what the upstream changed.
    """

    service: int
    upstream: str
    item: str
    operation: int | None
    event: str
    changes: dict[str, ValueChange]
    reference: str | None = None
    """
    the shop's own name of the service; null: it gave none
    """
    metadata: dict[str, str] | None = None
    """
    the shop's own values of the service
    """


class TaskNews(BaseModel):
    """
    Data of `resellflow.task.overdue`.
    """

    service: int
    operation: int
    task: int
    department: str
    due_at: AwareDatetime | None
    reference: str | None = None
    """
    the shop's own name of the service; null: it gave none
    """
    metadata: dict[str, str] | None = None
    """
    the shop's own values of the service
    """
    idempotency_key: str | None = None
    """
    of the request; null: another's, or an old one
    """
    operation_reference: str | None = None
    """
    the shop's own name of the request
    """
    operation_metadata: dict[str, str] | None = None
    """
    the shop's own values of the request
    """


class TermNews(BaseModel):
    """
    Data of `resellflow.renewal.…`, and of the messages about the end of a service's term.
    """

    service: int
    expires_on: date | None
    days_left: int | None
    period_months: int
    renewal_owner: RenewalOwner
    at_end_of_term: AtEndOfTerm
    operation: int | None
    stage: Stage | None
    reference: str | None = None
    """
    the shop's own name of the service; null: it gave none
    """
    metadata: dict[str, str] | None = None
    """
    the shop's own values of the service
    """


class StageOf(BaseModel):
    """
    Data of the event `stage`: an entry of the operation's `stages`, and what the shop wrote on its request.
    """

    id: int
    """
    grows from entry to entry; the event id of the stream
    """
    stage: Stage
    at: AwareDatetime
    reason: str
    waits_for: str
    next_step: str
    person_may: str
    operation: int
    service: int
    reference: str | None
    metadata: dict[str, str]


class StreamEnd(BaseModel):
    """
    Data of the event `end`.
    """

    operation: int
    stage: Stage


class AddonChoice(BaseModel):
    """
    A value of an add-on that is a choice.
    """

    name: str
    price: Money | None
    """
    for a month; null: the catalogue has no price for it
    """


class Audit(BaseModel):
    """
    What was done, newest first.
    """

    items: list[AuditView]
    next_cursor: str | None
    """
    ask again with it for the next page; null at the end of the list
    """


class BalanceRead(BaseModel):
    """
    The account with its balance as read just now.
    """

    upstream: UpstreamView
    message: str
    """
    the balance in a sentence
    """


class BatchFilter(BaseModel):
    """
    Each is a set of values: an operation needs one of each that is given.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    stage: list[Stage] | None = None
    kind: list[OperationKind] | None = None
    service: list[int] | None = None
    """
    numbers of services
    """
    operation: list[int] | None = None
    """
    numbers of operations
    """
    upstream: list[str] | None = None
    """
    names of upstream accounts
    """
    reference: list[str] | None = None


class BatchRequest(BaseModel):
    """
    What is to be decided about which operations. Nothing is done before a run names the preview.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    filter: BatchFilter
    action: Action
    reason: str
    """
    why; written to the audit log of each
    """
    assignee: str | None = None
    """
    for `assign`, and needed there: the person who has the tasks from then on
    """
    dry_run: Literal[True]
    """
    always true: this is the preview, which a run names
    """


class BatchView(BaseModel):
    """
    A preview, and its run.
    """

    number: int
    action: str
    reason: str
    assignee: str | None
    """
    who gets the tasks; null for other actions than `assign`
    """
    filter: dict[str, Any]
    actor: str
    """
    who has asked for the preview, and alone may run it
    """
    created_at: AwareDatetime
    begun_at: AwareDatetime | None
    """
    when it was run first; null: it is a preview
    """
    counts: dict[str, int]
    finished: bool
    """
    nothing is left to do; otherwise run it again
    """
    items: list[MemberView]
    """
    by number of the operation; what came later is not touched
    """


class ChangePlanQuote(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
    )
    kind: Literal["change_plan"]
    """
    Change the tariff plan
    """
    reference: str | None = None
    """
    your own name of it, e.g. the number of an invoice; repeated in documents and messages
    """
    metadata: dict[str, str] | None = None
    """
    your own values, repeated in documents and messages: up to 20 keys of 40 characters with texts of 500, 4000 characters in all. No secrets: it is stored as it is
    """
    reason: str | None = None
    """
    why; written to the audit log
    """
    agreed_cost_limit: Money | None = None
    """
    the most that the upstream may charge for it, in the currency of the upstream account; if it asks more, nothing is sent and a person sees both sums
    """
    plan: str
    """
    name of a tariff plan
    """
    drop_addons: bool = False
    """
    change it although the new plan can't have all add-ons that the service has: these are lost. Without it such a request is refused, naming them
    """
    service: int
    """
    number of the service
    """


class DecisionTaken(BaseModel):
    """
    A decision that was stored and carried out.
    """

    operation: int
    """
    number of the operation
    """
    stage: Stage
    """
    where the operation is now
    """
    message: str


class DecisionView(BaseModel):
    """
    A decision that the caller may take now.
    """

    decision: DecisionKind
    needs: list[str]
    """
    fields to send with it
    """
    may: list[str]
    """
    optional fields that change its effect
    """
    effect: str
    """
    what it does
    """
    roles: list[Role]
    """
    who may take it
    """


class Deliveries(BaseModel):
    """
    What was sent to webhooks, or is on its way; newest first.
    """

    items: list[DeliveryView]
    next_cursor: str | None
    """
    ask again with it for the next page; null at the end of the list
    """


class DeliveryDetail(BaseModel):
    """
    A delivery with its content and the log of its tries.
    """

    number: int
    webhook: str
    """
    name of the endpoint
    """
    message_id: str
    """
    `webhook-id`, and `id` of the CloudEvent
    """
    type: str
    service: int | None
    """
    number of the service that it is about
    """
    state: DeliveryState
    attempts: int
    """
    tries since it was last put into the queue
    """
    happened_at: AwareDatetime
    next_attempt_at: AwareDatetime | None
    """
    null when it has ended
    """
    ended_at: AwareDatetime | None
    data: dict[str, Any]
    log: list[AttemptView]
    """
    oldest first
    """


class DemandView(BaseModel):
    """
    What falls due for one cause.
    """

    count: int
    """
    orders, or terms of services
    """
    amount: Money


class EventView(BaseModel):
    """
    A change seen at the upstream, and its effect here.
    """

    number: int
    event_id: str
    upstream: str
    product_type: str
    upstream_number: str
    kind: EventKind
    status: str
    """
    the item's status after the change
    """
    changes: dict[str, ValueChange]
    service: int | None
    """
    the service it was applied to
    """
    operation: int | None
    """
    the operation that was notified
    """
    seen_at: AwareDatetime
    applied_at: AwareDatetime | None
    delivered_at: AwareDatetime | None
    delivery_note: str
    raw: dict[str, str] | None
    """
    what the upstream showed; for operators only
    """


class Events(BaseModel):
    """
    Changes seen at an upstream, newest first.
    """

    items: list[EventView]
    next_cursor: str | None
    """
    ask again with it for the next page; null at the end of the list
    """


class ForecastDay(BaseModel):
    """
    A day of UTC.
    """

    day: date
    due: Money
    """
    what falls due on it
    """
    if_shops_prolong: Money
    """
    what falls due on it besides, if the shops prolong
    """
    left: Money | None
    """
    what is left at its end; null: the balance is not known
    """
    left_if_shops_prolong: Money | None


class ForeignCost(BaseModel):
    """
    What falls due in a currency that no rate converts; it is in no sum.
    """

    of: Cause
    amount: Money


class HistoryEntry(BaseModel):
    """
    Who or what changed which value of a service from what to what, when, and from where.
    """

    number: int
    at: AwareDatetime
    source: Source
    """
    the origin of the change
    """
    actor: str
    """
    who or what: `upstream main`, the name of a token, a person
    """
    action: str
    """
    the kind of the event, of the operation, or of the decision
    """
    changes: dict[str, ValueChange]
    """
    by field; `upstream_…` are the item's own values, which a service does not have. Of `held_back` nothing was applied
    """
    event: str | None
    """
    `event_id` of the change seen at the upstream
    """
    operation: int | None
    """
    the operation that changed it, or waited for the change
    """
    note: str | None
    """
    why, in a person's words, or other remarks; for operators only
    """


class ItemView(BaseModel):
    """
    An item at the upstream, as it was last seen.
    """

    upstream: str
    number: str
    """
    number of the item at the upstream
    """
    product_type: str
    status: str
    status_detail: str
    name: str
    mark: str | None
    """
    our mark; null: the upstream does not show it
    """
    tariff: str
    ip: str | None
    expires_on: date | None
    cost: Money | None
    first_seen_at: AwareDatetime
    changed_at: AwareDatetime
    service: int | None
    """
    the service that it is; null: none of ours
    """
    gone: bool
    """
    the upstream does not show it any more
    """


class MappingCost(BaseModel):
    """
    What a period costs us.
    """

    months: int
    cost: Money
    renewal_cost: Money | None
    """
    null: the catalogue has none of its own
    """
    taken: bool
    """
    an order of so many months takes this processing module
    """


class NotReady(BaseModel):
    """
    Orders can't be accepted: the database is not there.
    """

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    """
    path of the field, parameter or header that is wrong
    """
    errors: list[FieldError] | None = None
    """
    all wrong fields, if there are several
    """
    database: Any
    temporal: Any


class OperationDetail(BaseModel):
    """
    An operation with all its stages.
    """

    number: int
    service: int
    """
    number of the service
    """
    kind: OperationKind
    stage: Stage
    stage_since: AwareDatetime
    waits_for: str
    upstream_says: str | None
    """
    what the upstream was last seen to show of its item, with its own key for the cause; null: nothing is waited for there, or nothing was seen yet
    """
    slow_since: AwareDatetime | None
    """
    since when its confirmation takes longer than usual at this upstream; null: it does not
    """
    usual_seconds: int | None
    """
    what was usual when it was found to be slow
    """
    next_step: str
    """
    what happens next automatically
    """
    tries: int
    """
    number of failed attempts in this stage
    """
    next_try_at: AwareDatetime | None
    """
    time of the next automatic attempt; null: there is none. A time that has passed waits for a worker
    """
    person_may: str
    """
    what you may do, in a sentence
    """
    allowed_decisions: list[DecisionView]
    """
    what you may decide now; anything else is refused
    """
    failure_class: FailureClass | None
    """
    the class of the failure that led to this stage
    """
    upstream: str | None
    """
    name of the upstream account; null when done by hand
    """
    parameters: dict[str, str]
    """
    what it was asked to do
    """
    reference: str | None
    """
    the shop's own name of it, as the request gave it; null: it gave none
    """
    metadata: dict[str, str]
    """
    the shop's own values, as the request gave them
    """
    cost: Money | None
    """
    what the upstream charges for it, and what is set aside for it; null for storefronts
    """
    price: dict[str, str]
    """
    how `cost` came about: `source` (quote, catalogue, refusal, none), what was `quoted`, `expected`, `agreed` and `accepted`, the `selling` price, the `rate` used, and which checks were `skipped`, and why. Storefronts get the `selling` price alone, once the upstream was asked
    """
    refunded: Annotated[list[Money], Field(validate_default=True)] = []
    """
    what the upstream paid back for it, by currency; for operators only
    """
    agreed_cost_limit: Money | None
    """
    the most that the upstream may charge, as was agreed. Storefronts get what they named themselves
    """
    quote: str | None
    """
    the quote that it was ordered by; null: it named none
    """
    actor: str
    """
    who requested it
    """
    called_off_at: AwareDatetime | None
    """
    since when nothing of it is sent any more; null: it is wanted
    """
    called_off_by: str | None
    workflow_id: str
    workflow_url: str
    """
    the workflow in Temporal UI; empty for a storefront
    """
    workflow_started_at: AwareDatetime | None
    """
    null while Temporal has not been reached
    """
    created_at: AwareDatetime
    ended_at: AwareDatetime | None
    request_id: str | None = None
    """
    `X-Request-Id` of the request that began it, by which the log is searched; null: no request did, or, for a storefront, it was not its own
    """
    task: int | None
    """
    number of the task that goes with it
    """
    stages: list[StagePassed]
    """
    oldest first
    """
    history_begins_at: AwareDatetime | None
    """
    since when `stages` is whole: those between the acceptance and then have been removed by age; null: all are there
    """


class OperationView(BaseModel):
    """
    One thing to do to a service, and its stage.
    """

    number: int
    service: int
    """
    number of the service
    """
    kind: OperationKind
    stage: Stage
    stage_since: AwareDatetime
    waits_for: str
    upstream_says: str | None
    """
    what the upstream was last seen to show of its item, with its own key for the cause; null: nothing is waited for there, or nothing was seen yet
    """
    slow_since: AwareDatetime | None
    """
    since when its confirmation takes longer than usual at this upstream; null: it does not
    """
    usual_seconds: int | None
    """
    what was usual when it was found to be slow
    """
    next_step: str
    """
    what happens next automatically
    """
    tries: int
    """
    number of failed attempts in this stage
    """
    next_try_at: AwareDatetime | None
    """
    time of the next automatic attempt; null: there is none. A time that has passed waits for a worker
    """
    person_may: str
    """
    what you may do, in a sentence
    """
    allowed_decisions: list[DecisionView]
    """
    what you may decide now; anything else is refused
    """
    failure_class: FailureClass | None
    """
    the class of the failure that led to this stage
    """
    upstream: str | None
    """
    name of the upstream account; null when done by hand
    """
    parameters: dict[str, str]
    """
    what it was asked to do
    """
    reference: str | None
    """
    the shop's own name of it, as the request gave it; null: it gave none
    """
    metadata: dict[str, str]
    """
    the shop's own values, as the request gave them
    """
    cost: Money | None
    """
    what the upstream charges for it, and what is set aside for it; null for storefronts
    """
    price: dict[str, str]
    """
    how `cost` came about: `source` (quote, catalogue, refusal, none), what was `quoted`, `expected`, `agreed` and `accepted`, the `selling` price, the `rate` used, and which checks were `skipped`, and why. Storefronts get the `selling` price alone, once the upstream was asked
    """
    refunded: Annotated[list[Money], Field(validate_default=True)] = []
    """
    what the upstream paid back for it, by currency; for operators only
    """
    agreed_cost_limit: Money | None
    """
    the most that the upstream may charge, as was agreed. Storefronts get what they named themselves
    """
    quote: str | None
    """
    the quote that it was ordered by; null: it named none
    """
    actor: str
    """
    who requested it
    """
    called_off_at: AwareDatetime | None
    """
    since when nothing of it is sent any more; null: it is wanted
    """
    called_off_by: str | None
    workflow_id: str
    workflow_url: str
    """
    the workflow in Temporal UI; empty for a storefront
    """
    workflow_started_at: AwareDatetime | None
    """
    null while Temporal has not been reached
    """
    created_at: AwareDatetime
    ended_at: AwareDatetime | None


class Operations(BaseModel):
    """
    Operations, newest first.
    """

    items: list[OperationView]
    next_cursor: str | None
    """
    ask again with it for the next page; null at the end of the list
    """


class PauseTaken(BaseModel):
    """
    The upstream is paused, or is not any more.
    """

    upstream: UpstreamView
    under_way: int
    """
    requests that were written down before the pause and are not settled yet: they go on to their end
    """
    message: str
    """
    the same in a sentence
    """


class PlanAddon(BaseModel):
    """
    What can be ordered with a plan. If its limits differ by period, it is listed once for each of them.
    """

    name: str
    kind: AddonKind
    """
    `quantity`: a whole number, `switch`: true or false, `choice`: a name
    """
    months: list[int]
    """
    the periods with which it can be ordered so
    """
    min: int | None
    """
    the least quantity; null: it is no quantity
    """
    max: int | None
    """
    the greatest quantity; null: there is no limit, or it is no quantity
    """
    step: int | None
    """
    quantities go in such steps from `min`; null: it is no quantity
    """
    choices: list[AddonChoice]
    """
    empty: it is no choice
    """
    price: Money | None
    """
    for a month: of each unit above `included`, or of a switch that is on; null: it is a choice, or the catalogue has no price for it
    """
    included: int
    """
    units that the plan's own price includes
    """


class PlanMappingView(BaseModel):
    """
    How a plan is bought by one processing module.
    """

    module: str
    account: str | None
    """
    name of the upstream account; null: people carry it out
    """
    tariff: str
    location: str | None
    costs: list[MappingCost]
    addon_costs: dict[str, str | dict[str, str]]
    """
    for a month, as the catalogue writes it
    """
    availability: AvailabilityView


class PlanPeriod(BaseModel):
    """
    A period for which a plan can be ordered.
    """

    months: int
    """
    -100: a trial, 0: for ever
    """
    in_words: str
    price: Money
    """
    for the whole period, without add-ons
    """
    renewal_price: Money | None
    """
    of a renewal by this period, without add-ons; null: it has no next term (a trial, for ever)
    """
    renewal_owner: RenewalOwner | None
    """
    who renews its services: `storefront` (you prolong), `automatic` or `upstream`; null: it has no next term
    """
    renewal_lead_days: int | None
    """
    so long before the end of a term it is renewed automatically; null: it is not
    """
    availability: AvailabilityView


class PlanView(BaseModel):
    """
    A plan, and for how much it is sold.
    """

    name: str
    product_type: str
    active: bool
    """
    false: it is sold to nobody any more; services that have it keep it
    """
    orderable: bool
    """
    an order that fits `order_schema` is accepted
    """
    not_orderable_because: str
    """
    empty: it can be ordered
    """
    resources: dict[str, int]
    periods: list[PlanPeriod]
    """
    those that can be ordered, the shortest first
    """
    addons: list[PlanAddon]
    templates: list[PlanTemplate]
    availability: AvailabilityView
    """
    of the period that is easiest to have
    """


class Plans(BaseModel):
    """
    Plans, those that the catalogue got last first.
    """

    items: list[PlanView]
    next_cursor: str | None
    """
    ask again with it for the next page; null at the end of the list
    """


class QuoteView(BaseModel):
    """
    What a request would cost, when the service would end, and what stands in the way. Nothing is ordered.
    """

    id: str | None
    """
    name it as `quote` in the order; null: the order would be refused
    """
    kind: OperationKind
    service: int | None
    """
    null: a new one
    """
    possible: bool
    """
    an order like this would be accepted
    """
    problems: list[QuoteProblem]
    """
    why it would be refused; empty: it would be accepted
    """
    selling: SellingPrice | None
    """
    null: it is not possible
    """
    cost: Money | None
    """
    what the upstream charges; null: not known, or you are a storefront
    """
    margin: Money | None
    """
    selling price less cost, where both are for the same period and in one currency; null for storefronts
    """
    price: dict[str, str] | None
    """
    how `cost` came about, as in an operation; null for storefronts
    """
    next_expiry: date | None
    """
    when the service would end, by the calendar; null: never, not possible, or only the upstream knows (a trial)
    """
    money: MoneyThere
    """
    `short`: the order would wait until the reseller has topped up its account
    """
    needs_person: bool
    """
    a person would have to act before it is done
    """
    why_a_person: list[str]
    upstream_asked: bool
    """
    the upstream has said its price just now
    """
    upstream_said: str
    """
    why it has not said one; its cost is the catalogue's then. Empty: it has, or it has no prices
    """
    valid_until: AwareDatetime | None
    """
    null: the order would be refused
    """


class ServiceView(BaseModel):
    """
    What a customer has.
    """

    number: int
    customer: str
    """
    the storefront's own name of its customer
    """
    owner: str | None
    """
    name of the storefront that owns it; null: the operators
    """
    plan: str
    """
    name of the tariff plan
    """
    product_type: str
    status: ServiceStatus
    status_since: AwareDatetime
    suspend_reason: str | None
    name: str
    """
    domain, host or licence name, as sent to the upstream
    """
    name_is_ours: bool
    """
    the name was generated, because the order had none
    """
    mark: str
    """
    our mark on the upstream's item (remoteid), by which it can be found there
    """
    upstream: UpstreamItemRef | None
    """
    null for a service that is handled by people only
    """
    ip: str | None
    expires_on: date | None
    key_ready: bool | None
    """
    whether the licence key has come (`GET …/licence-key`); null if there is none, or it is not known
    """
    period_months: int
    parameters: dict[str, str]
    reference: str | None
    """
    the shop's own name of it; null: it gave none
    """
    metadata: dict[str, str]
    """
    the shop's own values
    """
    addons: dict[str, int | str]
    """
    add-on and quantity; `on` or `off` for a switch, the chosen name for a choice
    """
    renewal_owner: RenewalOwner
    """
    who renews it, and nobody else: `storefront` (its shop prolongs it), `automatic` (we do) or `upstream`
    """
    renew: bool
    """
    whether it is to be renewed at the end of its term; `PATCH …/renewal` changes it
    """
    at_end_of_term: AtEndOfTerm
    """
    the same in three words: `close`: it is closed then
    """
    processing_module: str
    """
    how operations on this service are carried out
    """
    home_processing_module: str | None
    """
    where it returns to from the manual module
    """
    cost: Money | None
    """
    what the upstream charges for a period; null for storefronts
    """
    open_incidents: list[int]
    """
    numbers of incidents about it that nobody has closed yet
    """
    created_at: AwareDatetime


class Services(BaseModel):
    """
    Services, newest first.
    """

    items: list[ServiceView]
    next_cursor: str | None
    """
    ask again with it for the next page; null at the end of the list
    """


class TaskDetail(BaseModel):
    """
    A task with all that a person needs to carry it out.
    """

    number: int
    service: int
    """
    number of the service
    """
    operation: int
    """
    number of the operation
    """
    mode: TaskMode
    state: TaskState
    department: str
    title: str
    assignee: str | None
    """
    who has it in hand; null if nobody has
    """
    taken_at: AwareDatetime | None
    due_at: AwareDatetime | None
    """
    null for an automatic task
    """
    overdue: bool
    """
    it is past its due time
    """
    created_at: AwareDatetime
    closed_at: AwareDatetime | None
    instructions: str
    """
    what to do, step by step; empty for an automatic task, and for storefronts
    """
    signal_command: str | None
    """
    the command that reports it done without this API; also in the instructions
    """
    note: str | None
    history: list[AuditView] | None
    """
    what was done to the task and to its operation, oldest first; null unless an operator asks
    """


class TaskEnded(BaseModel):
    """
    A task that has ended.
    """

    task: int
    """
    number of the task
    """
    operation: int
    """
    number of the operation
    """
    state: TaskState
    message: str


class IncidentEvent(BaseModel):
    specversion: Literal["1.0"]
    id: str
    """
    the id of the message, the same in every attempt: ignore a message whose id you have had
    """
    source: str
    """
    this installation, by its tag
    """
    type: MessageType
    subject: str = ""
    """
    number of the service; absent where there is none
    """
    time: AwareDatetime
    """
    when it happened
    """
    datacontenttype: Literal["application/json"]
    data: IncidentNews


class ItemEvent(BaseModel):
    specversion: Literal["1.0"]
    id: str
    """
    the id of the message, the same in every attempt: ignore a message whose id you have had
    """
    source: str
    """
    this installation, by its tag
    """
    type: MessageType
    subject: str = ""
    """
    number of the service; absent where there is none
    """
    time: AwareDatetime
    """
    when it happened
    """
    datacontenttype: Literal["application/json"]
    data: ItemNews


class OperationEvent(BaseModel):
    specversion: Literal["1.0"]
    id: str
    """
    the id of the message, the same in every attempt: ignore a message whose id you have had
    """
    source: str
    """
    this installation, by its tag
    """
    type: MessageType
    subject: str = ""
    """
    number of the service; absent where there is none
    """
    time: AwareDatetime
    """
    when it happened
    """
    datacontenttype: Literal["application/json"]
    data: OperationNews


class PingEvent(BaseModel):
    specversion: Literal["1.0"]
    id: str
    """
    the id of the message, the same in every attempt: ignore a message whose id you have had
    """
    source: str
    """
    this installation, by its tag
    """
    type: MessageType
    subject: str = ""
    """
    number of the service; absent where there is none
    """
    time: AwareDatetime
    """
    when it happened
    """
    datacontenttype: Literal["application/json"]
    data: Ping


class RefundEvent(BaseModel):
    specversion: Literal["1.0"]
    id: str
    """
    the id of the message, the same in every attempt: ignore a message whose id you have had
    """
    source: str
    """
    this installation, by its tag
    """
    type: MessageType
    subject: str = ""
    """
    number of the service; absent where there is none
    """
    time: AwareDatetime
    """
    when it happened
    """
    datacontenttype: Literal["application/json"]
    data: RefundNews


class ServiceEvent(BaseModel):
    specversion: Literal["1.0"]
    id: str
    """
    the id of the message, the same in every attempt: ignore a message whose id you have had
    """
    source: str
    """
    this installation, by its tag
    """
    type: MessageType
    subject: str = ""
    """
    number of the service; absent where there is none
    """
    time: AwareDatetime
    """
    when it happened
    """
    datacontenttype: Literal["application/json"]
    data: ServiceNews


class TaskEvent(BaseModel):
    specversion: Literal["1.0"]
    id: str
    """
    the id of the message, the same in every attempt: ignore a message whose id you have had
    """
    source: str
    """
    this installation, by its tag
    """
    type: MessageType
    subject: str = ""
    """
    number of the service; absent where there is none
    """
    time: AwareDatetime
    """
    when it happened
    """
    datacontenttype: Literal["application/json"]
    data: TaskNews


class TermEvent(BaseModel):
    specversion: Literal["1.0"]
    id: str
    """
    the id of the message, the same in every attempt: ignore a message whose id you have had
    """
    source: str
    """
    this installation, by its tag
    """
    type: MessageType
    subject: str = ""
    """
    number of the service; absent where there is none
    """
    time: AwareDatetime
    """
    when it happened
    """
    datacontenttype: Literal["application/json"]
    data: TermNews


class FailedTermNews(BaseModel):
    """
    Data of `resellflow.renewal.failed`.
    """

    service: int
    expires_on: date | None
    days_left: int | None
    period_months: int
    renewal_owner: RenewalOwner
    at_end_of_term: AtEndOfTerm
    operation: int | None
    stage: Stage | None
    urgency: RenewalUrgency
    next_try_at: AwareDatetime | None
    reference: str | None = None
    """
    the shop's own name of the service; null: it gave none
    """
    metadata: dict[str, str] | None = None
    """
    the shop's own values of the service
    """


class ForecastView(BaseModel):
    """
    What falls due on an upstream account, against what is there.
    """

    upstream: str
    at: AwareDatetime
    until: AwareDatetime
    summary: str
    """
    the same in a sentence
    """
    balance: Money | None
    """
    as last read; null: it was never read, or can't be
    """
    balance_at: AwareDatetime | None
    credit_limit: Money
    free: Money | None
    """
    balance and credit, less what is set aside for orders in flight
    """
    line: DemandView
    """
    orders that have no money set aside yet
    """
    automatic: DemandView
    """
    terms that we prolong automatically
    """
    by_upstream: DemandView
    """
    terms that the upstream renews
    """
    due: Money
    """
    the sum of these three
    """
    left: Money | None
    """
    free less due; below zero: so much is missing
    """
    short_at: AwareDatetime | None
    """
    when more has fallen due than is there; null: it suffices
    """
    if_shops_prolong: DemandView
    """
    terms that end, if their shops prolong them
    """
    short_at_if_shops_prolong: AwareDatetime | None
    """
    the same with these terms
    """
    unknown: list[UnknownCost]
    not_converted: list[ForeignCost]
    points: list[ForecastDay]
    """
    day by day, for a plot
    """


class History(BaseModel):
    """
    What changed of a service, newest first.
    """

    items: list[HistoryEntry]
    next_cursor: str | None
    """
    ask again with it for the next page; null at the end of the list
    """


class ItemRead(BaseModel):
    """
    What one item shows now.
    """

    item: ItemView | None
    """
    as it is kept; null: no list has shown it yet
    """
    message: str
    """
    what was found, in a sentence
    """


class OrderAccepted(BaseModel):
    """
    An order that is accepted and can't be lost.
    """

    service: ServiceView
    operation: OperationView


class PlanDetail(BaseModel):
    """
    The same with what an order must look like.
    """

    name: str
    product_type: str
    active: bool
    """
    false: it is sold to nobody any more; services that have it keep it
    """
    orderable: bool
    """
    an order that fits `order_schema` is accepted
    """
    not_orderable_because: str
    """
    empty: it can be ordered
    """
    resources: dict[str, int]
    periods: list[PlanPeriod]
    """
    those that can be ordered, the shortest first
    """
    addons: list[PlanAddon]
    templates: list[PlanTemplate]
    availability: AvailabilityView
    """
    of the period that is easiest to have
    """
    parameters: dict[str, Any]
    """
    JSON Schema of the order's `parameters`
    """
    order_schema: dict[str, Any]
    """
    JSON Schema (2020-12) of the body of `POST /v1/services`: what is valid by it is accepted
    """
    may_change_to: list[PlanChangeView]
    mappings: list[PlanMappingView] | None
    """
    null for storefronts
    """


class FailedTermEvent(BaseModel):
    specversion: Literal["1.0"]
    id: str
    """
    the id of the message, the same in every attempt: ignore a message whose id you have had
    """
    source: str
    """
    this installation, by its tag
    """
    type: MessageType
    subject: str = ""
    """
    number of the service; absent where there is none
    """
    time: AwareDatetime
    """
    when it happened
    """
    datacontenttype: Literal["application/json"]
    data: FailedTermNews


AnyEvent = (
    BalanceEvent
    | FailedTermEvent
    | IncidentEvent
    | ItemEvent
    | OperationEvent
    | PingEvent
    | RefundEvent
    | ServiceEvent
    | TaskEvent
    | TermEvent
    | Event
)

EVENTS: dict[str, type[AnyEvent]] = {
    "resellflow.service.appeared.v1": ServiceEvent,
    "resellflow.service.opened.v1": ServiceEvent,
    "resellflow.service.suspended.v1": ServiceEvent,
    "resellflow.service.resumed.v1": ServiceEvent,
    "resellflow.service.closed.v1": ServiceEvent,
    "resellflow.service.vanished.v1": ServiceEvent,
    "resellflow.service.prolonged.v1": ServiceEvent,
    "resellflow.service.shortened.v1": ServiceEvent,
    "resellflow.service.plan_changed.v1": ServiceEvent,
    "resellflow.service.parameters_changed.v1": ServiceEvent,
    "resellflow.service.cost_changed.v1": ServiceEvent,
    "resellflow.service.key_ready.v1": ServiceEvent,
    "resellflow.service.held_back.v1": ServiceEvent,
    "resellflow.service.expiring.v1": TermEvent,
    "resellflow.service.renewal_changed.v1": TermEvent,
    "resellflow.renewal.upcoming.v1": TermEvent,
    "resellflow.renewal.done.v1": TermEvent,
    "resellflow.renewal.failed.v1": FailedTermEvent,
    "resellflow.item.appeared.v1": ItemEvent,
    "resellflow.operation.started.v1": OperationEvent,
    "resellflow.operation.waiting_for_funds.v1": OperationEvent,
    "resellflow.operation.awaiting_manual_task.v1": OperationEvent,
    "resellflow.operation.slow.v1": OperationEvent,
    "resellflow.operation.needs_attention.v1": OperationEvent,
    "resellflow.operation.completed.v1": OperationEvent,
    "resellflow.operation.cancelled.v1": OperationEvent,
    "resellflow.operation.refunded.v1": RefundEvent,
    "resellflow.task.overdue.v1": TaskEvent,
    "resellflow.incident.raised.v1": IncidentEvent,
    "resellflow.incident.closed.v1": IncidentEvent,
    "resellflow.upstream.balance_low.v1": BalanceEvent,
    "resellflow.upstream.balance_enough.v1": BalanceEvent,
    "resellflow.ping.v1": PingEvent,
}
"""The model of each type of event."""
