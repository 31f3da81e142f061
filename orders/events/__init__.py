"""From looks at the upstream to events: snapshot, events and the changes to our services in one transaction.

`digest`: what a look brought. `waiting`: operations that wait for their item. `book`: what the database knows of the
items of one transaction, read in batches. `owners`: whose item is it. `judging`: one transaction of taking in. `known`:
digests of rows between two polls, and which rows are judged in spite of an equal one. `lists`: a list, page by page.
`forms`: one form, or its absence. `orphans`, `notes`: small things of their own.
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
from orders.events.digest import Digest
from orders.events.forms import take_absence, take_forms
from orders.events.known import Known
from orders.events.lists import ListLook, take_in
from orders.events.orphans import is_orphan
from orders.events.waiting import Hot, hot_operations

__all__ = [
    "Digest",
    "FailingList",
    "Hot",
    "Known",
    "ListLook",
    "failing_lists_of",
    "hot_operations",
    "is_orphan",
    "record_failing_lists",
    "record_health",
    "record_poll",
    "record_reach",
    "record_rest",
    "take_absence",
    "take_forms",
    "take_in",
]
