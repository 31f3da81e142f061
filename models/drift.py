"""The table of drift: where our record and the upstream say something else, and what a person decided about it."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from models.columns import enum_column, utc_column, utc_now
from models.enums import DriftKind, DriftState


class Drift(SQLModel, table=True):
    """One difference. There is one row for each item and kind."""

    __tablename__ = "drift"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "product_type", "item", "kind"),
        sa.Index("drift_by_state", "state", "id"),
        sa.Index("drift_by_kind", "kind", "id"),
        sa.Index("drift_of_service", "service_id", "id"),
        sa.Index("drift_of_service_by_state", "service_id", "state"),
        sa.Index("drift_of_list_by_state", "account_id", "product_type", "state", "kind"),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="upstream_account.id")
    product_type: str = Field(max_length=32)
    item: str = Field(max_length=64)
    kind: DriftKind = Field(sa_column=enum_column(DriftKind))
    service_id: int | None = Field(default=None, foreign_key="service.id")
    ours: str
    theirs: str
    state: DriftState = Field(default=DriftState.OPEN, sa_column=enum_column(DriftState))
    seen_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    """When these two values were seen for the first time."""
    decided_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    decided_by: str = Field(default="", max_length=64)
    reason: str = ""
