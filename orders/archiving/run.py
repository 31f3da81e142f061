"""A run of `resell archive`: month by month, the oldest first."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day

from sqlmodel import col, func, select

from models.audit import Installation
from models.columns import utc_now
from models.database import Database
from models.enums import FINAL_STAGES
from models.order import Operation
from orders import audit, retention
from orders.archiving import records
from orders.archiving.files import Folder, Manifest
from orders.errors import InvalidField, Refused

SUBJECT = "archive"
REMOVED_AFTER = timedelta(days=90)
"""Stages and events of younger months are read by Resellflow itself: how long is a confirmation usually waited for?"""


@dataclass(frozen=True)
class Done:
    """About one month."""

    manifest: Manifest
    was_there: bool
    removed: dict[str, int] | None
    """Rows by kind. None: nothing was to be removed."""


async def archive(
    database: Database, folder: Folder, before: date, *, remove: bool = False, actor: str
) -> AsyncIterator[Done]:
    """Write each month that has ended before this day, unless it is written, and remove what the archive has then.

    Only months that ended REMOVED_AFTER ago lose something. Raises InvalidField for a day that has not come, or a
    folder that can't be used; Refused where the folder has something else than was written.
    """
    now = utc_now()
    if before > now.date():
        raise InvalidField("--before", f"{before} has not come yet; today is {now.date()} (UTC)")
    installation, first = await _about(database)
    with folder.opened():
        month = first
        while month is not None and _next(month) <= before:
            done = await _month(database, folder, month, installation, actor)
            if done is not None:
                removed = None
                if remove and _midnight(_next(month)) <= now - REMOVED_AFTER:
                    removed = await _remove(database, month, actor)
                yield Done(done[0], done[1], removed)
            month = _next(month)


async def _about(database: Database) -> tuple[str, date | None]:
    """The tag of the installation, and the first month in which an operation ended."""
    oldest = select(func.min(Operation.ended_at)).where(col(Operation.stage).in_(FINAL_STAGES))
    async with database.read() as session:
        tag = (await session.exec(select(Installation.tag))).one()
        ended = (await session.exec(oldest)).one()
    return tag, None if ended is None else ended.date().replace(day=1)


async def _month(
    database: Database, folder: Folder, month: date, installation: str, actor: str
) -> tuple[Manifest, bool] | None:
    """The manifest, and whether it was there. None: no operation ended then."""
    start, end = _midnight(month), _midnight(_next(month))
    async with database.read() as session:
        count = await records.count(session, start, end)
    found = folder.manifest(month, installation)
    if found is not None:
        if found.operations != count:
            raise Refused(
                f"{found.file} has {found.operations} operations, and the database has {count} that ended in "
                f"{month:%Y-%m}: one of the two is older. Nothing of this month was written or removed"
            )
        return found, True
    if not count:
        return None
    written = await folder.write(month, installation, records.read(database, start, end), utc_now())
    facts: audit.Facts = {"file": written.file, "sha256": written.sha256, "operations": written.operations}
    await _note(database, month, "archived", actor, facts)
    return written, False


async def _remove(database: Database, month: date, actor: str) -> dict[str, int]:
    removed = await retention.remove_archived(database, _midnight(month), _midnight(_next(month)))
    if any(removed.values()):
        await _note(database, month, "removed", actor, dict(removed))
    return removed


async def _note(database: Database, month: date, action: str, actor: str, facts: audit.Facts) -> None:
    """The number of the subject is the month: 202601."""
    async with database.write() as session:
        audit.record(session, SUBJECT, month.year * 100 + month.month, action, by=actor, facts=facts)


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time_of_day(), UTC)
