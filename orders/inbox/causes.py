"""Why something needs a person, and what each kind of incident is: the one table for inbox and notifications."""

from dataclasses import dataclass
from enum import StrEnum

from models.enums import IncidentKind, Role


class Cause(StrEnum):
    """Why something needs a person. The order is the one of the cards."""

    DECIDE = "decide"
    """An operation goes on only after a decision."""
    UNCLEAR = "unclear"
    """It is not known whether a request took effect; it is looked up automatically."""
    MONEY = "money"
    """Operations wait for money on the upstream account."""
    TASKS = "tasks"
    """Work by hand."""
    INCIDENTS = "incidents"
    UPSTREAMS = "upstreams"
    """An upstream account is not well."""
    SLOW = "slow"
    """A confirmation takes longer than usual."""
    DRIFT = "drift"
    ORPHANS = "orphans"
    """Items at an upstream that are no service of ours."""


RANK = {cause: rank for rank, cause in enumerate(Cause)}


@dataclass(frozen=True)
class Known:
    """What is known of a kind of incident."""

    cause: Cause
    """The card of the inbox that shows it."""
    acts: Role
    """The role whose people can do something about it; an admin can, too."""
    costs: bool = False
    """It costs money while nobody acts."""


KINDS: dict[IncidentKind, Known] = {
    IncidentKind.LATE_YES: Known(Cause.INCIDENTS, Role.SENIOR, costs=True),
    IncidentKind.SECOND_ITEM: Known(Cause.INCIDENTS, Role.SENIOR, costs=True),
    IncidentKind.PAID_LEFTOVER: Known(Cause.INCIDENTS, Role.SENIOR, costs=True),
    IncidentKind.FOREIGN_CART: Known(Cause.INCIDENTS, Role.SENIOR, costs=True),
    IncidentKind.RENEWED_TWICE: Known(Cause.INCIDENTS, Role.SENIOR, costs=True),
    IncidentKind.RENEWED_BY_NOBODY: Known(Cause.INCIDENTS, Role.OPERATOR),
    IncidentKind.RENEWAL_FAILED: Known(Cause.INCIDENTS, Role.OPERATOR, costs=True),
    IncidentKind.UNKNOWN_TARIFF: Known(Cause.INCIDENTS, Role.ADMIN),
    IncidentKind.OTHER_TERM: Known(Cause.INCIDENTS, Role.SENIOR, costs=True),
    IncidentKind.ADDONS_LOST: Known(Cause.INCIDENTS, Role.OPERATOR),
    IncidentKind.ADDONS_KEPT: Known(Cause.INCIDENTS, Role.OPERATOR),
    IncidentKind.WORKFLOW_WEDGED: Known(Cause.INCIDENTS, Role.ADMIN),
    IncidentKind.DRIFT: Known(Cause.DRIFT, Role.SENIOR),
    IncidentKind.ORDERS_NOT_STARTED: Known(Cause.INCIDENTS, Role.ADMIN),
    IncidentKind.SIGNALS_NOT_DELIVERED: Known(Cause.INCIDENTS, Role.ADMIN),
    IncidentKind.OPERATIONS_STUCK: Known(Cause.INCIDENTS, Role.ADMIN),
    IncidentKind.SLOWER_THAN_USUAL: Known(Cause.SLOW, Role.OPERATOR),
    IncidentKind.POLLER_SILENT: Known(Cause.INCIDENTS, Role.ADMIN),
    IncidentKind.UPSTREAM_UNHEALTHY: Known(Cause.UPSTREAMS, Role.ADMIN),
    IncidentKind.UPSTREAM_UNREACHABLE: Known(Cause.UPSTREAMS, Role.ADMIN),
    IncidentKind.UPSTREAM_PAUSED: Known(Cause.UPSTREAMS, Role.SENIOR),
    IncidentKind.LIST_UNREADABLE: Known(Cause.INCIDENTS, Role.ADMIN),
    IncidentKind.SWEEP_OVERDUE: Known(Cause.INCIDENTS, Role.ADMIN),
    IncidentKind.WORKERS_SILENT: Known(Cause.INCIDENTS, Role.ADMIN),
    IncidentKind.TEMPORAL_LOST: Known(Cause.INCIDENTS, Role.ADMIN),
    IncidentKind.DATABASE_LOST: Known(Cause.INCIDENTS, Role.ADMIN),
    IncidentKind.VERSION_WITHOUT_WORKERS: Known(Cause.INCIDENTS, Role.ADMIN),
    IncidentKind.SHORT_OF_MONEY: Known(Cause.INCIDENTS, Role.FINANCE, costs=True),
    IncidentKind.REFUND_UNMATCHED: Known(Cause.INCIDENTS, Role.FINANCE),
    IncidentKind.REFUNDS_UNREADABLE: Known(Cause.INCIDENTS, Role.ADMIN),
    IncidentKind.MISSED_CHANGES: Known(Cause.INCIDENTS, Role.ADMIN),
    IncidentKind.NOT_NOTIFIED: Known(Cause.INCIDENTS, Role.ADMIN),
}
HAVE_A_CARD = tuple(kind for kind, known in KINDS.items() if known.cause is not Cause.INCIDENTS)
"""Incidents about what another card shows already."""


def runbook(anchor: str) -> str:
    """The section of the documentation that says what to do; `anchor`: a kind of incident, or a stage."""
    return f"docs/operations.md#{anchor}"
