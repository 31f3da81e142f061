"""Lists and forms as tests have them: items that are read already."""

import hashlib
from collections.abc import Iterable

from models.database import Database
from models.enums import Knowledge
from orders.events import Known, ListScan, PollResult
from orders.events.forms import record_forms
from upstreams.port import ListedRow, ListEnd, UpstreamItem


def rows_of(items: Iterable[UpstreamItem]) -> list[ListedRow]:
    """Items that have been read already, as rows of a list."""

    def row(item: UpstreamItem) -> ListedRow:
        return ListedRow(item.number, hashlib.sha256(item.model_dump_json().encode()).hexdigest()[:32], lambda: item)

    return [row(item) for item in items]


async def record_items(
    database: Database,
    account_id: int,
    product_type: str,
    items: Iterable[UpstreamItem],
    *,
    complete: bool,
    from_form: bool = False,
    lists_show_marks: Knowledge = Knowledge.UNKNOWN,
) -> PollResult:
    """Compare what was read with the snapshots and write every difference down.

    `complete`: the items are the whole list of their type, so what is not among them is missing. `from_form`: they were
    read from their forms.
    """
    if from_form:
        digest = PollResult()
        for brought in (await record_forms(database, account_id, product_type, items)).values():
            digest.add(brought)
        return digest
    look = ListScan(database, await Known.load(database, account_id, product_type))
    await look.begin()
    await look.rows(rows_of(items))
    return await look.end(ListEnd(complete=complete, pages=1, shows_marks=lists_show_marks))
