"""Many writers at once."""

import asyncio
from pathlib import Path

import pytest
from sqlmodel import select

from models.catalogue import UpstreamAccount
from models.database import Database
from orders.money import funds
from tests.infrastructure.databases import copy_of

pytestmark = pytest.mark.dialects

WRITERS = 20


async def releases(database: Database) -> int:
    async with database.read() as session:
        return (await session.exec(select(UpstreamAccount.release_count))).one()


async def test_writers_at_the_same_time_lose_nothing_of_each_other(database: Database) -> None:
    async def release() -> None:
        async with database.write() as session:
            account = await funds.locked_account(session, 1)
            account.release_count += 1
            session.add(account)

    await asyncio.gather(*(release() for _ in range(WRITERS)))
    assert await releases(database) == WRITERS


async def test_on_sqlite_writers_take_their_turns_in_line(migrated_sqlite_template: Path, tmp_path: Path) -> None:
    """PostgreSQL lets them write side by side."""
    database = Database(copy_of(migrated_sqlite_template, tmp_path))
    done: list[int] = []

    async def write(number: int) -> None:
        async with database.write():
            await asyncio.sleep(0)
            done.append(number)

    await asyncio.gather(*(write(number) for number in range(WRITERS)))
    assert done == list(range(WRITERS))
    await database.close()


async def test_a_writer_that_fails_or_is_cancelled_lets_the_next_one_go(database: Database) -> None:
    async def hold() -> None:
        async with database.write():
            await asyncio.Event().wait()

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0.1)
    waiting = asyncio.create_task(hold())
    await asyncio.sleep(0)
    for task in (waiting, holding):
        task.cancel()
    await asyncio.gather(holding, waiting, return_exceptions=True)
    with pytest.raises(ZeroDivisionError):
        async with database.write():
            raise ZeroDivisionError
    async with asyncio.timeout(5), database.write() as session:
        await funds.locked_account(session, 1)
