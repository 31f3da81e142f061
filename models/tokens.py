"""Table of the tokens that were made by `resell tokens add`. The tokens themselves are nowhere: only their digests."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import enum_column, utc_column, utc_now
from models.enums import Role


class ApiToken(SQLModel, table=True):
    """A bearer token of the API. Several of one name and role are one caller; revoked ones stay for the record."""

    __tablename__ = "api_token"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int = Field(default=None, primary_key=True)
    name: str = Field(max_length=64, index=True)
    role: Role = Field(sa_column=enum_column(Role))
    digest: str = Field(max_length=64, unique=True)
    """`orders.access.tokens.digest_of` of the token."""
    created_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    created_by: str = Field(max_length=64)
    last_used_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """To the minute, roughly; None: never."""
    revoked_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    revoked_by: str = Field(default="", max_length=64)
