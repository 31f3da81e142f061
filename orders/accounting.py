"""Whose is an item that is not proven to be ours? The rules by which one is accounted for. Pure: no I/O.

Only an item that is certainly not the one that was ordered is accounted for. A name that differs by letter is no proof,
as upstreams write names in many ways; nor is one more service of ours that came back under its name.
"""

from models.enums import Knowledge, UpstreamStatus
from orders.evidence import Evidence, Row, may_be_our_mark, named_after_others
from orders.marks import same_mark
from orders.naming import may_be_name

YES, NO = Knowledge.YES, Knowledge.NO


def accounted_for(evidence: Evidence, row: Row) -> str:
    """Why this item is certainly not the one that was ordered, in words. Empty: it may be."""
    if row.number in evidence.linked:
        return "another service of ours"
    if row.number in evidence.known_before:
        return "there before, or vouched for by a person"
    other_name = bool(row.names) and not any(may_be_name(shown, ours) for shown in row.names for ours in evidence.names)
    if row.status is UpstreamStatus.DELETED:
        if any(same_mark(shown, mark) for shown in row.marks for mark in evidence.marks[1:]):
            return "left by an earlier request of this order, and deleted"
        if other_name:
            return "deleted, and it has another name"
    by_mark = _by_mark(evidence, row, other_name=other_name)
    if by_mark:
        return by_mark
    if other_name and named_after_others(evidence, row):
        return "it has the name of another service of ours"
    if other_name and row.looked_at:
        return _by_name(evidence, row)
    return ""


def _by_mark(evidence: Evidence, row: Row, *, other_name: bool) -> str:
    """It shows a whole mark that is not ours."""
    sources = ((row.listed, evidence.lists_return_mark), (row.form, evidence.forms_return_mark))
    for source, returned in sources:
        if source is None or not source.remoteid:
            continue
        if may_be_our_mark(evidence, source.remoteid):
            # The beginning of ours may be the whole of another service's: its name must tell.
            if other_name and source.remoteid in evidence.marks_of_others:
                return f"mark {source.remoteid} of another service of ours"
            continue
        if source.remoteid in evidence.marks_of_others:
            return f"mark {source.remoteid} of another service of ours"
        if returned is YES:
            return f"mark {source.remoteid}, where ours would show"
        if returned is not NO and other_name and row.form is not None:
            return f"mark {source.remoteid} and another name"
    return ""


def _by_name(evidence: Evidence, row: Row) -> str:
    """Another name, and it was looked at closely. That alone is no proof: ours may be written there in any way."""
    sources = ((row.listed, evidence.lists_return_mark), (row.form, evidence.forms_return_mark))
    if any(source is not None and source.remoteid == "" and returned is YES for source, returned in sources):
        return "another name, and no mark where ours would show"
    if evidence.name_is_ours and evidence.own_names_return is YES and not row.marks:
        return "another name, where the names that we make up do show"
    return ""
