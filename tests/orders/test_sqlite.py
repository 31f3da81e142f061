"""SQLite's connections: what is short runs where it is asked for, what waits in a thread; transactions all the same."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from models import sqlite
from models.database import Database, PoolTerms
from models.outages import Outage, outage_of
from models.sqlite import Connection
from tests.infrastructure.eventually import assert_eventually

TABLE = sa.Table("sample", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
ALL = sa.select(TABLE.c.id)
SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n"
VERY_SLOW = SLOW.replace("300000", "1000000")


@pytest.fixture(autouse=True)
def nothing_seen_to_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_long", set())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sample.db"


@pytest.fixture
async def sample(file: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{file}")
    async with database.engine.begin() as connection:
        await connection.run_sync(TABLE.metadata.create_all)
    yield database
    await database.close()


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever something goes to a connection's thread."""
    seen: list[int] = []
    go: Callable[..., Any] = Connection._in_thread

    def counted(self: Connection, function: Callable[[], Any]) -> Any:
        seen.append(1)
        return go(self, function)

    monkeypatch.setattr(Connection, "_in_thread", counted)
    return seen


@contextlib.contextmanager
def another_writer(file: Path) -> Iterator[sqlite3.Connection]:
    """As if of another process."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    finally:
        connection.close()


async def seen(database: Database) -> list[int]:
    async with database.read() as session:
        return list((await (await session.connection()).execute(ALL)).scalars())


async def ask(database: Database, statement: str) -> None:
    async with database.read() as session:
        await (await session.connection()).execute(sa.text(statement))


async def put(database: Database, *numbers: int) -> None:
    async with database.write() as session:
        await (await session.connection()).execute(sa.insert(TABLE), [{"id": number} for number in numbers])


async def test_short_reads_go_to_no_thread(sample: Database, in_threads: list[int]) -> None:
    await seen(sample)  # the connection is open from now on
    in_threads.clear()
    assert await seen(sample) == []
    assert not in_threads


@pytest.mark.parametrize(("disk_seconds", "trips"), [(0.0, 0), (0.02, 1)])
async def test_a_commit_goes_to_the_thread_while_the_disk_is_slow(
    sample: Database, in_threads: list[int], monkeypatch: pytest.MonkeyPatch, disk_seconds: float, trips: int
) -> None:
    async with sample.write() as session:
        writer = (await (await session.connection()).get_raw_connection()).dbapi_connection
    assert isinstance(writer, Connection)
    monkeypatch.setattr(writer, "_commit_seconds", disk_seconds)
    in_threads.clear()
    await put(sample, 1)
    assert len(in_threads) == trips
    assert await seen(sample) == [1]


async def test_what_was_seen_to_take_long_holds_up_nobody_again(sample: Database, in_threads: list[int]) -> None:
    await ask(sample, SLOW)
    in_threads.clear()
    await ask(sample, SLOW)
    assert len(in_threads) == 1


async def test_many_rows_are_written_in_the_thread(sample: Database, in_threads: list[int]) -> None:
    await put(sample, 1)
    in_threads.clear()
    async with sample.write() as session:
        connection = await session.connection()
        await connection.execute(sa.insert(TABLE), [{"id": number} for number in range(2, 2 + sqlite.MANY_ROWS)])
        assert len(in_threads) == 1
    assert len(await seen(sample)) == 1 + sqlite.MANY_ROWS


async def test_who_asks_much_lets_others_run(sample: Database) -> None:
    async def ask_on() -> None:
        ends = time.monotonic() + 10
        while not others_ran and time.monotonic() < ends:
            await seen(sample)

    others_ran: list[int] = []
    await seen(sample)  # the connection is open from now on
    asyncio.get_running_loop().call_soon(others_ran.append, 1)
    await ask_on()
    assert others_ran, "in ten seconds"


async def test_who_waits_for_a_lock_holds_up_nobody(sample: Database, file: Path, in_threads: list[int]) -> None:
    await put(sample, 9)  # the writing connection is open from now on
    in_threads.clear()
    with another_writer(file) as other:
        other.execute("DELETE FROM sample")
        putting = asyncio.create_task(put(sample, 1))
        await assert_eventually(lambda: bool(in_threads), message="it waits, in its thread")
        for _ in range(20):
            assert await seen(sample) == [9]
        assert not putting.done()
        other.execute("INSERT INTO sample VALUES (7)")
        other.execute("COMMIT")
        await putting
    assert await seen(sample) == [1, 7]


async def test_a_lock_that_nobody_gives_back_is_an_error(sample: Database, file: Path) -> None:
    """And whoever is behind it in the line waits no longer than it."""
    impatient = Database(sample.url, PoolTerms(wait=0.1))
    with another_writer(file):
        errors = await asyncio.gather(*(put(impatient, number) for number in range(9)), return_exceptions=True)
    assert {outage_of(error) for error in errors if error} == {Outage.BUSY}
    assert len(errors) == 9
    await put(impatient, 2)
    assert await seen(impatient) == [2]
    await impatient.close()


async def test_all_statements_of_a_read_see_one_state(sample: Database) -> None:
    async with sample.read() as session:
        connection = await session.connection()
        assert list((await connection.execute(ALL)).scalars()) == []
        await put(sample, 1)
        assert list((await connection.execute(ALL)).scalars()) == [], "as it was when the read began"
    assert await seen(sample) == [1]


async def test_a_read_that_asks_nothing_leaves_nothing_begun(sample: Database) -> None:
    async with sample.read() as session:
        await session.connection()
    await put(sample, 1)
    assert await seen(sample) == [1]


async def test_what_fails_is_taken_back(sample: Database) -> None:
    async def fail() -> None:
        async with sample.write() as session:
            await (await session.connection()).execute(sa.insert(TABLE).values(id=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await seen(sample) == []


async def test_what_is_written_is_there_for_others_when_write_returns(sample: Database, file: Path) -> None:
    await put(sample, 1)
    with contextlib.closing(sqlite3.connect(file)) as other:
        assert other.execute("SELECT id FROM sample").fetchall() == [(1,)]


async def test_one_connection_writes_one_transaction_after_the_other(sample: Database) -> None:
    opened: list[object] = []
    sa.event.listen(sample.engine.sync_engine, "connect", lambda connection, _record: opened.append(connection))
    await asyncio.gather(*(put(sample, number) for number in range(1, 21)))
    assert len(opened) <= 1
    assert await seen(sample) == list(range(1, 21))


async def test_a_writer_that_is_lost_is_replaced(sample: Database) -> None:
    await put(sample, 1)
    async with sample.write() as session:
        await (await session.connection()).invalidate()
        await session.close()
    await put(sample, 2)
    assert await seen(sample) == [1, 2]


async def test_a_row_asked_for_in_parts_is_lost_nowhere(sample: Database) -> None:
    await put(sample, *range(1, 8))
    async with sample.read() as session:
        found = (await session.connection()).execute(ALL)
        result = await found
        assert [len(part) for part in result.partitions(3)] == [3, 3, 1]


async def test_a_statement_whose_waiter_was_cancelled_leaves_nothing_begun(
    sample: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes to its end after the cancellation, and the end of its transaction after it."""
    monkeypatch.setattr(sqlite, "_long", {VERY_SLOW})
    asking = [asyncio.create_task(ask(sample, VERY_SLOW)) for _ in range(3)]
    pool = sample.engine.sync_engine.pool
    assert isinstance(pool, sa.QueuePool)
    await assert_eventually(lambda: pool.checkedout() == len(asking), message="each has its connection")
    for one in asking:
        one.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    await put(sample, 1)
    assert [await seen(sample) for _ in range(4)] == [[1]] * 4


async def test_a_write_whose_waiter_was_cancelled_is_taken_back_before_the_next(
    sample: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_long", {VERY_SLOW})

    async def write() -> None:
        async with sample.write() as session:
            connection = await session.connection()
            await connection.execute(sa.insert(TABLE).values(id=1))
            await connection.execute(sa.text(VERY_SLOW))

    writing = asyncio.create_task(write())
    await assert_eventually(
        lambda: any(thread.name.startswith("sqlite") for thread in threading.enumerate()), message="it is under way"
    )
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await put(sample, 2)
    assert await seen(sample) == [2]


async def test_a_writer_that_was_cancelled_while_it_waited_for_the_lock_does_not_keep_it(
    sample: Database, file: Path, in_threads: list[int]
) -> None:
    """As an activity that is cancelled, or a request that takes too long, while the database is busy."""
    await put(sample, 9)  # the writing connection is open from now on
    in_threads.clear()
    with another_writer(file) as other:
        putting = asyncio.create_task(put(sample, 1))
        await assert_eventually(lambda: bool(in_threads), message="it waits, in its thread")
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting
        other.execute("COMMIT")
    with contextlib.closing(sqlite3.connect(file, timeout=5, isolation_level=None)) as third:
        third.execute("BEGIN IMMEDIATE")
        third.execute("ROLLBACK")
    await put(sample, 2)
    assert await seen(sample) == [2, 9]
