"""The table of the sweep: for each list of an account, when a sweep was asked for and what the last one found."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import utc_column, utc_now


class ListSweep(SQLModel, table=True):
    """The sweep of one list. It is due while `ended_at` is empty or earlier than `asked_at`."""

    __tablename__ = "list_sweep"

    account_id: int = Field(foreign_key="upstream_account.id", primary_key=True)
    product_type: str = Field(max_length=32, primary_key=True)
    asked_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    asked_by: str = Field(max_length=64)
    ended_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    seconds: float | None = None
    """How long the last one took: reading the list, comparing, writing down."""
    compared: int | None = None
    """Items of the last one."""
    missed: int | None = None
    """Changes that the last one has found and the poller should have seen. None: it has not ended, and found none."""
    unlisted: int | None = None
    """Our services that the list did not show; their forms were asked for."""
    missed_in_all: int = 0
