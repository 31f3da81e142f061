"""Tables of the people who log in at the console, of their sessions and of their filters. docs/console.md."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from models.columns import empty_dict, enum_column, json_column, utc_column, utc_now
from models.enums import Role


class Person(SQLModel, table=True):
    """Somebody who may log in. Disabled people stay for the record: the audit has their names."""

    __tablename__ = "person"
    __table_args__ = (sa.Index("person_subject", "subject", unique=True), {"sqlite_autoincrement": True})

    id: int = Field(default=None, primary_key=True)
    name: str = Field(max_length=64, unique=True)
    role: Role = Field(sa_column=enum_column(Role))
    """Never `storefront`: no page of the console is for a shop."""
    password_hash: str = Field(max_length=255)
    """Argon2id, with its parameters and salt, as argon2-cffi writes it; empty: no password, a provider vouches."""
    subject: str | None = Field(default=None, max_length=512)
    """Issuer and number of the person at an OpenID provider; None: no provider knows them."""
    department: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": ""})
    """The department whose tasks are this person's, as processing modules name it; empty: none."""
    language: str = Field(default="", max_length=16)
    """The language of the pages; empty: what the browser asks for."""
    time_zone: str = Field(default="", max_length=64)
    """IANA name; empty: UTC."""
    wrong_passwords: int = 0
    """In a row."""
    locked_until: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    created_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    created_by: str = Field(max_length=64)
    last_login_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    disabled_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    disabled_by: str = Field(default="", max_length=64)


class PersonSession(SQLModel, table=True):
    """A log-in that lasts. The secret is in the person's cookie alone; here is its SHA-256."""

    __tablename__ = "person_session"

    id: int = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True)
    digest: str = Field(max_length=64, unique=True)
    created_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    expires_at: datetime = Field(sa_column=utc_column(index=True))


class SavedFilter(SQLModel, table=True):
    """What a person wants the inbox to show, under a name of their own."""

    __tablename__ = "saved_filter"
    __table_args__ = (sa.UniqueConstraint("person_id", "name"),)

    id: int = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id")
    name: str = Field(max_length=64)
    wanted: dict[str, str] = Field(default_factory=empty_dict, sa_column=json_column())
    """Field of the inbox's address -> value."""
    created_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
