"""What people see of the channels, and the trial message that they ask for.

The addresses are secrets that the workers alone have. So a worker writes down what each channel is for, and sends the
trial messages that are asked for.
"""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.notifications import NotificationChannel
from orders import audit
from orders.errors import NotFound
from orders.notifications import posting, telling
from orders.notifications.channels import Channel, ChannelRules

TRIED = "notification_tried"
TITLE = "Resellflow: trial"
TRIAL = "A trial message of Resellflow: this channel works. Nothing has happened."


class Rules(ChannelRules):
    """What a channel is for, as people may see it."""

    service: str
    """`Telegram (tgram://…)`."""


class ChannelView(BaseModel):
    """A channel, and how it is."""

    model_config = ConfigDict(frozen=True)

    name: str
    rules: Rules | None
    """None: no worker of this version has read the file yet."""
    is_quiet: bool
    """Now, in its own time zone."""
    last_sent_at: datetime | None
    failing_since: datetime | None
    last_failed_at: datetime | None
    last_failure: str | None
    trial_asked_at: datetime | None
    """None: no trial waits for a worker."""
    trial_at: datetime | None
    trial_error: str | None


async def publish(session: AsyncSession, channels: Sequence[Channel], now: datetime) -> None:
    """Write down what each channel is for."""
    for channel in channels:
        state = await telling.known(session, channel, now)
        if state is not None:
            given = channel.model_dump(mode="json", exclude={"to"})
            state.rules = Rules.model_validate({**given, "service": posting.service_of(channel)}).model_dump_json()
            session.add(state)


async def list_channels(session: AsyncSession) -> list[ChannelView]:
    """By name."""
    query = select(NotificationChannel).order_by(col(NotificationChannel.name))
    return [_view(row) for row in (await session.exec(query)).all()]


async def find_channel(session: AsyncSession, name: str) -> ChannelView:
    """Raises NotFound."""
    row = await session.get(NotificationChannel, name)
    if row is None:
        raise NotFound("channel", name)
    return _view(row)


def _view(row: NotificationChannel) -> ChannelView:
    rules = None if row.rules is None else Rules.model_validate_json(row.rules)
    return ChannelView(
        name=row.name,
        rules=rules,
        is_quiet=rules is not None and rules.is_quiet(utc_now()),
        last_sent_at=row.last_sent_at,
        failing_since=row.failing_since,
        last_failed_at=row.last_failed_at,
        last_failure=row.last_failure,
        trial_asked_at=row.trial_asked_at,
        trial_at=row.trial_at,
        trial_error=row.trial_error,
    )


async def ask_for_trial(session: AsyncSession, name: str, *, actor: str) -> None:
    """A worker sends it with its next look, in quiet hours, too. Raises NotFound."""
    row = await session.get(NotificationChannel, name)
    if row is None:
        raise NotFound("channel", name)
    row.trial_asked_at = utc_now()
    session.add(row)
    audit.record(session, "notification_channel", None, TRIED, by=actor, facts={"channel": name})


async def take_trial(session: AsyncSession, channel: Channel) -> bool:
    """True: a trial is wanted, and this process sends it. No other does."""
    taken = await session.exec(
        update(NotificationChannel)
        .where(col(NotificationChannel.name) == channel.name, col(NotificationChannel.trial_asked_at).is_not(None))
        .values(trial_asked_at=None)
        .returning(col(NotificationChannel.name))
    )
    return taken.first() is not None


async def note_trial(session: AsyncSession, channel: Channel, error: str | None, now: datetime) -> None:
    state = await session.get_one(NotificationChannel, channel.name)
    state.trial_at, state.trial_error = now, None if error is None else error[: telling.LONGEST_ERROR]
    session.add(state)
