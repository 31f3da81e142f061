"""Tables of record: who did what, and which installation this is."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from models.columns import empty_dict, json_column, utc_column, utc_now


class AuditEntry(SQLModel, table=True):
    """A change of state and who made it; written in the same transaction as the change."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        sa.Index("audit_entry_of_subject", "subject", "subject_number", "id"),
        sa.Index("audit_entry_by_actor", "actor", "id"),
        sa.Index("audit_entry_by_action", "action", "id"),
        sa.Index("audit_entry_by_time", "at", "id"),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    actor: str = Field(max_length=64)
    action: str = Field(max_length=64)
    subject: str = Field(max_length=32)
    subject_number: int
    changes: dict[str, list[str]] = Field(default_factory=empty_dict, sa_column=json_column())
    """Field -> [before, after], as text; where values were changed."""
    detail: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())


class Installation(SQLModel, table=True):
    """This database's own tag. It is part of every mark, so that a second installation (or this one, set up anew from
    nothing) on the same upstream account never takes the other's services for its own. `resell restored` changes it."""

    __tablename__ = "installation"

    id: int = Field(default=1, primary_key=True)
    tag: str = Field(max_length=16)
    held_because: str | None = None
    """Set: nothing is accepted or sent, in words for the operator. See orders.restoration."""
    last_position: int = 0
    """The highest position that was given to a message; see orders.webhooks.fanout."""
    positions_removed: int = 0
    """Messages up to this position may have been removed by age."""
    created_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())


class Restoration(SQLModel, table=True):
    """One run of `resell restored`: from which tag on the numbers of services were given twice, or never were."""

    __tablename__ = "restoration"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int = Field(default=None, primary_key=True)
    at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    actor: str = Field(max_length=64)
    former_tag: str = Field(max_length=16)
    """The tag in marks of services that were ordered before."""
    last_known: int
    """The highest number of a service in the restored database, and …"""
    last_lost: int
    """… the highest that was seen anywhere: services between the two are lost."""
    next_numbers: dict[str, int] | None = Field(default=None, sa_column=json_column(nullable=True))
    """The first numbers given afterwards, by table. Not set by releases before migration 0034."""
