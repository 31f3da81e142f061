"""Tables of what Temporal does not get: decisions that an order has yet to act upon, and reasons in full."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import json_column, utc_column, utc_now


class PendingDecision(SQLModel, table=True):
    """What API or command line wrote down before it notified the workflow, which hears the `word` and nothing else.

    It goes when it is acted upon: from then on the audit has it. What nobody acted upon goes by age.
    """

    __tablename__ = "pending_decision"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int = Field(default=None, primary_key=True)
    word: str = Field(unique=True, max_length=64)
    """Made at random: whoever can't read this table can't name another's decision."""
    operation_id: int = Field(foreign_key="operation.id", index=True)
    kind: str = Field(max_length=32)
    """A DecisionKind, or `complete_task`."""
    said: dict[str, object] = Field(sa_column=json_column())
    """The Decision or the TaskCompletion."""
    role: str = Field(max_length=32)
    """Role of the person who decided: it is judged once more when the decision is acted upon."""
    name: str = Field(max_length=64)
    at: datetime = Field(default_factory=utc_now, sa_column=utc_column())


class WholeReason(SQLModel, table=True):
    """A reason of which a workflow got less: without names and addresses of customers."""

    __tablename__ = "whole_reason"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int = Field(default=None, primary_key=True)
    operation_id: int = Field(foreign_key="operation.id", index=True)
    told: str
    whole: str
    at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
