"""The one row of this installation: its tag, and whether it is held, so that nothing is accepted or sent.

It is held from the moment when the database turns out to be older than what Temporal knows until `resell restored`.
"""

from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from models import database as clocks
from models.audit import Installation, Restoration
from models.database import Database
from models.outages import Held


@cache
def held_column() -> ColumnElement[str | None]:
    """Why it is held, as part of a statement that asks for something else. `raise_if_held` reads what comes back."""
    return select(Installation.held_because).scalar_subquery()


@cache
def tag_column() -> ColumnElement[str]:
    """The tag for the mark of a new service, in the same way."""
    return select(Installation.tag).scalar_subquery()


@cache
def not_held() -> ColumnElement[bool]:
    """A condition of a statement that must change nothing while the database is held."""
    return ~select(Installation.id).where(col(Installation.held_because).is_not(None)).exists()


def raise_if_held(because: str | None) -> None:
    """Raises Held."""
    if because is not None:
        raise Held(because)


async def check_not_held(session: AsyncSession) -> None:
    """Raises Held."""
    raise_if_held((await session.exec(select(Installation.held_because))).first())


async def now_unless_held(session: AsyncSession) -> datetime:
    """The time by the database's clock. Raises Held."""
    connection = await session.connection()
    asked = select(clocks.clock(connection.dialect.name), held_column())
    now, held = (await connection.execute(asked)).one()
    raise_if_held(held)
    return clocks.time_of(now)


async def hold(session: AsyncSession, because: str) -> None:
    """Hold it. The reason of whoever did it first stays."""
    await session.exec(
        update(Installation).where(col(Installation.held_because).is_(None)).values(held_because=because)
    )


async def first_tag(database: Database) -> str:
    """The tag that it began with, by which others know it. The tag in marks may be a later one."""
    async with database.read() as session:
        former = await session.exec(select(Restoration.former_tag).order_by(col(Restoration.id)).limit(1))
        return former.first() or (await session.get_one(Installation, 1)).tag


async def source_of(database: Database) -> str:
    """`source` of every event: this installation."""
    return f"urn:resellflow:{await first_tag(database)}"
