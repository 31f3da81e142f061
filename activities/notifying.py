"""Notifies people, while a worker with the role `webhooks` runs: looks every few seconds at what lasts, and sends what
is new to a channel."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from metrics import counters
from models.columns import utc_now
from models.database import Database
from models.notifications import NotificationChannel
from models.outages import described, is_unavailable
from orders.notifications import digest, posting, telling, watching, wording
from orders.notifications.channels import Channel, Channels
from orders.notifications.subjects import lasting

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 10.0
Post = Callable[[Channel, str, str], Awaitable[str | None]]


async def notify_always(database: Database, channels: Channels) -> None:
    """Until cancelled. What is under way then is sent again by the next process. No channel waits for another."""
    await _safely(lambda: _begin(database, channels))
    await asyncio.gather(*(_look_after(database, channels, one) for one in channels.channels))


async def _look_after(database: Database, channels: Channels, channel: Channel) -> None:
    while True:
        await _safely(lambda: tell(database, channels, channel))
        await asyncio.sleep(INTERVAL_SECONDS)


async def _safely(step: Callable[[], Awaitable[object]]) -> None:
    try:
        await step()
    except (
        Exception
    ) as error:  # one channel's fault, ours too, must end neither the others nor the webhooks beside them
        if is_unavailable(error):
            log.warning("notifications: %s", described(error))
        else:
            log.exception("notifications: they are tried again")


async def _begin(database: Database, channels: Channels) -> None:
    async with database.write() as session:
        await telling.forget(session, channels.channels)
        await watching.publish(session, channels.channels, utc_now())


async def tell(database: Database, channels: Channels, channel: Channel, post: Post = posting.post) -> bool:
    """One look for one channel. True: something was sent."""
    now = utc_now()
    await _try(database, channel, post)
    if not await _is_something_due(database, channel, now):
        return False
    async with database.write() as session:
        state = await telling.claim(session, channel, now)
    if state is None:
        return False
    async with database.read() as session:
        told = await telling.changes(session, channel, await lasting(session), now)
        daily = digest.is_due(channel, state, now)
        summary = await digest.digest(session, channel, channels.console, now) if daily else None
    error = None
    if told:
        title = wording.title(told)
        room = posting.room(channel) - len(title)
        error = await post(channel, title, wording.body(channels, channel, told, now, room))
        await _note(database, channel, error, told=told)
    if summary is not None and error is None:
        error = await post(channel, *summary)
        await _note(database, channel, error, day=now)
    async with database.write() as session:
        await telling.release(session, channel)
    return error is None and (bool(told) or daily)


async def _try(database: Database, channel: Channel, post: Post) -> None:
    """Send the trial message that a person wants, whatever else is so."""
    async with database.read() as session:
        state = await session.get(NotificationChannel, channel.name)
    if state is None or state.trial_asked_at is None:
        return
    async with database.write() as session:
        if not await watching.take_trial(session, channel):
            return
    error = await post(channel, watching.TITLE, watching.TRIAL)
    async with database.write() as session:
        await watching.note_trial(session, channel, error, utc_now())


async def _is_something_due(database: Database, channel: Channel, now: datetime) -> bool:
    async with database.read() as session:
        state = await session.get(NotificationChannel, channel.name)
        subjects = await lasting(session)
        fewer = await telling.fewer(session, channel, subjects)
        told = await telling.changes(session, channel, subjects, now)
    if fewer:
        async with database.write() as session:
            await telling.note_fewer(session, channel, fewer)
    return state is None or digest.is_due(channel, state, now) or bool(told)


async def _note(
    database: Database,
    channel: Channel,
    error: str | None,
    *,
    told: Sequence[telling.Change] = (),
    day: datetime | None = None,
) -> None:
    counters.notification(channel.name, sent=error is None)
    if error is not None:
        log.warning("notifications through %s: %s", channel.name, error)
    async with database.write() as session:
        if error is None:
            await telling.note_sent(session, channel, told, utc_now(), day=day)
        else:
            await telling.note_failed(session, channel, error, utc_now())
