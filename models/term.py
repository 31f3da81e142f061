"""The table of terms: what has been said and done about the end of a term, so that it is said and done once."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from models.columns import utc_column, utc_now


class Term(SQLModel, table=True):
    """A term of a service, from the first word about its end on. See docs/renewals.md."""

    __tablename__ = "term"
    __table_args__ = (sa.Index("term_by_end", "ends_on"),)

    service_id: int = Field(foreign_key="service.id", primary_key=True)
    ends_on: date = Field(primary_key=True)
    noticed_days: int | None = None
    """The latest notice that its storefront has been sent: the number of days before the end."""
    announced_on: date | None = None
    """The day on which our renewal was announced to its storefront."""
    operation_id: int | None = Field(default=None, foreign_key="operation.id")
    """The prolongation that we asked for."""
    failed_on: date | None = None
    """The latest day on which it was reported that the renewal has failed so far."""
    closing_id: int | None = Field(default=None, foreign_key="operation.id")
    """The operation that closes the service at this end."""
    created_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
