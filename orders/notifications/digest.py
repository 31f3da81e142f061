"""The daily digest of a channel: what is open, and what the last day brought."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import Stage
from models.incident import Incident
from models.notifications import NotificationChannel
from models.order import Operation
from orders.inbox.cards import InboxCard, inbox_cards
from orders.inbox.causes import Cause
from orders.notifications.channels import Channel
from orders.notifications.wording import moment

DAY = timedelta(days=1)
NAMES = {
    Cause.DECIDE: "To decide",
    Cause.UNCLEAR: "Outcome unclear",
    Cause.MONEY: "Money is short",
    Cause.TASKS: "Tasks",
    Cause.INCIDENTS: "Incidents",
    Cause.UPSTREAMS: "Upstreams with trouble",
    Cause.SLOW: "Slower than usual",
    Cause.DRIFT: "Differences",
    Cause.ORPHANS: "Items of nobody",
}


def is_due(channel: Channel, state: NotificationChannel, now: datetime) -> bool:
    """Once a day, at its time or as soon as a worker runs after it."""
    local = channel.local(now)
    if channel.digest is None or local.time() < channel.digest:
        return False
    return state.digest_of is None or state.digest_of < local.date()


async def digest(session: AsyncSession, channel: Channel, console: str, now: datetime) -> tuple[str, str]:
    """Title and body. Counts what the channel is about."""
    cards = [one for one in await inbox_cards(session) if one.cause in channel.causes and one.oldest is not None]
    waiting = sum(one.count for one in cards)
    title = f"Resellflow, {channel.local(now):%Y-%m-%d}: {_needs(waiting)}"
    lines = [*_open(channel, cards), *await _past(session, now - DAY)]
    if console and waiting:
        lines.append(f"{console}/")
    return title, "\n".join(lines)


def _needs(waiting: int) -> str:
    if waiting == 0:
        return "nothing needs anybody"
    return "1 thing needs somebody" if waiting == 1 else f"{waiting} things need somebody"


def _open(channel: Channel, cards: Sequence[InboxCard]) -> list[str]:
    return [
        f"{NAMES[card.cause]}: {card.count}, the oldest since {moment(channel, card.oldest)}"
        for card in cards
        if card.oldest is not None
    ]


async def _past(session: AsyncSession, since: datetime) -> list[str]:
    ended = select(func.count()).where(col(Operation.ended_at) >= since)
    opened = (await session.exec(select(func.count()).where(col(Incident.at) >= since))).one()
    closed = (await session.exec(select(func.count()).where(col(Incident.closed_at) >= since))).one()
    completed = (await session.exec(ended.where(Operation.stage == Stage.COMPLETED))).one()
    others = (await session.exec(ended.where(Operation.stage != Stage.COMPLETED))).one()
    return [
        f"In the last 24 hours: {completed} operations completed, {others} ended otherwise; {opened} incidents opened, "
        f"{closed} closed."
    ]
