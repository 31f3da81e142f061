"""Does the database take what has to be written? Asked over a connection of its own: a full pool is no bad health."""

import asyncio
import time

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from models.database import Database, PoolTerms
from models.migrations import NEWEST_REVISION
from models.outages import Outage, outage_of

PATIENCE_SECONDS = 3.0
TURN_SECONDS = 0.05
KEPT_SECONDS = 1.0
"""An answer serves whoever asks within so long: being asked costs the same however often that is."""
_TERMS = PoolTerms(size=1, more=0, wait=0.0, statement_timeout=PATIENCE_SECONDS)
_REVISION = sa.text("SELECT (SELECT version_num FROM alembic_version), held_because FROM installation")
_READ_ONLY = sa.text("SELECT current_setting('transaction_read_only')")


class _Turns:
    """How often the event loop came round: where it is short of the processor, an answer that does not come in time
    says nothing of the database."""

    def __init__(self) -> None:
        self._count = 0
        self._counting: asyncio.Task[None] | None = None

    @property
    def were_few(self) -> bool:
        """Fewer than half of what there is time for."""
        return self._count < PATIENCE_SECONDS / TURN_SECONDS / 2

    async def __aenter__(self) -> None:
        self._counting = asyncio.create_task(self._count_on())

    async def __aexit__(self, *_: object) -> None:
        if self._counting is not None:
            self._counting.cancel()

    async def _count_on(self) -> None:
        while True:
            await asyncio.sleep(TURN_SECONDS)
            self._count += 1


class Readiness:
    """What is wrong with the database of `url`, asked anew once a second at most."""

    def __init__(self, url: str) -> None:
        self._database = Database(url, _TERMS)
        self._asking = asyncio.Lock()
        self._found: Outage | None = None
        self._found_at = -KEPT_SECONDS

    async def outage(self) -> Outage | None:
        """None: it takes orders. A database that is busy does, after a while. Raises what is a fault of ours."""
        async with self._asking:
            if time.monotonic() - self._found_at >= KEPT_SECONDS:
                self._found = await self._ask()
                if self._found is not None:
                    await self._database.close()  # and over a new connection the next time, to whoever is there then
                self._found_at = time.monotonic()
            return self._found

    async def close(self) -> None:
        await self._database.close()

    async def _ask(self) -> Outage | None:
        turns = _Turns()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), turns:
                revision, held = await self._revision()
                if revision < NEWEST_REVISION:  # one that is newer than this program does no harm
                    return Outage.SCHEMA
                if held:
                    return Outage.HELD
                return Outage.READ_ONLY if await is_read_only(self._database) else None
        except TimeoutError:
            return self._found if turns.were_few else Outage.AWAY
        except (SQLAlchemyError, OSError) as error:
            outage = outage_of(error)
            if outage is None:
                raise
            return None if outage is Outage.BUSY else outage

    async def _revision(self) -> tuple[str, str]:
        """The schema's revision, and why the database is held."""
        async with self._database.read() as session:
            row = (await (await session.connection()).execute(_REVISION)).first()
            return ("", "") if row is None else (str(row[0] or ""), str(row[1] or ""))


async def is_read_only(database: Database) -> bool:
    """Begins a write, and writes nothing. SQLite refuses the beginning; PostgreSQL is asked. Raises what is wrong."""
    async with database.write() as session:
        connection = await session.connection()
        return not database.is_sqlite and (await connection.execute(_READ_ONLY)).scalar_one() == "on"
