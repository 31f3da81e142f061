"""SQLite's connections: few trips to their threads, and transactions all the same."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from models.database import Database
from models.sqlite import _Connection
from tests.infrastructure.eventually import assert_eventually

TABLE = sa.Table("sample", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
ALL = sa.select(TABLE.c.id)


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'sample.db'}")
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


async def test_a_short_read_is_one_trip_for_its_statement_and_one_for_its_end(
    sample: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await seen(sample)  # the connection is open from now on
    trips: list[str] = []
    go: Callable[..., Any] = _Connection._execute

    async def counted(self: _Connection, function: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        trips.append(function.__name__)
        return await go(self, function, *arguments, **more)

    monkeypatch.setattr(_Connection, "_execute", counted)
    assert await seen(sample) == []
    assert trips == ["_run", "_end"]


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


async def test_a_statement_whose_waiter_was_cancelled_leaves_nothing_begun(sample: Database) -> None:
    """It comes to its turn after the cancellation, and its end after it."""
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT count(*) FROM n"

    async def ask() -> None:
        async with sample.read() as session:
            await (await session.connection()).execute(sa.text(slow))

    asking = [asyncio.create_task(ask()) for _ in range(3)]
    pool = sample.engine.sync_engine.pool
    assert isinstance(pool, sa.QueuePool)
    await assert_eventually(lambda: pool.checkedout() == len(asking), message="each has its connection")
    for one in asking:
        one.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    await put(sample, 1)
    assert [await seen(sample) for _ in range(4)] == [[1]] * 4
