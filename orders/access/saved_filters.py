"""The filters of the inbox that a person has saved: each person sees and changes their own alone."""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.database import Database
from models.people import Person, SavedFilter
from orders.errors import InvalidField

MOST = 50
LONGEST_NAME = 64


async def filters_of(session: AsyncSession, person: int) -> Sequence[SavedFilter]:
    """By name."""
    query = select(SavedFilter).where(SavedFilter.person_id == person).order_by(SavedFilter.name)
    return (await session.exec(query)).all()


async def save(database: Database, person: int, name: str, wanted: Mapping[str, str]) -> None:
    """What the name stood for before is forgotten. Raises InvalidField."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidField("name", f"is needed, with at most {LONGEST_NAME} characters")
    if not wanted:
        raise InvalidField("filter", "is empty; choose what the inbox is to show, and save it then")
    async with database.write() as session:
        await session.exec(select(Person.id).where(Person.id == person).with_for_update())
        known = SavedFilter.person_id == person
        found = (await session.exec(select(SavedFilter).where(known, SavedFilter.name == name))).one_or_none()
        if found is None:
            number = (await session.exec(select(func.count()).select_from(SavedFilter).where(known))).one()
            if number >= MOST:
                raise InvalidField("name", f"you have {MOST} saved filters already; delete one first")
            found = SavedFilter(person_id=person, name=name)
        found.wanted = dict(wanted)
        session.add(found)


async def forget(database: Database, person: int, number: int) -> None:
    """One of another person stays, and so does one that is gone already."""
    async with database.write() as session:
        await session.exec(
            delete(SavedFilter).where(col(SavedFilter.id) == number, col(SavedFilter.person_id) == person)
        )
