"""Was it done? The judgement on an order whose answer was lost, from what the upstream shows. Pure: no I/O.

The rule is: adopt on proof, send again on proof, otherwise ask a person. Never two charges for one order.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from models.enums import Knowledge, UpstreamStatus

INCOMPLETE_AT_MOST = timedelta(minutes=10)
"""For so long at least a list that can't be read completely is read again before a person is asked."""


class Verdict(StrEnum):
    DONE = "done"
    NOT_DONE = "not_done"
    WAIT = "wait"
    """Nothing proven yet; look again."""
    READ_FORMS = "read_forms"
    """The list does not decide; the forms of `candidates` may."""
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True)
class Row:
    """One item of the upstream, as far as the judgement needs it."""

    number: str
    name: str
    remoteid: str | None
    """None: not shown."""
    status: UpstreamStatus


@dataclass(frozen=True)
class Evidence:
    """All that is known. `linked`: numbers that belong to other services of ours; `known_before`: numbers that the
    upstream showed before the call was sent, or that were dealt with since."""

    mark: str
    name: str
    name_is_ours: bool
    rows: tuple[Row, ...]
    complete: bool
    linked: frozenset[str]
    known_before: frozenset[str]
    names_of_others: frozenset[str]
    """Names that we made up for other services: an item with one of them is theirs, found or yet to be found."""
    marks_of_others: frozenset[str]
    lists_return_mark: Knowledge
    """Proven by an earlier service of ours: this upstream's list shows the marks that we send."""
    lists_return_name: Knowledge
    name_shared: bool
    """Another order with the same name is unsettled too."""
    accepted: bool
    """The upstream said yes without a number: it is done for certain, only to be found."""
    unknown_since: datetime
    now: datetime
    window: timedelta
    forms_read: bool = False
    """`rows` have been completed from the items' forms."""


@dataclass(frozen=True)
class Judgement:
    verdict: Verdict
    numbers: tuple[str, ...] = ()
    """DONE: the items with our mark, the one to adopt first. READ_FORMS, CANNOT_TELL: the items in question."""
    reason: str = ""


def judge(evidence: Evidence) -> Judgement:
    live = [
        row
        for row in evidence.rows
        if row.number not in evidence.linked
        and (row.number not in evidence.known_before or _proves_itself(evidence, row))
        and row.status is not UpstreamStatus.DELETED
    ]
    ours = _ours(evidence, live)
    if ours:
        return Judgement(Verdict.DONE, tuple(sorted(ours, key=_by_number)))
    dead = [
        row.number for row in evidence.rows if row.remoteid == evidence.mark and row.number not in evidence.known_before
    ]
    if dead:
        return Judgement(
            Verdict.CANNOT_TELL,
            tuple(dead),
            f"item {', '.join(dead)} carries our mark but is deleted at the upstream",
        )
    strangers = [row.number for row in live if not _is_somebody_elses(evidence, row)]
    if strangers and not evidence.forms_read:
        return Judgement(Verdict.READ_FORMS, tuple(strangers))
    if evidence.now < evidence.unknown_since + evidence.window:
        return Judgement(Verdict.WAIT, reason="nothing with our mark is there yet")
    if not evidence.complete:
        reason = "the upstream's list could not be read completely"
        late = evidence.now > evidence.unknown_since + max(10 * evidence.window, INCOMPLETE_AT_MOST)
        return Judgement(Verdict.CANNOT_TELL if late else Verdict.WAIT, reason=reason)
    if evidence.accepted:
        return Judgement(
            Verdict.CANNOT_TELL,
            tuple(strangers),
            f"the upstream accepted the order but shows no item with the mark {evidence.mark}{_candidates(strangers)}",
        )
    if strangers:
        return Judgement(
            Verdict.CANNOT_TELL,
            tuple(strangers),
            f"this upstream is not known to show our mark; items there may be this order{_candidates(strangers)}",
        )
    if evidence.lists_return_mark is Knowledge.NO and evidence.lists_return_name is Knowledge.NO:
        reason = "this upstream's lists show neither our marks nor our names, so absence from them proves nothing"
        return Judgement(Verdict.CANNOT_TELL, reason=reason)
    return Judgement(Verdict.NOT_DONE, reason="the complete list shows no item that could be this order")


def _proves_itself(evidence: Evidence, row: Row) -> bool:
    """It carries what only we can have given it, so it was not there before, whatever the clocks of two hosts say."""
    return row.remoteid == evidence.mark or (evidence.name_is_ours and row.name == evidence.name)


def _ours(evidence: Evidence, live: list[Row]) -> list[str]:
    marked = [row.number for row in live if row.remoteid == evidence.mark]
    if marked:
        return marked
    named = [row.number for row in live if row.name == evidence.name and not _carries_another_mark(evidence, row)]
    if evidence.name_is_ours:
        return named
    # A name that the customer chose may be another order's too. It proves something only if the item's form shows no
    # other mark, and if nothing else can have made this item.
    if evidence.forms_read and len(named) == 1 and not evidence.name_shared:
        return named
    return []


def _carries_another_mark(evidence: Evidence, row: Row) -> bool:
    """An upstream that is not known to show our marks may show something of its own in that field."""
    if not row.remoteid or row.remoteid == evidence.mark:
        return False
    if row.remoteid in evidence.marks_of_others:
        return True
    return evidence.lists_return_mark is Knowledge.YES or not evidence.name_is_ours


def _is_somebody_elses(evidence: Evidence, row: Row) -> bool:
    """Proven not to be this order: it is another's, or this upstream shows marks and names and these are not ours."""
    if row.remoteid in evidence.marks_of_others or row.name in evidence.names_of_others:
        return True
    if row.name == evidence.name and not evidence.forms_read:
        return False
    if evidence.lists_return_mark is Knowledge.YES and row.remoteid is not None:
        return True
    return evidence.lists_return_name is Knowledge.YES and bool(row.name) and row.name != evidence.name


def _candidates(numbers: list[str]) -> str:
    return f" (look at {', '.join(numbers[:5])})" if numbers else ""


def _by_number(number: str) -> tuple[int, str]:
    return (int(number), "") if number.isdigit() else (2**63, number)
