"""A prolongation that was carried out twice: the first request counted as not done, and the upstream did it after all.

The proof is the item's expiry. It is later than the latest prolongation can have led to, by just the terms of such
requests.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.enums import IncidentKind, IntentState, IntentStep, OperationKind
from models.order import Intent, Operation, Service
from models.parameters import Renewal
from orders.incidents.record import raise_incident
from orders.services.expiry import months_later
from orders.settlement.item_verdicts import TOLERANCE

LATE_AT_MOST = timedelta(days=7)
"""No upstream carries a request out after a longer time. A later change of the expiry is somebody else's."""


@dataclass(frozen=True)
class Sent:
    """A request to prolong that may have left."""

    intent: Intent
    operation: Operation

    @property
    def in_words(self) -> str:
        return f"request {self.intent.attempt} of operation {self.operation.id} ({self.intent.created_at:%H:%M:%S} UTC)"


async def report_second_term(session: AsyncSession, service: Service) -> bool:
    """Report a service that was prolonged, and so charged for, twice. True if it was, whether that is news or not.

    A request that is not settled may explain a later expiry; whoever settles it looks here again.
    """
    sent = await _sent(session, service)
    if any(not one.intent.state.is_settled for one in sent):
        return False
    done = [one for one in sent if one.intent.state is IntentState.ACCEPTED]
    if not done or service.expires_on is None:
        return False
    last = done[-1]
    wanted = _wanted(service, last.operation)
    twice = _carried_out(service, wanted, [one for one in sent if _counts_as_not_done(one)], service.expires_on)
    if wanted is None or not twice:
        return False
    cost = f", {last.operation.cost} each" if last.operation.cost is not None else ""
    requests = " and ".join(one.in_words for one in twice)
    await raise_incident(
        session,
        IncidentKind.OTHER_TERM,
        f"service {service.id} was prolonged, and probably charged for, twice: it expires {service.expires_on}, and "
        f"{last.in_words} was to lead to {wanted}. Before it, {requests} had counted as not done, and was carried out "
        f"late{cost}. Look at the upstream's charges for item {service.upstream_number}, and ask for one of them back, "
        "or leave the next prolongation out. Set RESELL_SETTLE_WINDOW above the time that this upstream takes",
        about=f"twice, intent {twice[-1].intent.id}",
        account=service.account_id,
        service=service.id,
        operation=last.operation.id,
        detail={
            "item": service.upstream_number or "",
            "announced": str(wanted),
            "shown": str(service.expires_on),
            "late_requests": ", ".join(str(one.intent.attempt) for one in twice),
        },
    )
    return True


async def _sent(session: AsyncSession, service: Service) -> list[Sent]:
    """The latest requests to prolong this service, in the order in which they were sent."""
    found = await session.exec(
        select(Intent, Operation)
        .join(Operation, col(Intent.operation_id) == col(Operation.id))
        .where(
            Operation.service_id == service.id,
            Operation.kind == OperationKind.PROLONG,
            Intent.step == IntentStep.SEND,
            Intent.created_at > utc_now() - LATE_AT_MOST,
        )
        .order_by(col(Intent.id))
    )
    return [Sent(*row) for row in found.all()]


def _counts_as_not_done(one: Sent) -> bool:
    """A yes that came late is an incident of its own."""
    intent = one.intent
    return intent.state is not IntentState.ACCEPTED and not (intent.never_left or intent.late_yes)


def _wanted(service: Service, operation: Operation) -> date | None:
    """The expiry that the operation was to lead to: the announced one, or that of the calendar."""
    asked = Renewal.of(operation.parameters)
    if asked.expires_announced:
        return date.fromisoformat(asked.expires_announced)
    if not asked.expires_before:
        return None
    before = date.fromisoformat(asked.expires_before)
    return months_later(before, asked.months(service.period_months), service.anchor_day)


def _carried_out(service: Service, wanted: date | None, late: list[Sent], shown: date) -> list[Sent]:
    """Those requests whose terms lead from what was wanted to what is shown; none if no number of them does."""
    if wanted is None:
        return []
    for count, one in enumerate(late, start=1):
        months = Renewal.of(one.operation.parameters).months(service.period_months)
        if months <= 0:
            return []
        wanted = months_later(wanted, months, service.anchor_day)
        if abs(shown - wanted) <= TOLERANCE:
            return late[:count]
    return []
