"""The table of beats: when the watch last looked, so that others notice that it does not."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import utc_column, utc_now


class Beat(SQLModel, table=True):
    """The last sign of life of one part of the installation."""

    __tablename__ = "beat"

    name: str = Field(primary_key=True, max_length=64)
    at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
