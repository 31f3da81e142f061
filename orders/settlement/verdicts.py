"""Was it done? The judgement on an order whose answer was lost, from what the upstream shows. Pure: no I/O.

The rule is: adopt on proof, send again on proof, otherwise ask a person. Never two charges for one order. Proof that an
order was not done is a complete list in which every item is accounted for; how an item may be accounted for is said in
`orders.settlement.evidence`.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from models.enums import Knowledge, UpstreamStatus
from orders.services.naming import canonical, is_cut, may_be_cut_of, same_mark, same_name
from orders.settlement.evidence import Evidence, Row, accounted_for, carries_another_mark

INCOMPLETE_AT_MOST = timedelta(minutes=10)
"""A list that can't be read completely is read again for at least this long before a person is asked."""


STILL_CHANGING_AT_MOST = 5
"""Windows during which an item that is being opened, and may be the order, is waited for."""
_BEING_OPENED = (UpstreamStatus.ORDERED, UpstreamStatus.PROCESSING)


class Verdict(StrEnum):
    DONE = "done"
    NOT_DONE = "not_done"
    WAIT = "wait"
    """Nothing proven yet; look again."""
    READ_FORMS = "read_forms"
    """The list does not decide; the forms of `candidates` may."""
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True)
class Judgement:
    verdict: Verdict
    numbers: tuple[str, ...] = ()
    """DONE: the items with our mark, the one to adopt first. READ_FORMS, CANNOT_TELL: the items in question."""
    reason: str = ""
    evidence: dict[str, object] = field(default_factory=dict)
    """What it rests on, for people to read; kept with the intent."""


def judge(evidence: Evidence) -> Judgement:
    live = [row for row in evidence.rows if row.status is not UpstreamStatus.DELETED]
    ours = _ours(evidence, [row for row in live if row.number not in evidence.linked])
    if ours:
        return Judgement(Verdict.DONE, tuple(sorted(ours, key=_by_number)))
    settled = evidence.known_before | evidence.linked
    dead = [row.number for row in evidence.rows if row.number not in settled and _is_dead(evidence, row)]
    if dead:
        words = f"item {', '.join(dead)} carries our mark but is deleted at the upstream"
        return Judgement(Verdict.CANNOT_TELL, tuple(dead), words)
    riddles = [row for row in evidence.rows if not accounted_for(evidence, row)]
    unread = tuple(row.number for row in riddles if not row.looked_at)
    if unread:
        return Judgement(Verdict.READ_FORMS, unread)
    return _judge_absence(evidence, tuple(row.number for row in riddles))


def _judge_absence(evidence: Evidence, riddles: tuple[str, ...]) -> Judgement:
    """Nothing is there that is ours for certain."""
    if evidence.now < evidence.window_ends:
        return Judgement(Verdict.WAIT, riddles, "nothing with our mark is there yet")
    if evidence.vouched and not riddles:
        return Judgement(Verdict.NOT_DONE, reason="a person vouched that nothing was bought, and nothing new is there")
    if not evidence.complete:
        why = f": {evidence.incomplete_because}" if evidence.incomplete_because else ""
        late = evidence.now > evidence.unknown_since + max(10 * evidence.window, INCOMPLETE_AT_MOST)
        reason = f"the upstream's list could not be read completely{why}"
        return Judgement(Verdict.CANNOT_TELL if late else Verdict.WAIT, riddles, reason)
    if evidence.accepted:
        reason = f"the upstream accepted the order but shows no item with the mark {evidence.mark}{_look_at(riddles)}"
        return Judgement(Verdict.CANNOT_TELL, riddles, reason)
    if riddles and evidence.now < evidence.window_ends + (STILL_CHANGING_AT_MOST - 1) * evidence.window:
        changing = [row.number for row in evidence.rows if row.number in riddles and row.status in _BEING_OPENED]
        if changing:
            words = f"item {', '.join(changing[:5])} is being opened there, and may show whose it is when that is over"
            return Judgement(Verdict.WAIT, riddles, words)
    if riddles:
        many = "items" if len(riddles) > 1 else "an item"
        reason = (
            f"{many} appeared there since the order was sent, and neither list nor form shows whose: "
            f"it may be this order{_look_at(riddles)}"
        )
        return Judgement(Verdict.CANNOT_TELL, riddles, reason)
    new = [row.number for row in evidence.rows if row.number not in evidence.known_before | evidence.linked]
    if evidence.suspected and new and not evidence.shows_marks:
        reason = f"marks can't be seen there, so what appeared since the backup may be this order{_look_at(tuple(new))}"
        return Judgement(Verdict.CANNOT_TELL, tuple(new), reason)
    if evidence.lists_return_mark is Knowledge.NO and evidence.lists_return_name is Knowledge.NO:
        reason = "this upstream's lists show neither our marks nor our names, so absence from them proves nothing"
        return Judgement(Verdict.CANNOT_TELL, reason=reason)
    return Judgement(Verdict.NOT_DONE, reason="the complete list shows no item that could be this order")


def _ours(evidence: Evidence, live: list[Row]) -> list[str]:
    marked = [row.number for row in live if _is_marked(evidence, row)]
    if marked:
        return marked
    named = [row for row in live if _has_our_name(evidence, row)]
    if evidence.name_is_ours:
        return [row.number for row in named if not carries_another_mark(evidence, row)]
    if evidence.suspected:
        return []  # an order that the database has lost may have had the same name
    # A name that the customer chose may be another order's too. It proves something only if the item is new, its form
    # shows no other mark, and nothing else can have made it.
    new = [row for row in named if row.number not in evidence.known_before and not carries_another_mark(evidence, row)]
    fitting = [row for row in new if row.looked_at and not _speaks_against(evidence, row)]
    if evidence.name_shared or any(not row.looked_at for row in new):
        return []
    cut = [row.number for row in fitting if any(is_cut(mark, evidence.mark) for mark in row.marks)]
    if len(cut) == 1:
        return cut
    return [fitting[0].number] if len(fitting) == 1 and len(new) == 1 else []


def _is_marked(evidence: Evidence, row: Row) -> bool:
    """It shows our whole mark. If that may be the beginning of another service's mark, our name must be beside it."""
    shown = [one for one in row.marks if any(same_mark(one, mark) for mark in evidence.marks)]
    if any(not may_be_cut_of(one, evidence.marks_of_others) for one in shown):
        return True
    return bool(shown) and not carries_another_mark(evidence, row) and _has_our_name_alone(evidence, row)


def _has_our_name_alone(evidence: Evidence, row: Row) -> bool:
    """No other order of ours has that name."""
    shared = {canonical(name) for name in row.names} & (evidence.names_of_others | evidence.names_linked)
    return _has_our_name(evidence, row) and not shared and not evidence.name_shared


def _has_our_name(evidence: Evidence, row: Row) -> bool:
    return any(same_name(shown, name) for shown in row.names for name in evidence.names)


def _is_dead(evidence: Evidence, row: Row) -> bool:
    """Ours, of the latest call, and deleted. (What an earlier call left behind was deleted by us.)"""
    if row.status is not UpstreamStatus.DELETED:
        return False
    return any(same_mark(one, evidence.mark) and not may_be_cut_of(one, evidence.marks_of_others) for one in row.marks)


def _speaks_against(evidence: Evidence, row: Row) -> bool:
    """No mark where ours would show. If the mark may also be another service's, whole or cut short, the name must
    belong to no other service."""
    blank = (row.listed.mark == "" and evidence.lists_return_mark is Knowledge.YES) or (
        row.form is not None and row.form.mark == "" and evidence.forms_return_mark is Knowledge.YES
    )
    of_others = any(_may_be_of_another(evidence, shown) for shown in row.marks)
    return blank or (of_others and not _has_our_name_alone(evidence, row))


def _may_be_of_another(evidence: Evidence, shown: str) -> bool:
    """The whole mark of another service of ours, or the beginning of one."""
    others = evidence.marks_of_others
    return any(same_mark(shown, mark) for mark in others) or may_be_cut_of(shown, others)


def _look_at(numbers: tuple[str, ...]) -> str:
    return f" (look at {', '.join(numbers[:5])})" if numbers else ""


def _by_number(number: str) -> tuple[int, str]:
    return (int(number), "") if number.isdigit() else (2**63, number)
