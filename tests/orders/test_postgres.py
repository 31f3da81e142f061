"""PostgreSQL's connections: a read begins no transaction, a write always does, and a dead connection is replaced."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, NoReturn

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import waiting
from psycopg.pq import TransactionStatus

from models import postgres
from models.database import Database, PoolTerms
from models.outages import Outage, outage_of
from tests.infrastructure.eventually import assert_eventually

TABLE = sa.Table("sample", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
ALL = sa.select(TABLE.c.id)


@pytest.fixture
async def sample(postgres_database_url: str) -> AsyncIterator[Database]:
    """With one connection, which everything shares."""
    database = Database(postgres_database_url, PoolTerms(size=1))
    async with database.engine.begin() as connection:
        await connection.run_sync(TABLE.metadata.create_all)
    yield database
    await database.close()


async def seen(database: Database) -> list[int]:
    async with database.read() as session:
        return list((await (await session.connection()).execute(ALL)).scalars())


async def put(database: Database, number: int) -> None:
    async with database.write() as session:
        await (await session.connection()).execute(sa.insert(TABLE).values(id=number))


async def driver(connection: Any) -> psycopg.AsyncConnection[Any]:
    found = (await connection.get_raw_connection()).driver_connection
    assert isinstance(found, psycopg.AsyncConnection)
    return found


async def test_a_read_begins_no_transaction(sample: Database) -> None:
    async with sample.read() as session:
        connection = await session.connection()
        await connection.execute(ALL)
        assert (await driver(connection)).info.transaction_status is TransactionStatus.IDLE


async def test_a_write_is_one_transaction_also_after_a_read_of_its_connection(sample: Database) -> None:
    async def fail() -> None:
        async with sample.write() as session:
            connection = await session.connection()
            await connection.execute(sa.insert(TABLE).values(id=1))
            assert (await driver(connection)).info.transaction_status is TransactionStatus.INTRANS
            raise ZeroDivisionError

    assert await seen(sample) == []
    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await seen(sample) == []
    await put(sample, 2)
    assert await seen(sample) == [2]


async def test_reads_keep_what_is_prepared(sample: Database) -> None:
    for _ in range(10):
        await seen(sample)
    async with sample.read() as session:
        prepared = await (await session.connection()).execute(sa.text("SELECT statement FROM pg_prepared_statements"))
        assert any("FROM sample" in statement for statement in prepared.scalars())


async def test_connections_that_the_server_has_closed_are_replaced(
    sample: Database, postgres_database_url: str
) -> None:
    await seen(sample)
    async with await psycopg.AsyncConnection.connect(postgres_database_url, autocommit=True) as other:
        await other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert await seen(sample) == []
    await put(sample, 1)
    assert await seen(sample) == [1]


async def test_after_a_rest_a_connection_is_asked_whether_it_lives(
    sample: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    sa.event.listen(sample.engine.sync_engine, "connect", lambda connection, _record: opened.append(connection))

    def silent(_connection: object) -> bool:
        raise psycopg.OperationalError("no route to host")

    monkeypatch.setattr(sample.engine.dialect, "do_ping", silent)
    await seen(sample)
    assert not opened, "used just now: not asked"
    monkeypatch.setattr(postgres, "REST_SECONDS", -1)
    await put(sample, 1)
    assert len(opened) == 1
    monkeypatch.setattr(postgres, "REST_SECONDS", 60)
    assert await seen(sample) == [1]


async def test_a_cancelled_read_leaves_no_connection_behind_that_is_busy(sample: Database) -> None:
    async def ask() -> None:
        async with sample.read() as session:
            await (await session.connection()).execute(sa.text("SELECT pg_sleep(60)"))

    asking = asyncio.create_task(ask())
    pool = sample.engine.sync_engine.pool
    assert isinstance(pool, sa.QueuePool)
    await assert_eventually(lambda: pool.checkedout() == 1, message="it is under way")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await put(sample, 1)
    assert await seen(sample) == [1]


async def test_who_waits_too_long_for_a_lock_or_an_answer_is_told_that_it_is_busy(postgres_database_url: str) -> None:
    database = Database(postgres_database_url, PoolTerms(size=1, wait=0.1, statement_timeout=0.2))
    async with database.engine.begin() as connection:
        await connection.run_sync(TABLE.metadata.create_all)
    async with await psycopg.AsyncConnection.connect(postgres_database_url) as other:
        await other.execute("LOCK TABLE sample IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(sa.exc.DBAPIError, match="lock timeout") as locked:
            await put(database, 1)
    async with database.read() as session:
        connection = await session.connection()
        with pytest.raises(sa.exc.DBAPIError, match="statement timeout") as slow:
            await connection.execute(sa.text("SELECT pg_sleep(60)"))
    assert outage_of(locked.value) is outage_of(slow.value) is Outage.BUSY
    await put(database, 2)
    assert await seen(database) == [2]
    await database.close()


async def test_the_locks_of_a_process_that_is_frozen_in_a_transaction_are_given_back(
    postgres_database_url: str,
) -> None:
    """Found by the failure matrix: a worker that was stopped in a transaction kept all others from its orders."""
    terms = PoolTerms(size=1, wait=30, pause=0.3)
    frozen, other = Database(postgres_database_url, terms), Database(postgres_database_url, terms)
    async with frozen.engine.begin() as connection:
        await connection.run_sync(TABLE.metadata.create_all)
    await put(frozen, 1)

    async def freeze_and_go_on() -> None:
        async with frozen.write() as session:
            connection = await session.connection()
            await connection.execute(sa.update(TABLE).values(id=2))
            async with other.write() as theirs:  # while the first one does nothing
                await (await theirs.connection()).execute(sa.update(TABLE).values(id=3))
            await connection.execute(ALL)

    with pytest.raises(sa.exc.DBAPIError) as woken:
        await freeze_and_go_on()
    assert outage_of(woken.value) in (Outage.BUSY, Outage.AWAY), "it is tried again"
    assert await seen(other) == [3]
    await put(frozen, 4)
    assert await seen(frozen) == [3, 4]
    await frozen.close()
    await other.close()


async def test_a_process_may_take_its_time_between_transactions(postgres_database_url: str) -> None:
    database = Database(postgres_database_url, PoolTerms(size=1, pause=0.05))
    async with database.engine.begin() as connection:
        await connection.run_sync(TABLE.metadata.create_all)
    async with database.read() as session:
        connection = await session.connection()
        await connection.execute(ALL)
        first = (await driver(connection)).info.backend_pid
    async with await psycopg.AsyncConnection.connect(postgres_database_url) as clock:
        await clock.execute("SELECT pg_sleep(0.3)")
    async with database.read() as session:
        connection = await session.connection()
        await connection.execute(ALL)
        assert (await driver(connection)).info.backend_pid == first
    await database.close()


async def test_several_rows_are_sent_without_a_pipeline(sample: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one, PostgreSQL's limits do not hold, and a frozen process keeps its locks. Found by the failure matrix."""

    def no_pipeline(pipeline: psycopg.AsyncPipeline) -> NoReturn:
        raise AssertionError("a pipeline")

    monkeypatch.setattr(psycopg.AsyncPipeline, "__aenter__", no_pipeline)
    several = sa.update(TABLE).where(TABLE.c.id == sa.bindparam("old")).values(id=sa.bindparam("new"))
    statements: list[str] = []
    sa.event.listen(sample.engine.sync_engine, "before_cursor_execute", lambda *about: statements.append(about[2]))
    async with sample.write() as session:
        connection = await session.connection()
        await connection.execute(sa.insert(TABLE), [{"id": 1}, {"id": 2}, {"id": 3}])
        done = await connection.execute(several, [{"old": 1, "new": 11}, {"old": 2, "new": 12}, {"old": 9, "new": 19}])
        assert done.rowcount == 2
    assert await seen(sample) == [3, 11, 12]
    assert [one for one in statements if "INSERT" in one and one.count("(%(") == 3], "new rows are one statement"


async def test_rows_whose_sending_is_cancelled_leave_no_connection_behind_that_mixes_up_answers(
    sample: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = postgres.RowByRow.executemany

    def hold_up_the_loop() -> None:
        """After that psycopg lets others run at its next step, and is cancelled there."""
        time.sleep(2 * waiting.MAX_BUSY_TIME)

    async def send_and_be_cancelled(cursor: postgres.RowByRow, query: Any, params_seq: Any, **options: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        hold_up_the_loop()
        await send(cursor, query, params_seq, **options)

    several = sa.update(TABLE).where(TABLE.c.id == sa.bindparam("old")).values(id=sa.bindparam("new"))

    async def put_several() -> None:
        async with sample.write() as session:
            await (await session.connection()).execute(several, [{"old": 1, "new": 11}, {"old": 1, "new": 12}])

    await put(sample, 1)
    monkeypatch.setattr(postgres.RowByRow, "executemany", send_and_be_cancelled)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(put_several())
    monkeypatch.undo()
    assert await seen(sample) == [1]
    await put(sample, 3)
    assert await seen(sample) == [1, 3]
