"""Words of the pages that are chosen by a value: labels of causes, stages and kinds, what a card says when it is empty.

They are marked for translation here and translated where they are shown.
"""

from models.enums import FailureClass, MemberState, OperationKind, Role, ServiceStatus, Stage, TaskState
from models.messages import DecisionKind
from orders.accounts.views import UpstreamHealth
from orders.inbox.sources import Cause


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
    Cause.UPSTREAMS: _("Orders there wait. They continue automatically once the upstream answers as usual."),
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
FIELDS = {
    "period_months": _("Period"),
}
"""Fields of requests to the API that have no words of their own in a template."""
