"""All intervals of the poller, and what is due now.

Times are monotonic seconds, unless a docstring says otherwise. docs/polling.md has the table.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from models.enums import Stage
from orders.events import WaitingOperation
from settings import Settings

TICK_SECONDS = 0.25
"""Between two looks of the poller at its schedule, while anything waits or is being read."""
CALM_SECONDS = 1.0
"""Between two looks in the database for waiting operations, while no young order waits for a confirmation."""
CATALOGUE_SECONDS = 5.0
"""Between two looks at the catalogue: which product types are listed, and whether hints are accepted."""
YOUNG_SECONDS = 120.0
"""An order that waits for longer is read half as often."""
OLD_SECONDS = 3600.0
"""An order that waits for longer is read at the idle interval, or together with younger ones."""
LIST_SHARE = 10
"""A list is read again at the earliest after this many times as long as its last reading took, whoever asks for it. So
it never takes more than a tenth of the time. The exception is a list that an order waits for."""
AWAITED_LIST_SHARE = 2
"""The same for a list that an order waits for: a form shows that the order is done, and only the list counts."""
POLL_NOTE_SECONDS = 5.0
"""Between two records of the time of the last poll."""
CONNECT_AGAIN_SECONDS = 2.0
"""Wait after a failed connection to the account, for example because its password is missing."""
SILENT_SECONDS = 60.0
"""Reads, or the reads of one list, may fail for this long before that is reported."""
LEFT_ALONE_SECONDS = 5.0
"""Between two checks whether an account that is left alone may be asked again; somebody may have found it healthy."""
BACK_OFF_SECONDS = 5.0
"""Back-off of one piece of work after an unexpected error."""
UNAVAILABLE_SECONDS = 2.0
"""Back-off after Temporal or the database could not be reached."""
FAILURES_IN_A_ROW = 3
"""After this many reads without an answer the round reads no more forms: each may take the whole time limit."""

FORMS_A_ROUND = 20
"""Forms of waiting operations, and as many other forms, that are read before urgency is judged again."""
FORM_AGAIN_SECONDS = 5.0
"""Back-off of a form that could not be read. It doubles each time, up to FORM_AGAIN_AT_MOST_SECONDS."""
FORM_AGAIN_AT_MOST_SECONDS = 300.0

HEAD_AT_LEAST = 50
HEAD_AT_MOST = 500
"""Limits of the rows requested of a list's head. Within them it is twice the number of openings that wait."""
HEAD_SLICE = 100
"""Rows of a head that are recorded in one transaction."""
HEAD_AGAIN_SECONDS = 60.0
"""The head of a list is not requested for this long after it was unordered, or lacked what should be in it."""

FEED_SECONDS = 2.0
"""Between two looks into an upstream's own list of changes, where it has one."""
NO_FEED_SECONDS = 600.0
"""An upstream that has no such list is asked for it again after this time: its version may be another one by then."""
FED_LISTS = 4
"""While that list can be read, the lists of items are read once in so many idle intervals, unless somebody asks."""
FED_SECONDS = 30.0
"""The list of changes counts as readable for this long after it was read."""
HINTS_SECONDS = 0.5
"""Between two looks for hints, where they are accepted."""
HINT_BATCH = 100
FORMS_FOR_HINTS = 5
"""With more hinted items of a type than this, and than its list has pages, the list is read instead of their forms."""
SECOND_LOOK_SECONDS = 2.0
"""A hint may come before what it announces can be read: then the item is read once more."""
LISTED_FOR_HINTS_SECONDS = 1.0
"""Hints cause a list to be read at most this often."""
UNKNOWN_HINTS_SECONDS = 5.0
"""Hints of unknown items cause lists to be read at most this often: the items may be other people's."""

NOTHING_NEW_SECONDS = 60.0
"""Between two looks for keys and unexplained items while no read has brought anything new."""
KEYS_SECONDS = 2.0
"""Between two looks for licences that wait for their keys, while any waits or something is new."""
KEYS_AT_ONCE = 5
ATTENTION_SHARE = 0.05
"""The form of an item that a person was asked about is read again after this share of the time since …"""
ATTENTION_AT_MOST_SECONDS = 3600.0
"""… or after this time."""
KEY_SHARE = 0.1
"""The form of a licence without its key is read again after this share of the time that it has waited …"""
KEY_AT_MOST_SECONDS = 3600.0
"""… or after this time."""
UNEXPLAINED_FORMS_SECONDS = 2.0
"""Between two looks for new items that nobody explains, while there are some or something is new."""
UNEXPLAINED_BATCH = 5
SLOW_SECONDS = 2.0
"""Between two looks for operations that take longer than usual."""
SLOW_AT_ONCE = 20
USUAL_AGAIN_SECONDS = 600.0
"""A usual time that was learned is used for this long."""
SWEEPS_SECONDS = 15.0
"""Between two looks whether somebody asks for a sweep."""
REFUNDS_SECONDS = 300.0
"""Between two looks in the database whether the lists of expenses and payments are to be read, at most."""
RENEWALS_AT_ONCE = 5
"""Forms read in an idle interval to learn who renews, where lists do not show it."""
RENEWAL_STEPS = 72
"""Each of those forms is read once in a period; the period has this many steps."""


TARIFFS_SECONDS = 15.0
"""Between two looks which price lists are to be read: one is at once when an order of a tariff was refused."""
PRICE_LISTS_AT_ONCE = 5
"""Other periods, and other data centres, in which a tariff is looked for that the price list does not have."""


class PeriodicJob(Enum):
    """Periodic work, each with an interval of its own."""

    LOOK = auto()
    CATALOGUE = auto()
    CONNECT = auto()
    FEED = auto()
    HINTS = auto()
    KEYS = auto()
    UNEXPLAINED = auto()
    RENEWALS = auto()
    RENEWAL_FORMS = auto()
    BALANCE = auto()
    FUNDS = auto()
    SLOW = auto()
    SWEEPS = auto()
    TARIFFS = auto()
    REFUNDS = auto()
    POLL_NOTE = auto()


@dataclass
class _Listed:
    """The latest reading of a list."""

    begun: float
    took: float = 0.0


class Schedule:
    """When what is due next."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._jobs_due: dict[PeriodicJob, float] = {}
        self._listing: dict[str, float] = {}
        self._listed: dict[str, _Listed] = {}
        self._awaited_lists: set[str] = set()
        self._unasked_lists: set[str] = set()
        """Lists that are due because their interval is over, and that nobody has asked for."""
        self._fed_until = 0.0
        self._awaited_due: dict[int, float] = {}
        self._tasks: dict[int, float] = {}
        self._heads: dict[str, float] = {}

    # -- what has a turn of its own

    def is_due(self, job: PeriodicJob) -> bool:
        return time.monotonic() >= self._jobs_due.get(job, 0.0)

    def postpone(self, job: PeriodicJob, seconds: float) -> None:
        """Make it due again in that many seconds."""
        self._jobs_due[job] = time.monotonic() + seconds

    def claim(self, job: PeriodicJob, seconds: float) -> bool:
        """Whether it is due. If so, it is due again in that many seconds."""
        if not self.is_due(job):
            return False
        self.postpone(job, seconds)
        return True

    def calm_rest(self, product_types: Iterable[str], *, takes_hints: bool, has_feed: bool = False) -> float:
        """Seconds until the next look in the database or the next list, while nothing waits."""
        jobs = [PeriodicJob.LOOK, PeriodicJob.HINTS] if takes_hints else [PeriodicJob.LOOK]
        jobs += [PeriodicJob.FEED] if has_feed else []
        due = [self._jobs_due.get(job, 0.0) for job in jobs] + [self._list_due(one) for one in product_types]
        return min(max(min(due) - time.monotonic(), TICK_SECONDS), CALM_SECONDS)

    def something_is_new(self) -> None:
        """A look brought changes: keys may be waited for, and items may have come that nobody explains."""
        for job, seconds in ((PeriodicJob.KEYS, KEYS_SECONDS), (PeriodicJob.UNEXPLAINED, UNEXPLAINED_FORMS_SECONDS)):
            self._jobs_due[job] = min(self._jobs_due.get(job, 0.0), time.monotonic() + seconds)

    # -- lists

    def types_due(self, product_types: Iterable[str]) -> list[str]:
        """Those whose interval is over."""
        now = time.monotonic()
        return [product_type for product_type in product_types if now >= self._list_due(product_type)]

    def may_list(self, product_type: str) -> bool:
        """Whether reading it now takes no more than its share of the time."""
        return time.monotonic() >= self._earliest(product_type)

    def list_begins(self, product_type: str) -> None:
        now = time.monotonic()
        took = self._listed[product_type].took if product_type in self._listed else 0.0
        self._listed[product_type] = _Listed(now, took)
        self._listing[product_type] = now + self._settings.idle_interval
        self._unasked_lists.add(product_type)
        self._awaited_lists.discard(product_type)

    def list_ended(self, product_type: str) -> None:
        """Read, compared and written down, or given up."""
        listed = self._listed[product_type]
        listed.took = time.monotonic() - listed.begun

    def listing_since(self, product_type: str) -> float:
        """Seconds since its latest reading began."""
        return time.monotonic() - self._listed[product_type].begun

    def continue_first_scan(self, product_type: str) -> None:
        """The first scan of a list goes on at once: until it is over, each order reads the list itself."""
        self._listed[product_type].took = 0.0
        self._listing[product_type] = 0.0
        self._unasked_lists.discard(product_type)

    def list_now(self, product_type: str, *, awaited: bool = False) -> None:
        """Read the list as soon as its share of the time allows. `awaited`: an order waits for it."""
        self._listing[product_type] = 0.0
        self._unasked_lists.discard(product_type)
        if awaited:
            self._awaited_lists.add(product_type)

    def list_soon(self, product_type: str, rest: float = LISTED_FOR_HINTS_SECONDS) -> None:
        """Have a type listed, but not more often than `rest` allows."""
        begun = self._listed[product_type].begun if product_type in self._listed else 0.0
        self._listing[product_type] = min(self._listing.get(product_type, 0.0), begun + rest)
        self._unasked_lists.discard(product_type)

    def back_off_list(self, product_type: str) -> None:
        rested = time.monotonic() + BACK_OFF_SECONDS
        self._listing[product_type] = max(self._listing.get(product_type, 0.0), rested)

    def longest_rest(self) -> float:
        """Seconds within which each list that can be read has been read once more."""
        idle = self._settings.idle_interval * (FED_LISTS if self._is_fed() else 1)
        return max([idle, *(LIST_SHARE * one.took for one in self._listed.values())])

    def feed_works(self) -> None:
        """The upstream's own list of changes was read just now."""
        self._fed_until = time.monotonic() + FED_SECONDS

    def _is_fed(self) -> bool:
        return time.monotonic() < self._fed_until

    def _list_due(self, product_type: str) -> float:
        due = max(self._listing.get(product_type, 0.0), self._earliest(product_type))
        if product_type in self._unasked_lists and self._is_fed():
            return max(due, self._listed[product_type].begun + FED_LISTS * self._settings.idle_interval)
        return due

    def _earliest(self, product_type: str) -> float:
        listed = self._listed.get(product_type)
        share = AWAITED_LIST_SHARE if product_type in self._awaited_lists else LIST_SHARE
        return 0.0 if listed is None else listed.begun + share * listed.took

    # -- items that are waited for

    def forget_others(self, operations: Iterable[WaitingOperation]) -> None:
        known = {one.number for one in operations}
        self._awaited_due = {operation: due for operation, due in self._awaited_due.items() if operation in known}

    def operations_due(self, operations: Iterable[WaitingOperation]) -> list[WaitingOperation]:
        """The operations whose items are to be read now, the longest overdue first."""
        now = time.monotonic()
        due = [one for one in operations if now >= self._awaited_due.get(one.number, 0.0)]
        return sorted(due, key=lambda one: self._awaited_due.get(one.number, 0.0))

    def looked_at(self, operation: WaitingOperation) -> None:
        self._awaited_due[operation.number] = time.monotonic() + self._awaited_interval(operation)

    def back_off(self, operation: WaitingOperation) -> None:
        """After an unexpected error."""
        self._awaited_due[operation.number] = max(
            self._awaited_due.get(operation.number, 0.0), time.monotonic() + BACK_OFF_SECONDS
        )

    def look_again(self, young: bool) -> None:
        """Plan the next look in the database for waiting operations."""
        self.postpone(PeriodicJob.LOOK, TICK_SECONDS if young else CALM_SECONDS)

    def tasks_due(self, by_hand: Iterable[WaitingOperation]) -> list[WaitingOperation]:
        """Operations done by hand that lists do not show, and whose forms are to be read now."""
        now = time.monotonic()
        shown_by_forms = [operation for operation in by_hand if operation.by_form]
        self._tasks = {operation.number: self._tasks.get(operation.number, 0.0) for operation in shown_by_forms}
        due = [operation for operation in shown_by_forms if now >= self._tasks[operation.number]]
        self._tasks |= {operation.number: now + self._task_interval(operation) for operation in due}
        return due

    def _task_interval(self, operation: WaitingOperation) -> float:
        """What a person was asked about may stay as it is for days."""
        if operation.stage is not Stage.NEEDS_ATTENTION:
            return self._settings.idle_interval
        return max(
            self._settings.idle_interval, min(ATTENTION_SHARE * operation.since_seconds, ATTENTION_AT_MOST_SECONDS)
        )

    def _awaited_interval(self, operation: WaitingOperation) -> float:
        if operation.since_seconds < YOUNG_SECONDS:
            return self._settings.hot_interval
        if operation.since_seconds < OLD_SECONDS:
            return 2 * self._settings.hot_interval
        return self._settings.idle_interval

    # -- heads of lists

    def may_read_head(self, product_type: str) -> bool:
        return time.monotonic() >= self._heads.get(product_type, 0.0)

    def skip_head(self, product_type: str) -> None:
        """Do not request its head for a while: it was of no use."""
        self._heads[product_type] = time.monotonic() + HEAD_AGAIN_SECONDS
