"""The table of what an upstream sells: whether each tariff that we map could be had when its price list was read."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import enum_column, utc_column, utc_now
from models.enums import Availability, AvailabilityCause


class TariffState(SQLModel, table=True):
    """One tariff at one place of an account."""

    __tablename__ = "tariff_state"

    account_id: int = Field(foreign_key="upstream_account.id", primary_key=True)
    product_type: str = Field(max_length=32, primary_key=True)
    tariff: str = Field(primary_key=True)
    location: str = Field(default="", primary_key=True)
    """Empty: the mapping names no place."""
    status: Availability = Field(default=Availability.UNKNOWN, sa_column=enum_column(Availability))
    cause: AvailabilityCause | None = Field(default=None, sa_column=enum_column(AvailabilityCause, nullable=True))
    reason: str = ""
    """What the upstream shows, in words for operators."""
    since: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    """Since when status and cause are what they are."""
    checked_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """When the price list was last read. None: it is to be read as soon as possible."""
    refused_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    """When an order of it was last refused because of what the catalogue says of it."""
