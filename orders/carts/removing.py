"""Removing an unpaid row of ours, and finding out whether a top-up paid it between our look and its removal."""

from datetime import datetime, timedelta
from decimal import Decimal

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.database import Database
from models.enums import IncidentKind, Knowledge
from models.order import Intent, Reservation, Service, StageEntry
from orders.incidents.record import raise_incident
from orders.lifecycle.stages import locked_operation
from orders.operations.job import Job
from orders.services import naming
from orders.services.history import changing, origin_of
from orders.settlement import intents
from orders.settlement.gathering import REMOVED, listed
from upstreams.errors import Rejected, SetupFault, UpstreamError
from upstreams.port import Upstream

A_DAY = timedelta(days=1)
"""By the upstream's calendar, which may be a day off ours."""


class Before:
    """The account as it was before the row's form was read."""

    def __init__(self, at: datetime, balance: Decimal | None) -> None:
        self.at = at
        self.balance = balance

    @classmethod
    async def of(cls, upstream: Upstream) -> "Before":
        """Raises UpstreamError where the balance may be read a moment later: nothing is removed by then."""
        try:
            return cls(utc_now(), (await upstream.balance()).amount.amount)
        except (Rejected, SetupFault):
            return cls(utc_now(), None)


async def note_removed(
    database: Database, job: Job, intent: Intent, upstream: Upstream, number: str, before: Before
) -> str:
    """Write down that the row was removed. Returns why it may have been paid for just before; empty: it was not.

    The next request carries a new mark: some upstreams never take one twice, and the deleted row may stay listed.
    """
    charged = await _was_charged(upstream, number, before)
    after = await balance_if_readable(upstream)
    async with database.write() as session:
        why = doubt(charged, before.balance, after, await _cost_of_others(session, job, before.at))
        operation = await locked_operation(session, job.number)
        words = f"the unpaid item {number} of an earlier request was removed"
        if why:
            words += f", and may have been paid for just before: {why}"
            await _report(session, job, number, why, before, after)
        session.add(StageEntry(operation_id=job.number, stage=operation.stage, reason=words))
        stored = await intents.current(session, intent)
        stored.evidence = {**stored.evidence, REMOVED: [*listed(stored.evidence.get(REMOVED)), number]}
        session.add(stored)
        service = await session.get_one(Service, job.service.id)
        old = service.mark
        async with changing(session, service, origin_of(operation)):
            service.mark = naming.next_mark(old)
            if service.name_is_ours:
                service.name = service.name.replace(old, service.mark, 1)
        session.add(service)
    return why


async def _report(
    session: AsyncSession, job: Job, number: str, why: str, before: Before, after: Decimal | None
) -> None:
    await raise_incident(
        session,
        IncidentKind.PAID_LEFTOVER,
        f"item {number} of operation {job.number} was unpaid, was removed, and may have been paid for just before: "
        f"{why}. Nothing is sent until a person decides. Look at the account's expenses; if it was charged, ask for "
        "the money back; then retry or cancel the order",
        about=f"{job.account.name}|{job.service.product_type}|{number}",
        account=job.account_id,
        service=job.service.id,
        operation=job.number,
        detail={"item": number, "before": str(before.balance), "after": str(after)},
    )


async def _was_charged(upstream: Upstream, number: str, before: Before) -> Knowledge:
    """Judge by the list of expenses. An incomplete list, or one without the items, proves only what it shows."""
    try:
        found = await upstream.expenses((before.at - A_DAY).date())
    except UpstreamError:
        return Knowledge.UNKNOWN
    if any(entry.item == number for entry in found.entries):
        return Knowledge.YES
    tells = found.complete and found.entries and all(entry.item for entry in found.entries)
    return Knowledge.NO if tells else Knowledge.UNKNOWN


async def balance_if_readable(upstream: Upstream) -> Decimal | None:
    """The account's balance now. None: it can't be read."""
    try:
        return (await upstream.balance()).amount.amount
    except UpstreamError:
        return None


def doubt(charged: Knowledge, before: Decimal | None, after: Decimal | None, others: Decimal) -> str:
    """Why an unpaid row that was removed may have been paid for just before, in words. Empty: it was not. Pure.

    `charged`: whether the upstream's expenses show a charge for the item: the best proof. The balance is one only if it
    stayed as it was, but for what other orders of ours are known to have cost meanwhile (`others`). A top-up makes it
    grow by more than the item costs, so that it grew is no proof.
    """
    match charged:
        case Knowledge.YES:
            return "the account's expenses show that it was charged"
        case Knowledge.NO:
            return ""
        case Knowledge.UNKNOWN if before is None or after is None:
            return "the account's balance can't be read"
        case Knowledge.UNKNOWN if before - after in (Decimal(0), others):
            return ""
        case Knowledge.UNKNOWN:
            return f"the balance went from {before} to {after} meanwhile"


async def _cost_of_others(session: AsyncSession, job: Job, since: datetime) -> Decimal:
    """What other orders of the account are known to have been charged since."""
    charged = await session.exec(
        select(Reservation).where(
            Reservation.account_id == job.account_id,
            Reservation.operation_id != job.number,
            col(Reservation.release_number).is_not(None),
            col(Reservation.released_at) >= since,
        )
    )
    return sum((entry.amount for entry in charged.all()), Decimal(0))
