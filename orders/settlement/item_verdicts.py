"""Was something done to an item? Judged by what its form shows; of a prolongation by the expiry. Pure: no I/O."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models.enums import UpstreamStatus
from orders.services.expiry import months_later
from orders.settlement.verdicts import Judgement, Verdict

TOLERANCE = timedelta(days=1)
"""Midnight is not at the same moment there and here."""


@dataclass(frozen=True)
class Term:
    """A prolongation whose outcome is not known, and what the item shows now."""

    number: str
    before: date | None
    """The expiry before the first call."""
    announced: date | None
    """The expiry that the upstream's form announced for it."""
    months: int
    """How long it was prolonged by; 0: the upstream's period is none of months."""
    sent_on: date
    shown: date | None
    status: UpstreamStatus
    unknown_since: datetime
    now: datetime
    window: timedelta
    anchor_day: int | None = None
    """The day of the month on which the item's terms end, where it is known."""
    requests: int = 1
    """How many may have been sent: each that counted as not done may have given a term all the same."""


@dataclass(frozen=True)
class State:
    """What an item's form shows of a call whose outcome is not known. `status` None: there is no such item."""

    number: str
    status: UpstreamStatus | None
    done: bool
    """It shows what was asked for."""
    tariff_before: str
    """Empty where the call is not about the tariff."""
    tariff: str
    unknown_since: datetime
    now: datetime
    window: timedelta


def judge_state(state: State) -> Judgement:
    """Done if the form shows what was asked for; not done if it still does not after the window, and shows nothing that
    neither we nor the past can explain."""
    number = state.number
    if state.done:
        return Judgement(Verdict.DONE, (number,))
    if state.status in (None, UpstreamStatus.DELETED):
        return Judgement(Verdict.CANNOT_TELL, (number,), f"item {number} does not exist any more")
    if state.status is UpstreamStatus.PROCESSING:
        return Judgement(Verdict.WAIT, reason=f"item {number} is being worked on")
    if state.now < state.unknown_since + state.window:
        return Judgement(Verdict.WAIT, reason=f"item {number} does not show what was asked for yet")
    if state.tariff_before and state.tariff != state.tariff_before:
        words = f"item {number} has tariff {state.tariff or '(none)'} now, {state.tariff_before} before"
        return Judgement(Verdict.CANNOT_TELL, (number,), f"{words}, and neither is what was asked for")
    return Judgement(Verdict.NOT_DONE, reason=f"item {number} is as it was before, for longer than a request takes")


def expected(term: Term) -> tuple[date, ...]:
    """The expiry that the call leads to: the announced one, else by the calendar; from the day it was sent, too, where
    the term was over by then."""
    if term.announced is not None:
        return (term.announced,)
    if term.before is None or term.months <= 0:
        return ()
    starts = [term.before] + ([term.sent_on] if term.before < term.sent_on else [])
    days = [months_later(start, term.months, anchor) for start in starts for anchor in (None, term.anchor_day)]
    return tuple(dict.fromkeys(days))


def judge_term(term: Term) -> Judgement:
    """Done if the expiry is what this call leads to, or what it and the earlier ones lead to; not done if it is what it
    was. Anything else may be somebody else's doing, or half of ours: a person has to say."""
    wanted = expected(term)
    if _as_wanted(term, wanted + _more_than_once(term, wanted)):
        return Judgement(Verdict.DONE, (term.number,), f"item {term.number} expires {term.shown} now")
    if term.status is UpstreamStatus.PROCESSING:
        return Judgement(Verdict.WAIT, reason=f"item {term.number} is being worked on")
    as_before = term.shown == term.before and term.shown is not None
    if term.now < term.unknown_since + term.window:
        words = "has not changed" if as_before else f"expires {_day(term.shown)} now, which is not what was asked for"
        return Judgement(Verdict.WAIT, reason=f"item {term.number} {words}")
    if as_before:
        words = f"item {term.number} still expires {_day(term.shown)}; a request would have changed that by now"
        return Judgement(Verdict.NOT_DONE, reason=words)
    due = " or ".join(_day(one) for one in wanted) if wanted else "a date that nobody announced"
    words = f"item {term.number} expires {_day(term.shown)} now, {_day(term.before)} before; asked for was {due}"
    return Judgement(Verdict.CANNOT_TELL, (term.number,), words)


def _more_than_once(term: Term, wanted: tuple[date, ...]) -> tuple[date, ...]:
    """Where it ends if several requests were carried out. That is an incident, and nothing more is to be sent."""
    if term.months <= 0:
        return ()
    more = range(1, term.requests)
    return tuple(months_later(day, count * term.months, term.anchor_day) for day in wanted for count in more)


def _as_wanted(term: Term, wanted: tuple[date, ...]) -> bool:
    if term.shown is None or (term.before is not None and term.shown <= term.before):
        return False
    return any(abs(term.shown - one) <= TOLERANCE for one in wanted)


def differs(announced: date | None, shown: date | None) -> bool:
    """A prolongation that was done gave another term than the upstream had announced."""
    return announced is not None and shown is not None and abs(shown - announced) > TOLERANCE


def _day(day: date | None) -> str:
    return day.isoformat() if day else "(no date)"
