"""The list of all events misses none, in whatever order transactions commit, and whoever pages meanwhile."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import Installation
from models.columns import utc_now
from models.database import Database
from models.enums import MessageType
from models.rows import table_of
from models.webhooks import WebhookMessage
from orders.errors import EventsGone, InvalidField
from orders.retention import Keep, prune
from orders.webhooks import endpoints, fanout, outbox
from orders.webhooks.feed_views import Feed, FeedRequest, read_feed
from tests.webhooks.sender import add_endpoint, tell

SOURCE = "urn:resellflow:test"


class Reader:
    """A shop that asks from its last cursor on."""

    def __init__(self, database: Database, limit: int = 200) -> None:
        self.database, self.limit = database, limit
        self.cursor: str | None = None
        self.had: list[str] = []

    async def read(self) -> Feed:
        async with self.database.read() as session:
            feed = await read_feed(session, FeedRequest(self.limit, self.cursor), SOURCE)
        self.cursor = feed.next_cursor
        self.had += [one.id for one in feed.items]
        return feed

    async def read_to_the_end(self) -> list[str]:
        while (await self.read()).more:
            pass
        return self.had


@asynccontextmanager
async def writing(database: Database) -> AsyncIterator[tuple[AsyncSession, str]]:
    """A message that has its number, in a transaction that is not committed before the block is left."""
    async with database.write() as session:
        news = outbox.TaskNews(service=7, operation=7, task=1, department="support", due_at=None)
        message = outbox.message(MessageType.TASK_OVERDUE, news)
        session.add(message)
        await session.flush()
        yield session, message.message_id


ON_POSTGRESQL = pytest.mark.parametrize("migrated_database_url", ["postgresql"], indirect=True)
"""SQLite has one writer at a time, so its numbers are committed in their order."""


@ON_POSTGRESQL
async def test_what_began_earlier_and_is_committed_later_is_read_all_the_same(either_database: Database) -> None:
    postgres = either_database
    reader = Reader(postgres)
    async with writing(postgres) as (_, early):
        [late] = await tell(postgres, 2)
        await fanout.fan_out(postgres)
        assert await reader.read_to_the_end() == [late], "the number of the other is smaller, and nobody sees it yet"
    await fanout.fan_out(postgres)
    assert await reader.read_to_the_end() == [late, early]
    assert await Reader(postgres).read_to_the_end() == [late, early], "everybody reads the same order"
    async with postgres.read() as session:
        numbers = select(WebhookMessage.message_id).order_by(col(WebhookMessage.id))
        assert list((await session.exec(numbers)).all()) == [early, late], "this was the trap"


@ON_POSTGRESQL
async def test_who_spreads_at_once_gives_positions_one_after_the_other(either_database: Database) -> None:
    """The first has taken positions and has not committed; the second may not commit higher ones before it."""
    postgres = either_database
    [first] = await tell(postgres, 1)
    reader = Reader(postgres)
    async with postgres.write() as session:
        assert len(await fanout._spread(session, 200)) == 1
        [second] = await tell(postgres, 2)
        other = asyncio.create_task(fanout.fan_out(postgres))
        async with postgres.read() as looking:
            blocked = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            async with asyncio.timeout(30):
                while not (await (await looking.connection()).execute(blocked)).scalar_one():
                    await looking.rollback()
                    await asyncio.sleep(0.01)
        assert await reader.read_to_the_end() == []
        assert not other.done()
    await other
    assert await reader.read_to_the_end() == [first, second]


@pytest.mark.proof
async def test_no_event_is_missed_by_readers_that_page_while_many_write(either_database: Database) -> None:
    database, dice = either_database, random.Random(7)  # noqa: S311 - no secret
    written: list[str] = []
    ended = asyncio.Event()

    async def write(number: int) -> None:
        for _ in range(5):
            async with writing(database) as (_, message_id):
                if not database.is_sqlite:
                    await asyncio.sleep(dice.uniform(0, 0.02))  # an order of commits of its own
            written.append(message_id)

    async def spread() -> None:
        while not ended.is_set():
            await fanout.fan_out(database)
        await fanout.fan_out(database)

    readers = [Reader(database, limit=limit) for limit in (1, 3, 200)]

    async def follow(reader: Reader) -> None:
        while not ended.is_set():
            await reader.read()

    background = [asyncio.create_task(one) for one in (spread(), spread(), *map(follow, readers))]
    await asyncio.gather(*map(write, range(6)))
    ended.set()
    await asyncio.gather(*background)
    for reader in readers:
        had = await reader.read_to_the_end()
        assert sorted(had) == sorted(written), "each once"
    assert len({tuple(reader.had) for reader in readers}) == 1


async def test_it_needs_no_endpoint_and_has_no_pings(either_database: Database) -> None:
    database = either_database
    told = await tell(database, 1, 2, 3)
    await fanout.fan_out(database)
    reader = Reader(database, limit=2)
    first = await reader.read()
    assert ([one.id for one in first.items], first.more) == (told[:2], True)
    await add_endpoint(database, "https://shop.example.com/hooks")
    async with database.write() as session:
        await endpoints.ping(session, await endpoints.endpoint_named(session, "shop"))
    told += await tell(database, 4)
    await fanout.fan_out(database)
    assert await reader.read_to_the_end() == told
    end = reader.cursor
    assert (await reader.read()).items == []
    assert reader.cursor == end
    async with database.read() as session:
        now = await read_feed(session, FeedRequest(start="now"), SOURCE)
    assert (now.items, now.more, now.next_cursor) == ([], False, end)


async def test_a_cursor_of_which_something_is_missing_is_refused(either_database: Database) -> None:
    database, day = either_database, timedelta(days=1)
    reader = Reader(database)
    await reader.read()
    begin = reader.cursor
    await tell(database, 1, at=utc_now() - 91 * day)
    await tell(database, 2)
    await fanout.fan_out(database)
    keep = Keep(**dict.fromkeys(("events", "hints", "stages", "snapshots", "webhooks", "messages"), 90 * day))
    assert (await prune(database, keep))["messages"] == 1
    with pytest.raises(EventsGone, match="removed by age"):
        await reader.read()
    reader.cursor = None
    assert len((await reader.read()).items) == 1
    assert await reader.read_to_the_end(), "the cursor of the end stays good"
    await prune(database, keep)
    assert (await reader.read()).items == []

    async with database.write() as session:
        await (await session.connection()).execute(sa.update(table_of(Installation)).values(tag="other"))
    for cursor in (begin, reader.cursor):
        reader.cursor = cursor
        with pytest.raises(EventsGone, match="restored from a backup"):
            await reader.read()
    for wrong in ("", "x", "c2VydmljZSAz", "ZmVlZCB4"):
        reader.cursor = wrong
        with pytest.raises((InvalidField, EventsGone)):
            await reader.read()
