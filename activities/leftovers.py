"""Unpaid rows that a request leaves behind when it is refused for want of money.

A top-up at the upstream may pay such a row at any time, so it is never passed over: it is removed, or paid, or a person
is asked, before the order is sent again.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from activities.gathering import REMOVED, listed
from activities.job import Job
from models.database import Database
from models.enums import FailureClass, IncidentKind, IntentState, Knowledge, UpstreamStatus
from models.order import Intent, Reservation, Service
from orders import funds, intents, naming
from orders.incidents import raise_incident
from orders.marks import same_mark
from upstreams import lease
from upstreams.errors import NoSuchItem, UpstreamError
from upstreams.port import Upstream, UpstreamItem

BALANCE, BALANCE_AT = "balance", "balance_at"
"""Notes before a call: the account's balance as last read, and when."""


class Remedy(StrEnum):
    """What is to be done about an unpaid row of ours."""

    REMOVE = "remove"
    """Its form shows our mark: nobody else's can be removed by mistake."""
    ASK = "ask"
    """Only a person can say whose it is, pay it or remove it."""


class Fate(StrEnum):
    """What became of it."""

    REMOVED = "removed"
    PAID = "paid"
    """It is an item that was paid for: to be adopted."""
    LEFT = "left"
    """It is still there, unpaid."""


@dataclass(frozen=True)
class Outcome:
    fate: Fate
    reason: str = ""


def remedy_for(form: UpstreamItem, marks: tuple[str, ...]) -> Remedy:
    """A name alone never suffices to remove an item; nor does a mark that only a list shows.

    Where an upstream lets such rows be paid by machine, this is the place to say so.
    """
    ours = any(same_mark(form.remoteid or "", mark) for mark in marks)
    return Remedy.REMOVE if ours and form.status is UpstreamStatus.ORDERED else Remedy.ASK


def balance_before(job: Job) -> dict[str, list[str]]:
    """To be remembered before a call: whether it was charged shows in the balance."""
    if job.account.balance is None or job.account.balance_at is None:
        return {}
    return {BALANCE: [str(job.account.balance)], BALANCE_AT: [job.account.balance_at.isoformat()]}


async def unpaid_among(
    database: Database, job: Job, intent: Intent, upstream: Upstream, numbers: tuple[str, ...]
) -> list[UpstreamItem]:
    """Those of the items with our mark that are ordered and were never paid for.

    `ordered` is also how some upstreams show what is paid and not open yet. So it takes a refusal for want of money, or
    a balance that has not moved.
    """
    waiting = []
    for number in numbers:
        form = await _form(job, upstream, number)
        if form is not None and form.status is UpstreamStatus.ORDERED:
            waiting.append(form)
    if not waiting:
        return []
    refused = await _refused_for_funds(database, job, intent)
    charged = await _was_charged(database, job, intent, upstream, _price(job, waiting[0]))
    # A refusal is believed unless the money is gone; a lost answer is taken for a yes unless it is certainly there.
    unpaid = charged is not Knowledge.YES if refused else charged is Knowledge.NO
    return waiting if unpaid else []


async def deal_with(database: Database, job: Job, intent: Intent, upstream: Upstream, number: str) -> Outcome:
    """Have an unpaid row out of the way, so that the order can be sent again. Its form is read right before."""
    form = await _form(job, upstream, number)
    if form is None:
        return Outcome(Fate.REMOVED, f"item {number} is gone")
    if form.status not in (UpstreamStatus.ORDERED, UpstreamStatus.DELETED):
        return Outcome(Fate.PAID)
    left = f"item {number}, ordered and unpaid, is left at the upstream"
    match remedy_for(form, (job.service.mark, intent.mark)):
        case Remedy.ASK:
            return Outcome(Fate.LEFT, f"{left}; its form does not show our mark, so it is not removed by machine")
        case Remedy.REMOVE:
            return await _remove(database, job, intent, upstream, form, left)


async def _remove(
    database: Database, job: Job, intent: Intent, upstream: Upstream, form: UpstreamItem, left: str
) -> Outcome:
    before = await _balance(upstream)
    try:
        with lease.holding(lease.unrecorded()):
            await upstream.delete_unpaid(job.service.product_type, form.number)
    except UpstreamError as error:
        activity.logger.info("operation %s: %s can't be removed: %s", job.number, form.number, error.message)
    after = await _form(job, upstream, form.number)
    if after is not None and after.status is UpstreamStatus.ORDERED:
        return Outcome(Fate.LEFT, f"{left} and can't be removed")
    if after is not None and after.status is not UpstreamStatus.DELETED:
        return Outcome(Fate.PAID)
    await _was_it_paid_meanwhile(database, job, form, before, await _balance(upstream))
    await _note_removed(database, job, intent, form.number)
    return Outcome(Fate.REMOVED, f"the unpaid item {form.number} of an earlier request was removed")


async def _note_removed(database: Database, job: Job, intent: Intent, number: str) -> None:
    """The next request carries a new mark: some upstreams never take one twice, and the deleted row may stay listed."""
    async with database.write() as session:
        stored = await intents.current(session, intent)
        stored.evidence = {**stored.evidence, REMOVED: [*listed(stored.evidence.get(REMOVED)), number]}
        session.add(stored)
        service = await session.get_one(Service, job.service.id)
        old = service.mark
        service.mark = naming.next_mark(old)
        if service.name_is_ours:
            service.name = service.name.replace(old, service.mark, 1)
        session.add(service)


async def _was_it_paid_meanwhile(
    database: Database, job: Job, form: UpstreamItem, before: Decimal | None, after: Decimal | None
) -> None:
    """A top-up may have paid the row between our look and its removal: then money was taken for nothing."""
    price = _price(job, form)
    if before is None or after is None or price <= 0 or before - after < price:
        return
    async with database.write() as session:
        if await _others_may_have_paid(session, job, None):
            return
        await raise_incident(
            session,
            IncidentKind.PAID_LEFTOVER,
            f"item {form.number} was unpaid and was removed, and the balance sank from {before} to {after} meanwhile: "
            f"it may have been paid for just before. Look at the account's expenses, and ask for the money back",
            about=f"{job.account.name}|{job.service.product_type}|{form.number}",
            account=job.account_id,
            service=job.service.id,
            operation=job.number,
            detail={"item": form.number, "before": str(before), "after": str(after)},
        )


async def _refused_for_funds(database: Database, job: Job, intent: Intent) -> bool:
    """The latest call was refused for want of money; or it met what one that was refused so had left."""
    if intent.failure_class is FailureClass.FUNDS:
        return True
    if intent.failure_class is not FailureClass.EXISTS:
        return False
    async with database.read() as session:
        found = await session.exec(
            select(Intent.id).where(
                Intent.operation_id == job.number,
                Intent.failure_class == FailureClass.FUNDS,
                Intent.mark == intent.mark,
            )
        )
        return found.first() is not None


async def _was_charged(database: Database, job: Job, intent: Intent, upstream: Upstream, price: Decimal) -> Knowledge:
    """By the balance before the call and after it. It tells only while no other order of the account was charged."""
    noted, noted_at = intent.before.get(BALANCE), intent.before.get(BALANCE_AT)
    if not noted or not noted_at:
        return Knowledge.UNKNOWN
    async with database.read() as session:
        entry = await funds.reservation_of(session, job.number)
        at_refusal = (
            entry.refused_balance if entry and (entry.refused_at or intent.created_at) > intent.created_at else None
        )
    now = at_refusal if at_refusal is not None else await _balance(upstream)
    if now is None:
        return Knowledge.UNKNOWN
    async with database.read() as session:
        if await _others_may_have_paid(session, job, datetime.fromisoformat(noted_at[0])):
            return Knowledge.UNKNOWN
    before = Decimal(noted[0])
    if now == before:
        return Knowledge.NO
    return Knowledge.YES if 0 < price <= before - now else Knowledge.UNKNOWN


def _price(job: Job, form: UpstreamItem) -> Decimal:
    return form.cost.amount if form.cost is not None else (job.operation.cost or job.period.cost).amount


async def _others_may_have_paid(session: AsyncSession, job: Job, since: datetime | None) -> bool:
    """Another order of the account has a call under way, or was charged since."""
    under_way = await session.exec(
        select(Intent.id).where(
            Intent.account_id == job.account_id,
            Intent.operation_id != job.number,
            col(Intent.state).in_([IntentState.PREPARED, IntentState.UNKNOWN]),
        )
    )
    if under_way.first() is not None:
        return True
    if since is None:
        return False
    charged = await session.exec(
        select(Reservation.id).where(
            Reservation.account_id == job.account_id,
            Reservation.operation_id != job.number,
            col(Reservation.release_number).is_not(None),
            col(Reservation.released_at) >= since,
        )
    )
    return charged.first() is not None


async def _balance(upstream: Upstream) -> Decimal | None:
    try:
        return (await upstream.balance()).amount.amount
    except UpstreamError:
        return None


async def _form(job: Job, upstream: Upstream, number: str) -> UpstreamItem | None:
    try:
        return await upstream.read_item(job.service.product_type, number)
    except NoSuchItem:
        return None
