"""Tables of the notifications: what each channel has reported, and how each channel is. docs/notifications.md."""

from datetime import date, datetime

from sqlmodel import Field, SQLModel

from models.columns import utc_column, utc_now


class Notification(SQLModel, table=True):
    """Something that lasts, and that a channel has reported. The row goes when the channel has reported its end."""

    __tablename__ = "notification"

    channel: str = Field(primary_key=True, max_length=64)
    subject: str = Field(primary_key=True, max_length=64)
    """`incident 12`, or `card decide`: all operations of one card of the inbox."""
    title: str = Field(max_length=255)
    """What it was called, for the message that says that it is over."""
    told: str
    """What was said last."""
    entries: int = 1
    """How many a card had when it was said; fewer, if there were fewer since."""
    since: datetime = Field(sa_column=utc_column())
    told_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())


class NotificationChannel(SQLModel, table=True):
    """How a channel is."""

    __tablename__ = "notification_channel"

    name: str = Field(primary_key=True, max_length=64)
    busy_until: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """A process sends through it until then, at the longest."""
    failing_since: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    failures: int = 0
    """In a row."""
    last_error: str = ""
    next_try_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    last_sent_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    digest_of: date | None = None
    """The day of the last digest, in the channel's time zone."""
    last_failed_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    last_failure: str | None = None
    """Why; it stays when later ones go through."""
    rules: str | None = None
    """What it is for, as the worker read it from the file (JSON, `orders.notifications.watching.Rules`)."""
    trial_asked_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """A person wants a trial message; none when a worker has begun to send it."""
    trial_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """When the last trial ended."""
    trial_error: str | None = None
    """Why it was not sent."""
