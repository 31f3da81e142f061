"""Words of the pages that are chosen by a value: labels of causes, stages and kinds, what a card says when it is empty.

They are marked for translation here and translated where they are shown.
"""

from models.enums import (
    AtEndOfTerm,
    DriftKind,
    FailureClass,
    IncidentKind,
    IntentState,
    IntentStep,
    Knowledge,
    MemberState,
    OperationKind,
    RefundState,
    RenewalOwner,
    Role,
    ServiceStatus,
    Stage,
    TaskState,
)
from models.messages import DecisionKind
from orders.accounts.views import UpstreamHealth
from orders.inbox.causes import Cause
from orders.quotes.views import MoneyThere


def _(text: str) -> str:
    return text


CAUSES = {
    Cause.DECIDE: _("To decide"),
    Cause.UNCLEAR: _("Outcome unclear"),
    Cause.MONEY: _("Money is short"),
    Cause.TASKS: _("Tasks"),
    Cause.INCIDENTS: _("Incidents"),
    Cause.UPSTREAMS: _("Upstreams with trouble"),
    Cause.SLOW: _("Slower than usual"),
    Cause.DRIFT: _("Differences"),
    Cause.ORPHANS: _("Items of nobody"),
}
IF_NOTHING_IS_DONE = {
    Cause.DECIDE: _("It stays as it is: nothing is sent until somebody decides."),
    Cause.UNCLEAR: _("The upstream is read until it is proven done or not done. Nothing is sent twice."),
    Cause.MONEY: _("It continues automatically, in turn, when the money is there."),
    Cause.TASKS: _("It waits, and is reported as overdue after its due time."),
    Cause.INCIDENTS: _("It stays open until somebody explains it, or until what lasts is over."),
    Cause.UPSTREAMS: _(
        "Orders there wait. They continue automatically once the upstream answers as usual, or is resumed."
    ),
    Cause.SLOW: _("It is looked for at the upstream from time to time, until it is there."),
    Cause.DRIFT: _("Our record and the upstream stay different. Nothing is sent because of it."),
    Cause.ORPHANS: _("It stays at the upstream, and costs what it costs there."),
}
KINDS = {
    OperationKind.OPEN: _("Order"),
    OperationKind.PROLONG: _("Prolong"),
    OperationKind.SUSPEND: _("Suspend"),
    OperationKind.RESUME: _("Resume"),
    OperationKind.CLOSE: _("Close"),
    OperationKind.CHANGE_PLAN: _("Change of plan"),
    OperationKind.SET_PARAMETERS: _("Change of parameters"),
}
STAGES = {
    Stage.ACCEPTED: _("accepted"),
    Stage.QUEUED: _("queued"),
    Stage.CHECKING_BALANCE: _("checking the balance"),
    Stage.WAITING_FOR_FUNDS: _("waiting for money"),
    Stage.SUBMITTING: _("being sent"),
    Stage.RETRYING: _("to be tried again"),
    Stage.OUTCOME_UNKNOWN: _("outcome unknown"),
    Stage.AWAITING_CONFIRMATION: _("waiting for the confirmation"),
    Stage.AWAITING_MANUAL_TASK: _("waiting for work by hand"),
    Stage.NEEDS_ATTENTION: _("needs a decision"),
    Stage.COMPLETED: _("completed"),
    Stage.CANCELLED: _("cancelled"),
}
FAILURES = {
    FailureClass.NOT_SENT: _("not sent"),
    FailureClass.OUTCOME_UNKNOWN: _("outcome unknown"),
    FailureClass.FUNDS: _("not enough money"),
    FailureClass.NOT_YET: _("too early"),
    FailureClass.EXISTS: _("exists already"),
    FailureClass.REJECTED: _("refused"),
    FailureClass.UNHEALTHY: _("account refused"),
    FailureClass.SETUP_FAULT: _("wrong set-up"),
    FailureClass.PRICE_CHANGED: _("price changed"),
}
INCIDENTS = {
    IncidentKind.LATE_YES: _("late yes"),
    IncidentKind.SECOND_ITEM: _("second item"),
    IncidentKind.PAID_LEFTOVER: _("paid leftover"),
    IncidentKind.FOREIGN_CART: _("something else in the cart"),
    IncidentKind.RENEWED_TWICE: _("renewed twice"),
    IncidentKind.RENEWED_BY_NOBODY: _("renewed by nobody"),
    IncidentKind.RENEWAL_FAILED: _("renewal failed"),
    IncidentKind.UNKNOWN_TARIFF: _("unknown tariff"),
    IncidentKind.OTHER_TERM: _("other term or sum"),
    IncidentKind.ADDONS_LOST: _("add-ons lost"),
    IncidentKind.ADDONS_KEPT: _("add-ons kept"),
    IncidentKind.WORKFLOW_WEDGED: _("workflow does not go on"),
    IncidentKind.DRIFT: _("difference"),
    IncidentKind.ORDERS_NOT_STARTED: _("orders not started"),
    IncidentKind.SIGNALS_NOT_DELIVERED: _("signals not delivered"),
    IncidentKind.OPERATIONS_STUCK: _("operations stuck"),
    IncidentKind.SLOWER_THAN_USUAL: _("slower than usual"),
    IncidentKind.POLLER_SILENT: _("upstream is not read"),
    IncidentKind.UPSTREAM_UNHEALTHY: _("upstream refuses the account"),
    IncidentKind.UPSTREAM_UNREACHABLE: _("upstream does not answer"),
    IncidentKind.UPSTREAM_PAUSED: _("upstream is paused"),
    IncidentKind.LIST_UNREADABLE: _("list can't be read"),
    IncidentKind.SWEEP_OVERDUE: _("sweep is overdue"),
    IncidentKind.WORKERS_SILENT: _("no worker reports"),
    IncidentKind.TEMPORAL_LOST: _("Temporal is lost"),
    IncidentKind.DATABASE_LOST: _("database is lost"),
    IncidentKind.VERSION_WITHOUT_WORKERS: _("version without workers"),
    IncidentKind.SHORT_OF_MONEY: _("short of money"),
    IncidentKind.REFUND_UNMATCHED: _("refund of unknown cause"),
    IncidentKind.REFUNDS_UNREADABLE: _("refunds can't be read"),
    IncidentKind.MISSED_CHANGES: _("missed changes"),
    IncidentKind.NOT_NOTIFIED: _("nobody was notified"),
}
DIFFERENCES = {
    DriftKind.PRICE: _("price"),
    DriftKind.TERM: _("end of the term"),
    DriftKind.PLAN: _("plan"),
    DriftKind.ADDONS: _("add-ons"),
    DriftKind.STATUS: _("state"),
    DriftKind.RENEWAL: _("who renews it"),
    DriftKind.GONE: _("gone from the upstream"),
    DriftKind.SECOND_ITEM: _("second item"),
    DriftKind.FOREIGN_MARK: _("foreign mark"),
    DriftKind.NOBODYS_ITEM: _("item of nobody"),
}
STEPS = {
    IntentStep.SEND: _("send"),
    IntentStep.CONFIRM_CART: _("confirm the cart"),
    IntentStep.PAY: _("pay"),
}
OUTCOMES = {
    IntentState.PREPARED: _("prepared"),
    IntentState.UNKNOWN: _("not known yet"),
    IntentState.ACCEPTED: _("accepted"),
    IntentState.NOT_SENT: _("not sent"),
    IntentState.REFUSED: _("refused"),
    IntentState.NOT_DONE: _("proven not done"),
    IntentState.ABANDONED: _("given up by a person"),
}
DECISIONS = {
    DecisionKind.RETRY: _("Try again"),
    DecisionKind.CORRECT_AND_RETRY: _("Correct and try again"),
    DecisionKind.ACCEPT_PRICE: _("Accept the price"),
    DecisionKind.LOOK_NOW: _("Ask the upstream now"),
    DecisionKind.MARK_DONE: _("Mark as done"),
    DecisionKind.REJECT_TASK: _("Will not be done"),
    DecisionKind.CANCEL: _("Cancel"),
}
ROLES = {
    Role.VIEWER: _("viewer"),
    Role.OPERATOR: _("operator"),
    Role.SENIOR: _("senior"),
    Role.FINANCE: _("finance"),
    Role.ADMIN: _("admin"),
}


def kind(value: str) -> str:
    """Label of what an entry is: a kind of operation, or the words themselves."""
    try:
        return KINDS[OperationKind(value)]
    except ValueError:
        return value.replace("_", " ")


TASK_STATES = {TaskState.OPEN: _("open"), TaskState.DONE: _("done"), TaskState.CANCELLED: _("called off")}
HEALTHS = {
    UpstreamHealth.WELL: _("well"),
    UpstreamHealth.PARTLY: _("some lists can't be read"),
    UpstreamHealth.UNREACHABLE: _("does not answer"),
    UpstreamHealth.UNHEALTHY: _("refuses the account"),
    UpstreamHealth.UNKNOWN: _("never read yet"),
}
KNOWN = {Knowledge.YES: _("yes"), Knowledge.NO: _("no"), Knowledge.UNKNOWN: _("not known yet")}
SERVICE_STATES = {
    ServiceStatus.ORDERED: _("ordered"),
    ServiceStatus.PROCESSING: _("in progress"),
    ServiceStatus.ACTIVE: _("active"),
    ServiceStatus.SUSPENDED: _("suspended"),
    ServiceStatus.CLOSED: _("closed"),
}
MEMBERS = {
    MemberState.PLANNED: _("will be decided about"),
    MemberState.EXCLUDED: _("will not go"),
    MemberState.TAKEN: _("under way"),
    MemberState.DONE: _("done"),
    MemberState.REFUSED: _("not possible any more"),
}
EFFECTS = {
    OperationKind.OPEN: _("A service is bought at the upstream, and charged there."),
    OperationKind.PROLONG: _("Its term becomes longer by a period. The upstream charges for it."),
    OperationKind.SUSPEND: _("The customer can't use it any more. It is kept, and its term goes on."),
    OperationKind.RESUME: _("The customer can use it again. It does not make its term longer."),
    OperationKind.CLOSE: _("It is deleted at the upstream now, for good, before all else that waits for it."),
    OperationKind.CHANGE_PLAN: _("The upstream says its price first. What only a person can do becomes a task."),
    OperationKind.SET_PARAMETERS: _("Add-ons, name, who renews it, a new password or key. The rest stays as it is."),
}
"""What a request does, before anything of it is known."""
FIELDS = {
    "plan": _("Plan"),
    "period_months": _("Period"),
    "customer": _("Customer"),
    "domain": _("Name"),
    "expires_on": _("The term that ends on"),
    "agreed_cost_limit": _("Cost at most"),
    "drop_addons": _("Change it also if add-ons are lost by it"),
    "renewal_owner": _("Who renews it"),
    "password": _("A new password is made at the upstream"),
    "licence_key": _("A new licence key is made at the upstream"),
    "urgent": _("Before everything else that waits for this service"),
    "reason": _("Reason"),
    "note": _("Note"),
    "to": _("To whom"),
    "upstream_number": _("Number of the item at the upstream"),
    "reference": _("Reference (the shop's own name of it)"),
    "module": _("Processing module"),
    "owner": _("Shop (empty: the operators)"),
    "at_end_of_term": _("At the end of its term"),
    "operation": _("Number of the operation"),
    "product_type": _("Product type"),
    "service": _("Number of the service"),
}
"""Fields of requests to the API that have no words of their own in a template."""
NOTES = {
    "domain": _("Empty: one is made up, where that is possible."),
    "expires_on": _("If somebody has prolonged this term already, the request is refused."),
    "agreed_cost_limit": _("Like 10.00 EUR. If the upstream asks more, nothing is sent, and a person decides."),
    "password": _("Alone, without other changes."),
    "licence_key": _("Alone, without other changes. The old one ends."),
}
"""What else there is to know of a field."""
ON_OFF = {"on": _("on"), "off": _("off")}
RENEWAL_OWNERS = {
    RenewalOwner.STOREFRONT: _("the shop prolongs it"),
    RenewalOwner.AUTOMATIC: _("Resellflow renews it"),
    RenewalOwner.UPSTREAM: _("the upstream renews it"),
}
AT_END_OF_TERM = {
    AtEndOfTerm.RENEW: _("it is renewed"),
    AtEndOfTerm.EXPIRE: _("it expires"),
    AtEndOfTerm.CLOSE: _("it is closed"),
}
CHOSEN = frozenset({*ON_OFF.values(), *RENEWAL_OWNERS.values(), *AT_END_OF_TERM.values()})
"""Words of lists that are translated. All others are names."""
MONEY = {
    MoneyThere.ENOUGH: _("enough"),
    MoneyThere.SHORT: _("not enough: it will wait until there is more"),
    MoneyThere.UNKNOWN: _("not known"),
}
BESIDE = {
    "status": _("State"),
    "expires_on": _("Expires on"),
    "plan": _("Plan (tariff)"),
    "cost": _("Cost"),
    "renewal_owner": _("Who renews it"),
    "name": _("Name"),
    "ip": _("Address"),
    "mark": _("Mark"),
}
"""What is compared with the upstream, besides add-ons and parameters."""
COMPARED = {
    "status": {one.value: words for one, words in SERVICE_STATES.items()},
    "renewal_owner": {one.value: words for one, words in RENEWAL_OWNERS.items()},
}
"""Values of what is compared that have words."""
REFUND_STATES = {
    RefundState.DOUBTFUL: _("seen once, not certain yet"),
    RefundState.OPEN: _("a person says what it is for"),
    RefundState.WRITTEN: _("written to its operation"),
    RefundState.IGNORED: _("belongs to no operation of ours"),
}
