"""The tag of this installation, which is part of every mark. It never changes, so it is read once for each database."""

from weakref import WeakKeyDictionary

from models.audit import Installation
from models.database import Database

_tags: WeakKeyDictionary[Database, str] = WeakKeyDictionary()


async def installation_tag(database: Database) -> str:
    tag = _tags.get(database)
    if tag is None:
        async with database.read() as session:
            tag = _tags[database] = (await session.get_one(Installation, 1)).tag
    return tag
