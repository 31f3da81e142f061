"""Unpaid rows that a request leaves behind when it is refused for want of money.

A top-up at the upstream may pay such a row at any time, so it is never passed over: it is removed, or paid, or a person
is asked, before the order is sent again.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.database import Database
from models.enums import FailureClass, IntentState, Knowledge, UpstreamStatus
from models.order import Intent, Reservation, Service
from orders.accounts.pausing import unrecorded_change
from orders.carts.removing import Before, balance_if_readable, note_removed
from orders.money import funds
from orders.operations.job import Job
from orders.services.naming import canonical, may_be_cut_of, same_mark, same_name
from upstreams.errors import NoSuchItem, Paused, UpstreamError
from upstreams.port import Upstream, UpstreamItem

log = logging.getLogger(__name__)

BALANCE, BALANCE_AT = "balance", "balance_at"
"""Notes before a call: the account's balance as last read, and when."""


ASK_FOR_IT_BACK = "Look at the account's expenses; if it was charged, ask for the money back. Then retry or cancel"


class Remedy(StrEnum):
    """What is to be done about an unpaid row of ours."""

    REMOVE = "remove"
    """Its form shows our mark: nobody else's can be removed by mistake."""
    ASK = "ask"
    """Only a person can say whose it is, pay it or remove it."""


class CleanupResult(StrEnum):
    """What became of it."""

    REMOVED = "removed"
    PAID = "paid"
    """It is an item that was paid for: to be adopted."""
    LEFT = "left"
    """It is still there, unpaid."""
    DOUBTFUL = "doubtful"
    """It is removed, and may have been paid for just before: nothing is sent until a person decides."""


@dataclass(frozen=True)
class Cleanup:
    result: CleanupResult
    reason: str = ""


@dataclass(frozen=True)
class Ours:
    """By what an item is known for ours, and whose else it may be."""

    marks: tuple[str, ...]
    name: str
    marks_of_others: frozenset[str] = frozenset()
    names_of_others: frozenset[str] = frozenset()

    def is_this(self, form: UpstreamItem) -> bool:
        """Our whole mark. Where it may be the beginning of another service's, our name must stand beside it."""
        shown = form.mark or ""
        if not any(same_mark(shown, mark) for mark in self.marks):
            return False
        ours_by_name = same_name(form.name, self.name) and canonical(form.name) not in self.names_of_others
        return ours_by_name or not may_be_cut_of(shown, self.marks_of_others)


def remedy_for(form: UpstreamItem, ours: Ours) -> Remedy:
    """A name alone never suffices to remove an item; nor does a mark that only a list shows.

    Where an upstream lets such rows be paid by machine, this is the place to say so.
    """
    return Remedy.REMOVE if form.status is UpstreamStatus.ORDERED and ours.is_this(form) else Remedy.ASK


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


async def clear_up(database: Database, job: Job, intent: Intent, upstream: Upstream, number: str) -> Cleanup:
    """Have an unpaid row out of the way, so that the order can be sent again. Its form is read right before, and the
    balance before that: what is paid after it was read shows there."""
    before = await Before.of(upstream)
    form = await _form(job, upstream, number)
    if form is None:
        return Cleanup(CleanupResult.REMOVED, f"item {number} is gone")
    if form.status not in (UpstreamStatus.ORDERED, UpstreamStatus.DELETED):
        return Cleanup(CleanupResult.PAID)
    match remedy_for(form, await _ours(database, job, intent)):
        case Remedy.ASK:
            return Cleanup(
                CleanupResult.LEFT, f"{_left(number)}; its form does not show our mark, so it is not removed by machine"
            )
        case Remedy.REMOVE:
            return await _remove(database, job, intent, upstream, form, before)


def _left(number: str) -> str:
    return f"item {number}, ordered and unpaid, is left at the upstream"


async def _ours(database: Database, job: Job, intent: Intent) -> Ours:
    async with database.read() as session:
        found = await session.exec(
            select(Service).where(Service.account_id == job.account_id, Service.id != job.service.id)
        )
        others = found.all()
    return Ours(
        marks=(job.service.mark, intent.mark),
        name=intent.request.get("name") or job.service.name,
        marks_of_others=frozenset(one.mark for one in others),
        names_of_others=frozenset(canonical(one.name) for one in others),
    )


async def _remove(
    database: Database, job: Job, intent: Intent, upstream: Upstream, form: UpstreamItem, before: Before
) -> Cleanup:
    try:
        async with unrecorded_change(database, job.account_id):
            await upstream.delete_unpaid(job.service.product_type, form.number)
    except Paused:
        raise
    except UpstreamError as error:
        log.info("operation %s: %s can't be removed: %s", job.number, form.number, error.message)
    after = await _form(job, upstream, form.number)
    if after is not None and after.status is UpstreamStatus.ORDERED:
        return Cleanup(
            CleanupResult.LEFT, f"item {form.number}, ordered and unpaid, is left at the upstream and can't be removed"
        )
    if after is not None and after.status is not UpstreamStatus.DELETED:
        return Cleanup(CleanupResult.PAID)
    why = await note_removed(database, job, intent, upstream, form.number, before)
    words = f"the unpaid item {form.number} of an earlier request was removed"
    if why:
        return Cleanup(CleanupResult.DOUBTFUL, f"{words}, and may have been paid for just before: {why}")
    return Cleanup(CleanupResult.REMOVED, words)


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
    """By the balance before the call and after it. It shows it only while no other order of the account was charged."""
    noted, noted_at = intent.before.get(BALANCE), intent.before.get(BALANCE_AT)
    if not noted or not noted_at:
        return Knowledge.UNKNOWN
    async with database.read() as session:
        entry = await funds.reservation_of(session, job.number)
        at_refusal = (
            entry.refused_balance if entry and (entry.refused_at or intent.created_at) > intent.created_at else None
        )
    now = at_refusal if at_refusal is not None else await balance_if_readable(upstream)
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


async def _others_may_have_paid(session: AsyncSession, job: Job, since: datetime) -> bool:
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
    charged = await session.exec(
        select(Reservation.id).where(
            Reservation.account_id == job.account_id,
            Reservation.operation_id != job.number,
            col(Reservation.release_number).is_not(None),
            col(Reservation.released_at) >= since,
        )
    )
    return charged.first() is not None


async def _form(job: Job, upstream: Upstream, number: str) -> UpstreamItem | None:
    try:
        return await upstream.read_item(job.service.product_type, number)
    except NoSuchItem:
        return None
