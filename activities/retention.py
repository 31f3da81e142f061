"""Removes what is old, once a day, beside the sending of webhooks: one per installation, and always there."""

import asyncio
from datetime import timedelta

from temporalio import activity

from models.columns import utc_now
from models.database import Database
from models.outages import described, is_unavailable
from orders import retention
from orders.retention import Keep
from settings import Settings

EVERY = timedelta(days=1)
CHECK_SECONDS = 300.0


def keep_by(settings: Settings) -> Keep:
    """For how long the settings say."""
    return Keep(
        events=timedelta(days=settings.event_retention_days),
        hints=timedelta(days=settings.hint_retention_days),
        stages=timedelta(days=settings.stage_retention_days),
        snapshots=timedelta(days=settings.snapshot_retention_days),
        webhooks=timedelta(days=settings.webhook_retention_days),
        messages=timedelta(days=settings.message_retention_days),
    )


async def prune_daily(database: Database, settings: Settings) -> None:
    """Until cancelled. What is under way then is done by the next run: each slice is a whole."""
    while True:
        try:
            await prune_if_due(database, settings)
        except Exception as error:
            if is_unavailable(error):
                activity.logger.warning("retention: %s", described(error))
            else:
                activity.logger.exception("retention: nothing more is removed until it is tried again")
        await asyncio.sleep(CHECK_SECONDS)


async def prune_if_due(database: Database, settings: Settings) -> bool:
    """False if it was done within a day."""
    async with database.read() as session:
        last = await retention.last_run(session)
    if last is not None and last > utc_now() - EVERY:
        return False
    await retention.prune(database, keep_by(settings))
    return True
