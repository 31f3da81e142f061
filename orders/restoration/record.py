"""The transaction of `resell restored`: a new tag, numbers beyond everything seen, an intent where a search is due."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlmodel import select

from models.audit import Installation, Restoration
from models.columns import utc_now
from models.database import Database
from models.migrate import new_tag
from orders import audit
from orders.restoration import numbers
from orders.restoration.unfinished import Unfinished, begin_anew, give_new_mark, suspect, unfinished

SUBJECT = "installation"
LOST_AT_MOST = 100_000
"""Services whose marks are taken for lost ones. A number that is far beyond these was not given by this database."""


@dataclass(frozen=True)
class Restored:
    """What was written."""

    former_tag: str
    tag: str
    next_numbers: dict[str, int]
    operations: list[Unfinished]


async def restored(
    database: Database, seen: Mapping[str, int], *, actor: str, given_twice: Collection[int] = ()
) -> Restored:
    """Write it down, and let orders go on. `seen`: the highest numbers that were seen anywhere, by table.

    `given_twice`: openings that have the numbers of other orders, and so their marks. These get a new one: by the old
    one another customer's item would be found.
    """
    async with database.write() as session:
        installation = (await session.exec(select(Installation).with_for_update())).one()
        at, former = utc_now(), installation.tag
        last_known = (await numbers.given(session))["service"]
        installation.tag, installation.held_because = new_tag(), None
        operations = await unfinished(session)
        for one in operations:
            if one.operation.id in given_twice:
                await give_new_mark(session, one.service, installation.tag, actor)
            if one.is_suspected:
                await suspect(session, one, at)
        await begin_anew(session)
        last_lost = min(max(last_known, seen.get("service", 0)), last_known + LOST_AT_MOST)
        moved = await numbers.move_beyond(session, seen)
        row = Restoration(
            at=at,
            actor=actor,
            former_tag=former,
            last_known=last_known,
            last_lost=last_lost,
            next_numbers=moved,
        )
        session.add_all([installation, row])
        facts: audit.Facts = {"former_tag": former, "tag": installation.tag, "next_service": moved["service"]}
        audit.record(session, SUBJECT, 1, "restored", by=actor, facts=facts)
        return Restored(former, installation.tag, moved, operations)


async def workflows_lost(database: Database, *, actor: str) -> list[Unfinished]:
    """Temporal's state is older than the database, or gone: the database is right, and only the runs begin anew."""
    async with database.write() as session:
        operations = await unfinished(session)
        await begin_anew(session)
        audit.record(session, SUBJECT, 1, "workflows_restored", by=actor)
        return operations
