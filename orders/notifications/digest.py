"""The daily digest of a channel: what is open, and what the last day brought."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import UtcDateTime
from models.enums import IncidentKind, Role, Stage
from models.incident import Incident
from models.notifications import NotificationChannel
from models.order import Operation
from orders.inbox.cards import InboxCard, inbox_cards
from orders.inbox.causes import KINDS, Cause
from orders.notifications.channels import Channel
from orders.notifications.subjects import CARDS
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
    """Title and body. Counts what the channel is about: its causes, as far as its roles can do something."""
    kinds = [kind for kind, known in KINDS.items() if known.cause in channel.causes and known.acts in channel.roles]
    cards = [
        await _incidents(session, kinds) if one.cause is Cause.INCIDENTS else one
        for one in await inbox_cards(session)
        if one.cause in channel.causes and _roles_of(one.cause) & channel.roles
    ]
    cards = [one for one in cards if one.oldest is not None]
    waiting = sum(one.count for one in cards)
    title = f"Resellflow, {channel.local(now):%Y-%m-%d}: {_needs(waiting)}"
    lines = [*_open(channel, cards), *await _past(session, kinds, now - DAY)]
    if console and waiting:
        lines.append(f"{console}/")
    return title, "\n".join(lines)


def _roles_of(cause: Cause) -> frozenset[Role]:
    """Who can do something about entries of this card."""
    if cause in CARDS:
        return frozenset({CARDS[cause].acts})
    return frozenset(known.acts for known in KINDS.values() if known.cause is cause)


async def _incidents(session: AsyncSession, kinds: Sequence[IncidentKind]) -> InboxCard:
    """The card of incidents, of these kinds alone."""
    of_the_card = [kind for kind in kinds if KINDS[kind].cause is Cause.INCIDENTS]
    query = select(func.count(), func.min(col(Incident.at), type_=UtcDateTime())).where(
        col(Incident.closed_at).is_(None), col(Incident.kind).in_(of_the_card)
    )
    count, oldest = (await session.exec(query)).one()
    return InboxCard(Cause.INCIDENTS, count, oldest, {})


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


async def _past(session: AsyncSession, kinds: Sequence[IncidentKind], since: datetime) -> list[str]:
    ended = select(func.count()).where(col(Operation.ended_at) >= since)
    incidents = select(func.count()).where(col(Incident.kind).in_(kinds))
    opened = (await session.exec(incidents.where(col(Incident.at) >= since))).one()
    closed = (await session.exec(incidents.where(col(Incident.closed_at) >= since))).one()
    completed = (await session.exec(ended.where(Operation.stage == Stage.COMPLETED))).one()
    others = (await session.exec(ended.where(Operation.stage != Stage.COMPLETED))).one()
    return [
        f"In the last 24 hours: {completed} operations completed, {others} ended otherwise; {opened} incidents opened, "
        f"{closed} closed."
    ]
