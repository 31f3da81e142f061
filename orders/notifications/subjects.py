"""What lasts now: each open incident, and each card of the inbox that no incident stands for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import Role, Stage
from models.incident import Incident
from orders.inbox.cards import InboxCard, inbox_cards
from orders.inbox.causes import KINDS, Cause, runbook

MOST = 2000
"""Open incidents that are looked at, as many that cost money and as many others; the oldest first. Those beyond have
their turn when these are closed."""


@dataclass(frozen=True)
class Subject:
    """Something that lasts."""

    key: str
    cause: Cause
    acts: Role
    costs: bool
    title: str
    said: str
    """What is so, and what happens if nobody does anything."""
    since: datetime
    runbook: str
    path: str
    """Below the console."""
    patience: timedelta = timedelta(0)
    """What is over before that is not worth a message."""
    entries: int = 1
    """How many a card has."""


@dataclass(frozen=True)
class _Card:
    acts: Role
    patience: timedelta
    """What is over before that is not worth a message."""
    title: str
    follows: str
    """If nobody does anything."""
    anchor: str
    """The section of the runbook."""


_NONE, _AWHILE = timedelta(0), timedelta(minutes=10)
CARDS: Mapping[Cause, _Card] = {
    Cause.DECIDE: _Card(
        Role.OPERATOR, _NONE, "Operations need a decision", "Nothing is sent for them until somebody decides.",
        Stage.NEEDS_ATTENTION,
    ),
    Cause.UNCLEAR: _Card(
        Role.OPERATOR, _AWHILE, "The outcome of requests is unclear",
        "The upstream is read until each is proven done or not done.", Stage.OUTCOME_UNKNOWN,
    ),
    Cause.MONEY: _Card(
        Role.FINANCE, _NONE, "Operations wait for money", "They continue in turn when the money is there.",
        Stage.WAITING_FOR_FUNDS,
    ),
    Cause.TASKS: _Card(
        Role.OPERATOR, _NONE, "Tasks wait for a person", "They wait, and are reported as overdue.",
        Stage.AWAITING_MANUAL_TASK,
    ),
    Cause.ORPHANS: _Card(
        Role.SENIOR, _AWHILE, "Items at an upstream belong to nobody", "They stay, and cost what they cost there.",
        "an-orphan-appears",
    ),
}  # fmt: skip
"""The cards without incidents of their own."""


async def lasting(session: AsyncSession) -> list[Subject]:
    """Everything that lasts now, what costs money first, then the oldest first."""
    found = [
        _of_card(card, card.oldest)
        for card in await inbox_cards(session)
        if card.cause in CARDS and card.oldest is not None
    ]
    costly = col(Incident.kind).in_([kind for kind, known in KINDS.items() if known.costs])
    for which in (costly, ~costly):
        query = select(Incident).where(col(Incident.closed_at).is_(None), which).order_by(col(Incident.id)).limit(MOST)
        found += [_of_incident(row) for row in (await session.exec(query)).all()]
    return sorted(found, key=lambda one: (not one.costs, one.since))


def _of_card(card: InboxCard, oldest: datetime) -> Subject:
    known = CARDS[card.cause]
    where = ", ".join(f"{name} ({count})" for name, count in card.by_upstream.items() if name)
    return Subject(
        key=f"card {card.cause.value}",
        cause=card.cause,
        acts=known.acts,
        costs=card.cause is Cause.MONEY,
        title=known.title,
        said=f"{card.count}{f' at {where}' if where else ''}. {known.follows}",
        since=oldest,
        runbook=runbook(known.anchor),
        path=f"/?cause={card.cause.value}",
        patience=known.patience,
        entries=card.count,
    )


def _of_incident(row: Incident) -> Subject:
    known = KINDS[row.kind]
    return Subject(
        key=f"incident {row.id}",
        cause=known.cause,
        acts=known.acts,
        costs=known.costs,
        title=f"Incident {row.id}: {row.kind.value}",
        said=row.message,
        since=row.at,
        runbook=runbook(row.kind.value),
        path=f"/incidents/{row.id}",
    )
