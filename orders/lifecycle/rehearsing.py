"""What a request would do, found out in a transaction that is rolled back: nothing is written, no key is used up."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from models.database import Database

T = TypeVar("T")


class _OnlyRehearsed(Exception):
    """Raised to roll a transaction back on purpose."""


async def rehearse(database: Database, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """What `work` returns; raises what it raises. Rows that it returns stay as it saw them."""
    try:
        return await _once(database, work)
    except IntegrityError:  # something else was accepted at the same moment
        return await _once(database, work)


async def _once(database: Database, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    found: list[T] = []
    with suppress(_OnlyRehearsed):
        async with database.write() as session:
            found.append(await work(session))
            await session.flush()
            session.expunge_all()
            raise _OnlyRehearsed
    return found[0]
