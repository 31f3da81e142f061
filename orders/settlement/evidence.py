"""What is known of an order whose outcome is not: the items there, what marks and names say of them. Pure: no I/O.

`accounted_for` says which items are certainly somebody else's.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from models.enums import Knowledge, UpstreamStatus
from orders.services.naming import canonical, is_cut, may_be_name, same_mark

_SETTLED = (UpstreamStatus.ACTIVE, UpstreamStatus.SUSPENDED, UpstreamStatus.DELETED)


@dataclass(frozen=True)
class Shown:
    """What one answer, a list's row or a form, shows of who an item is."""

    name: str = ""
    mark: str | None = None
    """None: not shown."""


@dataclass(frozen=True)
class Row:
    """One item of the upstream, as far as the judgement needs it."""

    number: str
    listed: Shown
    status: UpstreamStatus
    form: Shown | None = None
    """None: not read."""
    form_refused: bool = False
    """The upstream does not let us read it."""
    form_status: UpstreamStatus | None = None
    """What the form shows, where it was read."""

    @property
    def looked_at(self) -> bool:
        return self.form is not None or self.form_refused

    @property
    def is_settled(self) -> bool:
        """Nothing of who it is changes any more. What is being opened may yet get its name and its mark."""
        return self.status in _SETTLED and self.was_settled_in_form

    @property
    def was_settled_in_form(self) -> bool:
        return self.form_status is None or self.form_status in _SETTLED

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in (self.listed, self.form) if one is not None and one.name.strip())

    @property
    def marks(self) -> tuple[str, ...]:
        return tuple(one.mark for one in (self.listed, self.form) if one is not None and one.mark)


@dataclass(frozen=True)
class Evidence:
    """All that is known."""

    marks: tuple[str, ...]
    """Ours: the one of the latest call first, then those of earlier calls for the same service."""
    names: tuple[str, ...]
    """Under which the item was ordered, the latest first."""
    name_is_ours: bool
    """We made the name up, so nobody else uses it."""
    rows: tuple[Row, ...]
    complete: bool
    incomplete_because: str
    linked: frozenset[str]
    """Numbers that belong to other services of ours."""
    known_before: frozenset[str]
    """Numbers that the upstream showed before the first call was sent, or that a person has vouched for since."""
    names_of_others: frozenset[str]
    """Names of our other services whose items are not known yet, in their canonical spelling."""
    marks_of_others: frozenset[str]
    lists_return_mark: Knowledge
    """Proven by a service of ours of this type: the list shows the marks that we send."""
    forms_return_mark: Knowledge
    lists_return_name: Knowledge
    name_shared: bool
    """Another order with the same name is unsettled too."""
    accepted: bool
    """The upstream said yes without a number: it is done for certain, only to be found."""
    unknown_since: datetime
    now: datetime
    window: timedelta
    names_linked: frozenset[str] = frozenset()
    """Names of our other services whose items are known: a further item of such a name is no riddle solved."""
    suspected: bool = False
    """The latest call was never recorded: it may have been sent after the backup that was restored."""
    vouched: bool = False
    """A person has looked, and vouched that the latest call had no effect."""

    @property
    def mark(self) -> str:
        return self.marks[0]

    @property
    def shows_marks(self) -> bool:
        """Proven: this upstream shows the marks that we send, in its list or in forms."""
        return Knowledge.YES in (self.lists_return_mark, self.forms_return_mark)

    @property
    def window_ends(self) -> datetime:
        return self.unknown_since + self.window


def carries_another_mark(evidence: Evidence, row: Row) -> bool:
    """It shows a mark that is not ours, where that says something: an upstream that is not known to show our marks may
    show something of its own in that field."""
    for source, known in ((row.listed, evidence.lists_return_mark), (row.form, evidence.forms_return_mark)):
        if source is None or not source.mark or may_be_our_mark(evidence, source.mark):
            continue
        if source.mark in evidence.marks_of_others or known is Knowledge.YES or not evidence.name_is_ours:
            return True
    return False


def may_be_our_mark(evidence: Evidence, shown: str) -> bool:
    """Ours, or a beginning of ours."""
    return any(same_mark(shown, mark) or is_cut(shown, mark, significant=False) for mark in evidence.marks)


def named_after_others(evidence: Evidence, row: Row) -> bool:
    return any(canonical(name) in evidence.names_of_others for name in row.names)


def accounted_for(evidence: Evidence, row: Row) -> str:
    """Why this item is certainly not the one that was ordered, in words. Empty: it may be.

    An item is accounted for only by what it shows itself: what other items of this upstream show proves nothing of it,
    as tariffs differ. A blank mark is no proof (it may be filled in later). A name that differs by a letter is none,
    nor is a name that the upstream may have made up.
    """
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
