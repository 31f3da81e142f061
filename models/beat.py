"""The table of beats: when the watch last looked, and when the database was last saved, so that others notice that this
does not happen any more."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlmodel import Field, SQLModel

from models.columns import utc_column, utc_now


class Beat(SQLModel, table=True):
    """The last sign of life of one part of the installation."""

    __tablename__ = "beat"

    name: str = Field(primary_key=True, max_length=64)
    at: datetime = Field(default_factory=utc_now, sa_column=utc_column())


BACKUP: Final = "backup_"
"""The beat of a backup is named so and its kind."""


class BackupKind(StrEnum):
    """deploy/backup/backup.sh writes the first three, with SQL of its own."""

    BASE = "base"
    """A copy of the whole server."""
    DUMP = "dump"
    """This database alone."""
    CHECK = "check"
    """The newest copy was restored and looked at."""
    COPY = "copy"
    """A copy of a SQLite file."""
