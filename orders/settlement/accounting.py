"""Rules that account for an item that is not proven to be ours: who else owns it? Pure: no I/O.

Only an item that is certainly not the one that was ordered is accounted for, and only by what it shows itself: what
other items of this upstream show proves nothing of it, as tariffs differ. A blank mark is no proof (it may be filled in
later), a name that differs by letter is none, nor is a name that the upstream may have made up.
"""

from models.enums import Knowledge, UpstreamStatus
from orders.services.naming import may_be_name
from orders.settlement.evidence import Evidence, Row, may_be_our_mark, named_after_others
from orders.settlement.marks import same_mark


def accounted_for(evidence: Evidence, row: Row) -> str:
    """Why this item is certainly not the one that was ordered, in words. Empty: it may be."""
    if row.number in evidence.linked:
        return "another service of ours"
    if row.number in evidence.known_before:
        return "there before, or vouched for by a person"
    other_name = bool(row.names) and not any(may_be_name(shown, ours) for shown in row.names for ours in evidence.names)
    if row.status is UpstreamStatus.DELETED and any(
        same_mark(shown, mark) for shown in row.marks for mark in evidence.marks[1:]
    ):
        return "left by an earlier request of this order, and deleted"
    by_mark = _by_mark_of_ours(evidence, row, other_name=other_name)
    if by_mark:
        return by_mark
    if other_name and named_after_others(evidence, row):
        return "it has the name of another service of ours"
    return _by_its_form(evidence, row, other_name=other_name)


def _by_mark_of_ours(evidence: Evidence, row: Row, *, other_name: bool) -> str:
    """It shows the whole mark of another service of ours."""
    for shown in row.marks:
        if not any(same_mark(shown, mark) for mark in evidence.marks_of_others):
            continue
        # The beginning of ours may be the whole of another service's: its name must tell.
        if other_name or not may_be_our_mark(evidence, shown):
            return f"mark {shown} of another service of ours"
    return ""


def _by_its_form(evidence: Evidence, row: Row, *, other_name: bool) -> str:
    """Its form, read once nothing of it changes any more, shows a mark that is certainly not ours, and another name.

    Where no name is shown at all the mark suffices if forms of this type are known to show ours.
    """
    if row.form is None or not row.form.mark or not row.is_settled:
        return ""
    if any(may_be_our_mark(evidence, shown) for shown in row.marks):
        return ""
    mark = row.form.mark
    if other_name and row.form.name.strip() and evidence.forms_return_mark is not Knowledge.NO:
        return f"mark {mark} and another name"
    if not row.names and evidence.forms_return_mark is Knowledge.YES:
        return f"mark {mark}, where ours would show"
    return ""
