"""What an upstream may show of an order whose answer was lost, for the tables of verdicts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from models.enums import Knowledge, UpstreamStatus
from orders.settlement.evidence import Evidence, Row, Shown
from orders.settlement.verdicts import INCOMPLETE_AT_MOST, Verdict

Case = tuple[str, Evidence, Verdict, tuple[str, ...]]
"""Its name, what is shown, the verdict, and the numbers of the items that it names."""

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MARK, NAME = "rf-abcde-1042", "rf-abcde-1042.servers.internal"
ACTIVE, DELETED = UpstreamStatus.ACTIVE, UpstreamStatus.DELETED
YES, NO, UNKNOWN = Knowledge.YES, Knowledge.NO, Knowledge.UNKNOWN

EMPTY = Evidence(
    marks=(MARK,),
    names=(NAME,),
    name_is_ours=True,
    rows=(),
    complete=True,
    incomplete_because="",
    linked=frozenset(),
    known_before=frozenset(),
    names_of_others=frozenset(),
    marks_of_others=frozenset(),
    lists_return_mark=YES,
    forms_return_mark=YES,
    lists_return_name=YES,
    name_shared=False,
    accepted=False,
    unknown_since=NOON,
    now=NOON + timedelta(minutes=5),
    window=timedelta(minutes=1),
)
"""A complete list without any item, read well after the window has passed, of an upstream that shows everything."""

BLIND = replace(
    EMPTY,
    lists_return_mark=UNKNOWN,
    forms_return_mark=UNKNOWN,
    lists_return_name=UNKNOWN,
)
"""The same of an upstream of which nothing is proven."""
THEIRS = replace(EMPTY, names=("shop.example.com",), name_is_ours=False)
"""A name that the customer chose."""


def row(
    number: str = "17",
    name: str = NAME,
    mark: str | None = MARK,
    status: UpstreamStatus = UpstreamStatus.PROCESSING,
    form: Shown | None = None,
) -> Row:
    return Row(number, Shown(name, mark), status, form)


def read(
    number: str = "17",
    name: str = NAME,
    mark: str | None = MARK,
    listed: Shown | None = None,
    status: UpstreamStatus = ACTIVE,
) -> Row:
    """One whose form was read, and shows the same as the list, unless that is said."""
    shown = Shown(name, mark)
    return Row(number, listed or shown, status, shown, form_status=status)


SEEN = frozenset({"17"})
SOON = timedelta(minutes=2)
"""After the window, and before what is being opened there is given up."""
LATE = NOON + max(10 * EMPTY.window, INCOMPLETE_AT_MOST)
"""Until then a list that can't be read completely is tried again."""
STRANGER = row("50", "stranger.example.com", None)
READ = read("50", "stranger.example.com", None)
"""The stranger, and its form tells nothing more."""
HOST = "shop.example.com"
BY_PRESENCE = {Verdict.DONE, Verdict.WAIT, Verdict.READ_FORMS}
BY_ABSENCE = set(Verdict) - BY_PRESENCE
"""The verdicts that each of the two tables has to have."""
