"""The table of incidents: what must not happen and has happened, or may have. People look until it is explained."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from models.columns import empty_dict, enum_column, json_column, utc_column, utc_now
from models.enums import IncidentKind

_OPEN = "closed_at IS NULL"
_CLOSED = "closed_at IS NOT NULL"


class Incident(SQLModel, table=True):
    """One incident; the same one is written down once (`fingerprint`), however often it is met."""

    __tablename__ = "incident"
    __table_args__ = (
        sa.Index("incident_open", "id", sqlite_where=sa.text(_OPEN), postgresql_where=sa.text(_OPEN)),
        sa.Index("incident_closed", "id", sqlite_where=sa.text(_CLOSED), postgresql_where=sa.text(_CLOSED)),
        sa.Index("incident_by_kind", "kind", "id"),
        sa.Index("incident_condition", "condition", unique=True),
        sa.Index("incident_of_service", "service_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    kind: IncidentKind = Field(sa_column=enum_column(IncidentKind))
    condition: str | None = Field(default=None, max_length=255)
    """What lasts, where the incident is about something that lasts and is closed automatically when it is over. None:
    it is about something that happened, or what lasted is over."""
    fingerprint: str = Field(unique=True, max_length=255)
    account_id: int | None = Field(default=None, foreign_key="upstream_account.id", index=True)
    service_id: int | None = Field(default=None, foreign_key="service.id")
    operation_id: int | None = Field(default=None, foreign_key="operation.id", index=True)
    message: str
    """What happened and what a person should do, in plain words."""
    detail: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    updated_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """When its message last changed; None: it never did."""
    closed_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    closed_by: str = Field(default="", max_length=64)
    closing_note: str = ""
