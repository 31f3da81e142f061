"""What is noted before an opening is sent: the poller's look counts only for a list that it knows from the start."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.columns import utc_now
from models.database import Database
from models.enums import Knowledge, UpstreamStatus
from models.events import UpstreamList
from orders.events import record_poll
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.operations.job import load_job
from orders.operations.open import Open
from tests.infrastructure.listing import rows_of
from upstreams.port import ListEnd, TakeRows, UpstreamItem

ACCOUNT = 1


class Panel:
    """Two pages of items."""

    def __init__(self) -> None:
        self.lists_read = 0

    async def walk_items(self, product_type: str, take: TakeRows) -> ListEnd:
        self.lists_read += 1
        for numbers in (("1", "2"), ("3",)):
            items = [
                UpstreamItem(number=number, product_type=product_type, status=UpstreamStatus.ACTIVE)
                for number in numbers
            ]
            await take(rows_of(items), 3)
        return ListEnd(complete=True, pages=2, shows_marks=Knowledge.UNKNOWN)


LATELY, LONG_AGO = timedelta(seconds=30), timedelta(minutes=10)


@pytest.mark.parametrize(
    ("loaded", "listed", "suffices"),
    [
        (LONG_AGO, LATELY, True),
        (LONG_AGO, LONG_AGO, False),
        (None, LATELY, False),  # the first look is under way
        (None, None, False),
    ],
)
async def test_the_numbers_are_collected_unless_the_poller_knows_them(
    shelf: Database, loaded: timedelta | None, listed: timedelta | None, suffices: bool
) -> None:
    def at(ago: timedelta | None) -> datetime | None:
        return utc_now() - ago if ago is not None else None

    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    order = await accept_order(shelf, request, client="t", key="k", hostname_suffix="s.internal")
    await record_poll(shelf, ACCOUNT)  # of another type, which says nothing of this one
    async with shelf.write() as session:
        session.add(UpstreamList(account_id=ACCOUNT, product_type="vds", loaded_at=at(loaded), listed_at=at(listed)))
    panel: Any = Panel()
    notes = await Open()._notes(shelf, await load_job(shelf, order.operation), panel)
    assert panel.lists_read == (0 if suffices else 1)
    assert notes.get("there") == (None if suffices else ["1", "2", "3"])


async def test_when_a_list_was_read_is_written_down_with_the_poll(shelf: Database) -> None:
    async with shelf.write() as session:
        session.add(UpstreamList(account_id=ACCOUNT, product_type="vds", loaded_at=utc_now()))
    read_at = utc_now()
    await record_poll(shelf, ACCOUNT, {"vds": read_at, "soft": read_at})
    async with shelf.read() as session:
        row = await session.get_one(UpstreamList, (ACCOUNT, "vds"))
        assert row.listed_at == read_at
        assert await session.get(UpstreamList, (ACCOUNT, "soft")) is None
