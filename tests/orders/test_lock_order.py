"""Who locks an item and an order at once locks them in one order, on PostgreSQL: else two would wait for each other.

The order of events is forced: the poller holds the items, the other one has come as far as it can without them, and
then the poller goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from models.catalogue import UpstreamAccount
from models.database import Database
from models.enums import IntentState, Knowledge, Stage, UpstreamStatus
from orders.events.reconciling import Reconciliation
from tests.flow.shop import stock_catalogue
from tests.infrastructure.databases import Stock
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.listing import record_items
from tests.orders.test_late_yes import Sender
from upstreams.port import UpstreamItem

ACCOUNT = 1
WAITING = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
ANEW = "waits for the database"


@pytest.fixture
async def database(postgres_stock: Stock) -> AsyncIterator[Database]:
    with postgres_stock.lent() as url:
        database = Database(url)
        await stock_catalogue(database, "http://upstream.invalid/billmgr")
        yield database
        await database.close()


async def item_of(sender: Sender, number: str) -> UpstreamItem:
    _, service, _ = await sender.stored()
    return UpstreamItem(
        number=number,
        product_type="vds",
        status=UpstreamStatus.PROCESSING,
        name=service.name,
        mark=service.mark,
        expires_on=date(2027, 5, 1),
    )


async def poll_while(database: Database, items: list[UpstreamItem], other: Coroutine[Any, Any, Any]) -> None:
    """The poller locks the items; `other` runs until it waits for a lock; then the poller comes to its end.

    PostgreSQL ends one of two that wait for each other. The poller's error fails the test; an answer that has to be
    written anew is in the log.
    """

    async def waits() -> bool:
        async with database.read() as session:
            return bool((await (await session.connection()).execute(WAITING)).scalar_one())

    async with asyncio.timeout(30):
        async with database.write() as session:
            account = await session.get_one(UpstreamAccount, ACCOUNT)
            reconciliation = Reconciliation(session, account, "vds")
            await reconciliation.load([one.number for one in items], items)
            task = asyncio.create_task(other)
            await assert_eventually(waits, message="the other one waits for an item")
            for one in items:
                await reconciliation.row(one, f"digest of {one.number}")
            await reconciliation.confirm_waiting()
            await reconciliation.write()
        await task


async def test_an_answer_waits_for_the_item_before_it_locks_the_account(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The poller learns meanwhile, by another item, what lists show, and writes that to the account."""
    known, asking = await Sender.about_to_send(database, "a"), await Sender.about_to_send(database, "b")
    await known.hears_yes("16")
    items = [await item_of(known, "16"), await item_of(asking, "17")]
    stranger = items[0].model_copy(update={"mark": None, "name": ""})
    await record_items(database, ACCOUNT, "vds", [stranger, items[1]], complete=True)
    await asking.settled_as(IntentState.UNKNOWN, Stage.OUTCOME_UNKNOWN)
    await poll_while(database, items, asking.hears_yes("17"))
    assert ANEW not in caplog.text
    _, service, intent = await asking.stored()
    assert (service.upstream_number, intent.state) == ("17", IntentState.ACCEPTED)
    async with database.read() as session:
        account = await session.get_one(UpstreamAccount, ACCOUNT)
        assert (account.lists_return_mark, account.orders_return_number) == (Knowledge.YES, Knowledge.YES)


async def test_the_poller_does_not_wait_for_an_order_that_waits_for_its_item(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """An item turns up for an order that waits for a person, while the answer to its request is written down."""
    asking = await Sender.about_to_send(database)
    await asking.settled_as(IntentState.UNKNOWN, Stage.NEEDS_ATTENTION)
    item = await item_of(asking, "17")
    await record_items(database, ACCOUNT, "vds", [item.model_copy(update={"mark": None, "name": ""})], complete=True)
    await poll_while(database, [item.model_copy(update={"status": UpstreamStatus.ACTIVE})], asking.hears_yes("17"))
    assert ANEW not in caplog.text
    operation, service, intent = await asking.stored()
    assert (service.upstream_number, intent.state) == ("17", IntentState.ACCEPTED)
    assert operation.reason.startswith("the upstream accepted it after all")
