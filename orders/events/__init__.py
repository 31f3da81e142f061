"""From looks at the upstream to events: snapshot, events and the changes to our services in one transaction.

`lists` scans a list page by page, and `forms` records forms or the absence of an item. Both use `reconciling`, which
compares items with their snapshots in one transaction, and return the poll result of `result`. `batch` reads what the
database knows of the items of one transaction. `owners` finds the service of an item. `known` remembers the rows of a
list between two polls. `waiting` finds operations that wait for their item. `sweeps` has what a sweep asks
for and finds, and `sweep_views` shows it.
"""

from orders.accounts.notes import (
    FailingList,
    failing_lists_of,
    record_failing_lists,
    record_health,
    record_poll,
    record_reach,
    record_rest,
)
from orders.events.forms import record_absence, record_forms
from orders.events.known import Known
from orders.events.lists import ListScan
from orders.events.orphans import is_orphan
from orders.events.result import PollResult
from orders.events.waiting import WaitingOperation, waiting_operations

__all__ = [
    "FailingList",
    "Known",
    "ListScan",
    "PollResult",
    "WaitingOperation",
    "failing_lists_of",
    "is_orphan",
    "record_absence",
    "record_failing_lists",
    "record_forms",
    "record_health",
    "record_poll",
    "record_reach",
    "record_rest",
    "waiting_operations",
]
