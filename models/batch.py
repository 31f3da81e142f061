"""Tables of what is decided about many operations at once."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from models.columns import empty_dict, enum_column, json_column, utc_column, utc_now
from models.enums import MemberState


class OperationBatch(SQLModel, table=True):
    """A preview, and the run that names it: an action, why, and the operations that it is about."""

    __tablename__ = "operation_batch"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int = Field(default=None, primary_key=True)
    actor: str = Field(max_length=64)
    action: str = Field(max_length=32)
    """A DecisionKind, or `assign`."""
    assignee: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": ""})
    """The person who gets the tasks; empty for other actions."""
    reason: str
    wanted: dict[str, object] = Field(default_factory=empty_dict, sa_column=json_column())
    """The filter, as it was asked."""
    created_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    begun_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))


class BatchMember(SQLModel, table=True):
    """One operation of a batch, as the preview saw it, and what became of it."""

    __tablename__ = "operation_batch_member"
    __table_args__ = (sa.UniqueConstraint("batch_id", "operation_id"), {"sqlite_autoincrement": True})

    id: int = Field(default=None, primary_key=True)
    batch_id: int = Field(foreign_key="operation_batch.id")
    operation_id: int = Field(foreign_key="operation.id")
    stage_since: datetime = Field(sa_column=utc_column())
    """Since when it was in its stage: if that is another time by now, it is not what was seen."""
    price: str = ""
    """The cost that it showed."""
    state: MemberState = Field(default=MemberState.PLANNED, sa_column=enum_column(MemberState))
    message: str = ""
    taken_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
