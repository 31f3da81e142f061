"""What a channel has to say now, and what it has said.

Each subject is said once when it begins, at most once an hour when it has changed, and once when it is over. What
begins and ends while a channel is quiet is in its digest alone. A message is written down after it was sent: a
process that dies between the two has it sent again, by the next one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import IncidentKind
from models.notifications import Notification, NotificationChannel
from orders.inbox.causes import Cause
from orders.incidents.conditions import Condition, keep_one
from orders.notifications.channels import MONEY, Channel
from orders.notifications.subjects import Subject

CHANGED_AFTER = timedelta(hours=1)
"""A subject that changes all the time is said this often."""
HELD = timedelta(minutes=5)
"""No other process sends through a channel meanwhile; longer than any attempt takes."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=15)
REPORTED_AFTER = timedelta(hours=1)
"""A channel that fails for so long is an incident."""
LONGEST_ERROR = 500


class News(StrEnum):
    """What happened to a subject."""

    NEW = "new"
    CHANGED = "changed"
    OVER = "over"


@dataclass(frozen=True)
class Change:
    """One thing that a channel has to say."""

    news: News
    key: str
    title: str
    since: datetime
    subject: Subject | None = None
    """None: it is over."""


async def known(session: AsyncSession, channel: Channel, now: datetime) -> NotificationChannel | None:
    """The row of a channel, which is made where there is none. None: another process makes it just now."""
    row = await session.get(NotificationChannel, channel.name)
    if row is None:
        row = NotificationChannel(name=channel.name, digest_of=_past_digest(channel, now))
        try:
            async with session.begin_nested():
                session.add(row)
        except IntegrityError:
            return None
    return row


async def claim(session: AsyncSession, channel: Channel, now: datetime) -> NotificationChannel | None:
    """Take the channel for one attempt. None: another process has it, or it has failed and it is too early."""
    row = await known(session, channel, now)
    if row is None:
        return None
    free = col(NotificationChannel.busy_until).is_(None) | (col(NotificationChannel.busy_until) <= now)
    due = col(NotificationChannel.next_try_at).is_(None) | (col(NotificationChannel.next_try_at) <= now)
    taken = await session.exec(
        update(NotificationChannel)
        .where(col(NotificationChannel.name) == channel.name, free, due)
        .values(busy_until=now + HELD)
        .returning(col(NotificationChannel.name))
    )
    if taken.first() is None:
        return None
    await session.refresh(row)
    return row


def _past_digest(channel: Channel, now: datetime) -> date | None:
    """A new channel has its first digest when its time comes next."""
    local = channel.local(now)
    return local.date() if channel.digest is not None and local.time() >= channel.digest else None


async def changes(session: AsyncSession, channel: Channel, subjects: Sequence[Subject], now: datetime) -> list[Change]:
    """What this channel has not said yet."""
    query = select(Notification).where(Notification.channel == channel.name)
    told = {row.subject: row for row in (await session.exec(query)).all()}
    quiet = channel.is_quiet(now)
    found = []
    for subject in subjects:
        if not wanted(channel, subject) or (quiet and not _is_loud(channel, subject)):
            continue
        row = told.get(subject.key)
        if row is None and subject.since > now - subject.patience:
            continue
        if row is None:
            found.append(Change(News.NEW, subject.key, subject.title, subject.since, subject))
        elif row.told_at <= now - CHANGED_AFTER and _has_changed(row, subject):
            found.append(Change(News.CHANGED, subject.key, subject.title, subject.since, subject))
    if quiet:
        return found
    last = {one.key for one in subjects}
    over = [row for key, row in sorted(told.items()) if key not in last]
    return found + [Change(News.OVER, row.subject, row.title, row.since) for row in over]


async def fewer(session: AsyncSession, channel: Channel, subjects: Sequence[Subject]) -> dict[str, int]:
    """Cards that have fewer entries than this channel knows: what is added to them from now on is news."""
    entries = {one.key: one.entries for one in subjects}
    rows = (await session.exec(select(Notification).where(Notification.channel == channel.name))).all()
    return {row.subject: entries[row.subject] for row in rows if entries.get(row.subject, row.entries) < row.entries}


async def note_fewer(session: AsyncSession, channel: Channel, entries: Mapping[str, int]) -> None:
    """It is not said."""
    for subject, left in entries.items():
        row = (col(Notification.channel) == channel.name, col(Notification.subject) == subject)
        await session.exec(update(Notification).where(*row, col(Notification.entries) > left).values(entries=left))


def wanted(channel: Channel, subject: Subject) -> bool:
    return subject.cause in channel.causes and subject.acts in channel.roles


def _is_loud(channel: Channel, subject: Subject) -> bool:
    return subject.cause in channel.loud or (subject.costs and Cause(MONEY) in channel.loud)


def _has_changed(row: Notification, subject: Subject) -> bool:
    """Only more entries of a card are news."""
    if subject.key.startswith("card "):
        return subject.entries > row.entries
    return subject.said != row.told


async def note_sent(
    session: AsyncSession, channel: Channel, told: Sequence[Change], now: datetime, *, day: datetime | None = None
) -> None:
    """It was sent: this channel knows it. `day`: it was the digest of this moment's day."""
    for change in told:
        if change.subject is None:
            gone = (col(Notification.channel) == channel.name, col(Notification.subject) == change.key)
            await session.exec(delete(Notification).where(*gone))
        else:
            await session.merge(_row(channel, change, change.subject, now))
    state = await session.get_one(NotificationChannel, channel.name)
    if day is not None:
        state.digest_of = channel.local(day).date()
    state.failing_since, state.failures, state.last_error, state.next_try_at = None, 0, "", None
    state.last_sent_at = now
    session.add(state)
    await keep_one(session, _failing(channel.name, ""), lasts=False)


def _row(channel: Channel, change: Change, subject: Subject, now: datetime) -> Notification:
    return Notification(
        channel=channel.name,
        subject=change.key,
        title=change.title,
        told=subject.said,
        entries=subject.entries,
        since=change.since,
        told_at=now,
    )


async def release(session: AsyncSession, channel: Channel) -> None:
    """The attempt is over. Where a process dies before, the channel is free after `HELD`."""
    state = await session.get_one(NotificationChannel, channel.name)
    state.busy_until = None
    session.add(state)


async def note_failed(session: AsyncSession, channel: Channel, error: str, now: datetime) -> None:
    """It was not sent: it is tried again, later each time."""
    state = await session.get_one(NotificationChannel, channel.name)
    state.failing_since = state.failing_since or now
    state.next_try_at = now + min(FIRST_PAUSE * 2 ** min(state.failures, 10), LONGEST_PAUSE)
    state.failures += 1
    state.last_error = state.last_failure = error[:LONGEST_ERROR]
    state.last_failed_at = now
    session.add(state)
    if state.failing_since <= now - REPORTED_AFTER:
        await keep_one(session, _failing(channel.name, state.last_error), lasts=True)


async def forget(session: AsyncSession, channels: Sequence[Channel]) -> None:
    """Channels that are in the file no more are owed nothing."""
    names = [one.name for one in channels]
    for gone in (
        await session.exec(select(NotificationChannel).where(col(NotificationChannel.name).not_in(names)))
    ).all():
        await session.exec(delete(Notification).where(col(Notification.channel) == gone.name))
        await keep_one(session, _failing(gone.name, ""), lasts=False)
        await session.delete(gone)


def _failing(channel: str, error: str) -> Condition:
    return Condition(
        IncidentKind.NOT_NOTIFIED,
        channel,
        f"Notifications can't be sent through the channel {channel}: {error}. What it should say is kept, and is tried "
        "again all the time. Look at the address in the file of the channels, and try it: "
        f"resell notifications test {channel}",
        detail={"channel": channel},
    )
