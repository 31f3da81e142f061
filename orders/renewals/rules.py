"""What is due about the end of a service's term on a day. Pure: no I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from models.enums import AtEndOfTerm, RenewalOwner, RenewalUrgency, Stage
from models.periods import has_next_term, term_days
from models.renewal_terms import RenewalTerms

LATE = timedelta(days=30)
"""A term that ended longer ago is left alone: after so long an absence people decide."""
URGENT_DAYS = 1
"""So short before its end, a renewal that is not done is urgent, whatever keeps it."""
PAUSES = {
    RenewalUrgency.LOW: timedelta(days=1),
    RenewalUrgency.HIGH: timedelta(hours=12),
    RenewalUrgency.URGENT: timedelta(hours=4),
    RenewalUrgency.LAST_DAY: timedelta(hours=1),
}
"""How long after it has failed a renewal is tried again."""
SLACK = timedelta(minutes=10)
"""A walk that comes so much too early need not be waited for: the next one may be an hour later."""
_FAILED = (Stage.NEEDS_ATTENTION, Stage.CANCELLED, Stage.WAITING_FOR_FUNDS, Stage.AWAITING_MANUAL_TASK)


class Step(StrEnum):
    """In the order in which they are done."""

    NOTICE = "notice"
    """Tell the storefront that the term ends."""
    ANNOUNCE = "announce"
    """Tell the storefront that we shall prolong it."""
    PROLONG = "prolong"
    FAILED = "failed"
    """Report that our prolongation is not done."""
    RETRY = "retry"
    """Try our prolongation again, which waits for a person."""
    CLOSE = "close"


@dataclass(frozen=True)
class Ending:
    """A service that lives, its present term, and what has been done about its end."""

    service: int
    account: int | None
    plan: int
    product_type: str
    months: int
    owner: RenewalOwner
    at_end: AtEndOfTerm
    ends_on: date
    noticed_days: int | None = None
    announced_on: date | None = None
    operation: int | None = None
    stage: Stage | None = None
    """The stage of that operation."""
    stage_since: datetime | None = None
    failed_on: date | None = None
    closing: int | None = None


def due_notice(one: Ending, today: date, terms: RenewalTerms) -> int | None:
    """The notice that is to be sent now, as its number of days before the end; after an absence only the latest one.
    None: there is none."""
    left = (one.ends_on - today).days
    reached = [days for days in terms.notices if left <= days < term_days(one.months)]
    if left < 0 or not reached or (one.noticed_days is not None and one.noticed_days <= min(reached)):
        return None
    return min(reached)


def urgency_of(left: int) -> RenewalUrgency:
    """`left`: days until the term ends; negative: it has ended."""
    by_days = {0: RenewalUrgency.LAST_DAY, 1: RenewalUrgency.URGENT, 2: RenewalUrgency.HIGH}
    return RenewalUrgency.ENDED if left < 0 else by_days.get(left, RenewalUrgency.LOW)


def next_try(one: Ending, today: date) -> datetime | None:
    """When our prolongation is tried again. None: it does not wait for a person, or the term has ended."""
    pause = PAUSES.get(urgency_of((one.ends_on - today).days))
    if one.stage is not Stage.NEEDS_ATTENTION or one.stage_since is None or pause is None:
        return None
    return one.stage_since + pause


def due(one: Ending, now: datetime, terms: RenewalTerms) -> Iterator[Step]:
    today = now.date()
    left = (one.ends_on - today).days
    if left < -LATE.days:
        return
    if one.at_end is AtEndOfTerm.CLOSE:
        if left < 0 and one.closing is None:
            yield Step.CLOSE
        return
    if one.at_end is AtEndOfTerm.EXPIRE or not has_next_term(one.months):
        return
    if one.owner is RenewalOwner.STOREFRONT and due_notice(one, today, terms) is not None:
        yield Step.NOTICE
    if one.owner is RenewalOwner.AUTOMATIC:
        yield from _due_of_ours(one, left, now, terms)


def _due_of_ours(one: Ending, left: int, now: datetime, terms: RenewalTerms) -> Iterator[Step]:
    lead, today = terms.lead_days(one.plan, one.product_type, one.months), now.date()
    end_is_told = one.failed_on is not None and one.failed_on > one.ends_on
    if one.operation is not None:
        is_late = left <= URGENT_DAYS and one.stage is not Stage.COMPLETED
        if (one.stage in _FAILED or is_late) and one.failed_on != today and not end_is_told:
            yield Step.FAILED
        again = next_try(one, today)
        if again is not None and again - SLACK <= now:
            yield Step.RETRY
        return
    if one.announced_on is None and left <= lead + terms.announcement:
        yield Step.ANNOUNCE
    has_had_time = one.announced_on is not None and one.announced_on < today
    if left <= lead and (has_had_time or left <= URGENT_DAYS) and not end_is_told:
        yield Step.PROLONG
