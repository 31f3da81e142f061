"""Messages of notifications: a title and plain lines. The same words whatever the channel is."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from orders.notifications.channels import Channel, Channels
from orders.notifications.telling import Change, News

LISTED = 10
"""Subjects that a message writes out; further ones are counted."""
LONGEST = 300
"""Characters of what is said of one."""
TITLES = {News.NEW: "new", News.CHANGED: "changed", News.OVER: "over"}


def title(changes: Sequence[Change]) -> str:
    """One subject by its name; several by their numbers."""
    if len(changes) == 1:
        return f"Resellflow: {changes[0].title} ({TITLES[changes[0].news]})"
    counted = [(news, sum(one.news is news for one in changes)) for news in News]
    return f"Resellflow: {', '.join(f'{count} {TITLES[news]}' for news, count in counted if count)}"


def body(channels: Channels, channel: Channel, changes: Sequence[Change], now: datetime, room: int) -> str:
    """What costs money is first, as in `changes`. At most `room` characters: what doesn't fit is counted."""
    written = ""
    for place, change in enumerate(changes[:LISTED]):
        part = (
            f"{written}\n\n{_part(channels, channel, change, now)}"
            if written
            else _part(channels, channel, change, now)
        )
        if len(_with_more(channels, part, len(changes) - place - 1)) > room:
            return _with_more(channels, written, len(changes) - place)[:room]
        written = part
    return _with_more(channels, written, len(changes) - LISTED)


def _with_more(channels: Channels, written: str, more: int) -> str:
    if more <= 0:
        return written
    link = f": {channels.console}/" if channels.console else ""
    return f"{written}\n\nAnd {more} more{link}.".lstrip()


def _part(channels: Channels, channel: Channel, change: Change, now: datetime) -> str:
    begun = f"since {moment(channel, change.since)}"
    if change.subject is None:
        return f"Over: {change.title}, {begun}, after {lasted(now - change.since)}."
    lines = [f"{change.news.value.capitalize()}: {change.title}, {begun}.", shortened(change.subject.said)]
    if channels.console:
        lines.append(f"{channels.console}{change.subject.path}")
    there = f"{channels.docs}/" if channels.docs else ""
    lines.append(f"What to do: {there}{change.subject.runbook}")
    return "\n".join(lines)


def moment(channel: Channel, at: datetime) -> str:
    """In the channel's time zone, with its name."""
    return f"{channel.local(at):%Y-%m-%d %H:%M %Z}"


def lasted(time: timedelta) -> str:
    """12 min, 3 h 5 min, 2 d 4 h."""
    minutes = max(int(time.total_seconds()) // 60, 0)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
