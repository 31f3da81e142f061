"""What is due about the end of a service's term on a day. Pure: no I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from models.enums import AtEndOfTerm, RenewalOwner, Stage
from models.periods import has_next_term, term_days
from models.renewal_terms import RenewalTerms

LATE = timedelta(days=30)
"""A term that ended longer ago is left alone: after so long an absence people decide."""
URGENT_DAYS = 1
"""So short before its end, a renewal that is not done is urgent, whatever keeps it."""
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
    CLOSE = "close"


@dataclass(frozen=True)
class Ending:
    """A service that lives, its present term, and what has been done about its end."""

    service: int
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


def due(one: Ending, today: date, terms: RenewalTerms) -> Iterator[Step]:
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
        yield from _due_of_ours(one, left, today, terms)


def _due_of_ours(one: Ending, left: int, today: date, terms: RenewalTerms) -> Iterator[Step]:
    lead = terms.lead_days(one.product_type, one.months)
    if one.operation is not None:
        is_late = left <= URGENT_DAYS and one.stage is not Stage.COMPLETED
        if (one.stage in _FAILED or is_late) and one.failed_on != today:
            yield Step.FAILED
        return
    if one.announced_on is None and left <= lead + terms.announcement:
        yield Step.ANNOUNCE
    has_had_time = one.announced_on is not None and one.announced_on < today
    if left <= lead and (has_had_time or left <= URGENT_DAYS):
        yield Step.PROLONG
