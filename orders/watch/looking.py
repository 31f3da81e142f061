"""One look of the watch, written down. Workers look every half minute; the API looks when no worker does."""

from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from models.beat import Beat
from models.columns import utc_now
from models.database import Database
from models.enums import IncidentKind
from models.watch_limits import Limits
from orders.incidents.conditions import Condition, end_one, end_unrenewed, keep_one, report
from orders.money.forecast import alert
from orders.money.forecast.terms import Basis
from orders.watch.conditions import KINDS, find

INTERVAL_SECONDS = 30.0
SILENT_AFTER = timedelta(seconds=120)
BEAT = "watch"
FORECAST_BEAT = "forecast"
_ALL = "all"


async def look(database: Database, limits: Limits, since: datetime) -> list[Condition]:
    """Look and write down what lasts, as a worker. `since`: when it began to look."""
    async with database.read() as session:
        lasting = await find(session, limits, since)
        short = await _shortages(session, limits)
    async with database.write() as session:
        await report(session, KINDS, lasting)
        await _report_shortages(session, short)
        await end_unrenewed(session, IncidentKind.TEMPORAL_LOST, utc_now() - SILENT_AFTER)
        await end_one(session, IncidentKind.WORKERS_SILENT, _ALL)
        await _beat(session, BEAT)
    return lasting


async def look_if_no_worker_does(database: Database, limits: Limits, since: datetime) -> None:
    """Look, as a process of the API. `since`: when it began to look; a worker may still be starting then."""
    async with database.read() as session:
        beat = await session.get(Beat, BEAT)
        last = max(beat.at, since) if beat is not None else since
        if last > utc_now() - SILENT_AFTER:
            return
        lasting = await find(session, limits, since)
        short = await _shortages(session, limits)
    known = f"the last sign of one came at {beat.at:%Y-%m-%d %H:%M} UTC" if beat is not None else "none ever did"
    message = (
        f"No worker with the role orders has looked after the orders for {SILENT_AFTER.seconds} s; {known}. Orders are "
        "accepted and wait. Look whether the workers run, and whether they reach Temporal and the database"
    )
    async with database.write() as session:
        await report(session, KINDS, lasting)
        await _report_shortages(session, short)
        await end_unrenewed(session, IncidentKind.TEMPORAL_LOST, utc_now() - SILENT_AFTER)
        await keep_one(session, Condition(IncidentKind.WORKERS_SILENT, _ALL, message), lasts=True)


async def _shortages(session: AsyncSession, limits: Limits) -> list[Condition] | None:
    """None: somebody has looked for them lately."""
    beat = await session.get(Beat, FORECAST_BEAT)
    if beat is not None and utc_now() - alert.AGAIN_AFTER < beat.at <= utc_now():
        return None
    return await alert.shortages(session, limits.forecast, Basis(limits.rates, limits.renewal))


async def _report_shortages(session: AsyncSession, short: list[Condition] | None) -> None:
    if short is not None:
        await report(session, (IncidentKind.SHORT_OF_MONEY,), short)
        await _beat(session, FORECAST_BEAT)


async def _beat(session: AsyncSession, name: str) -> None:
    row = await session.get(Beat, name)
    if row is None:
        row = Beat(name=name)
    row.at = utc_now()
    session.add(row)
