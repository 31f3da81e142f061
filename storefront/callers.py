"""Who has which token: those of the settings, and those of the database as they were up to three seconds ago.

The table is read when a token comes that the settings don't have, and what was read is older than that: one statement
every three seconds at most, none for an API whose callers stand in the settings. So a token that was added lets in, and
one that was revoked lets nobody in, three seconds later; streams under way ask again (`still_in`).
"""

import asyncio
import hmac
import logging
import sqlite3
import time
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from models.columns import utc_now
from models.enums import Role
from models.tokens import ApiToken
from orders.access import tokens
from orders.access.roles import Requester
from settings import Settings
from starter import Resellflow

log = logging.getLogger(__name__)

REFRESH_SECONDS = 3.0
PARTING_SECONDS = 2.0


@dataclass(frozen=True)
class Caller:
    """The holder of a token. The name is the client of orders and the actor of decisions."""

    name: str
    role: Role
    token: int | None = None
    """Its number in the table; None: it stands in the settings."""

    @property
    def requester(self) -> Requester:
        return Requester(self.role, self.name)


class Callers:
    """All that are let in. For one event loop."""

    def __init__(self, resellflow: Resellflow, settings: Settings) -> None:
        self._resellflow = resellflow
        self._of_settings = [(tokens.digest_of(token), Caller(name, role)) for name, role, token in settings.callers()]
        self._roles = {caller.name: caller.role for _, caller in self._of_settings}
        self._of_table: list[tuple[str, Caller]] = []
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._warned: set[int] = set()
        self._used: dict[int, float] = {}
        self._noting: set[asyncio.Task[None]] = set()

    async def find(self, token: str) -> Caller | None:
        """Who has this token; None: nobody. Raises SQLAlchemyError or sqlite3.Error where the table can't be read."""
        digest = tokens.digest_of(token)
        found = _among(self._of_settings, digest)
        if found is None:
            await self._refresh()
            found = _among(self._of_table, digest)
        if found is not None and found.token is not None:
            self._note_use(found.token)
        return found

    async def still_in(self, caller: Caller) -> bool:
        """Whether the token by which this caller came is still valid. Raises as `find`."""
        if caller.token is None:
            return True
        await self._refresh()
        return any(one == caller for _, one in self._of_table)

    def forget(self) -> None:
        """Read the table at the next token that the settings don't have."""
        self._read_at = float("-inf")

    async def close(self) -> None:
        """Finish what is being written, if that does not take long."""
        if under_way := [*self._noting, *([self._reading] if self._reading else [])]:
            _, late = await asyncio.wait(under_way, timeout=PARTING_SECONDS)
            for task in late:
                task.cancel()

    async def _refresh(self) -> None:
        """Whoever comes while the table is read waits for that, and fails with it."""
        if time.monotonic() - self._read_at < REFRESH_SECONDS:
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        await asyncio.shield(self._reading)

    async def _read(self) -> None:
        began = time.monotonic()
        async with self._resellflow.database.read() as session:
            rows = await tokens.all_tokens(session, revoked=False)
        self._read_at = began
        self._of_table = [(row.digest, Caller(row.name, row.role, row.id)) for row in rows if self._has_one_role(row)]

    def _has_one_role(self, row: ApiToken) -> bool:
        """False, said once: the settings give this name another role, and they can't be changed from here."""
        other = self._roles.get(row.name, row.role)
        if other is not row.role and row.id not in self._warned:
            self._warned.add(row.id)
            words = "token %s lets nobody in: %s has the role %s by the settings, and a name has one role"
            log.warning(words, row.id, row.name, other.value)
        return other is row.role

    def _note_use(self, number: int) -> None:
        """Once a minute, beside the request and not on its way."""
        now = time.monotonic()
        if now - self._used.get(number, float("-inf")) < tokens.LAST_USE_GRAIN.total_seconds():
            return
        self._used[number] = now
        task = asyncio.create_task(self._write_use(number))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _write_use(self, number: int) -> None:
        try:
            await tokens.note_use(self._resellflow.database, number, utc_now())
        except (SQLAlchemyError, sqlite3.Error) as error:
            log.info("the last use of token %s is not written down: %s", number, type(error).__name__)


def _among(known: list[tuple[str, Caller]], digest: str) -> Caller | None:
    """Compares with all of them, each in constant time, so that the time shows nothing of a digest."""
    found = None
    for other, caller in known:
        if hmac.compare_digest(other, digest):
            found = caller
    return found
