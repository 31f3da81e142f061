"""The table of refunds: what an upstream paid back, as its lists of expenses and payments show it."""

from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from models.columns import amount_column, enum_column, utc_column, utc_now
from models.enums import RefundSource, RefundState
from models.money import Money


class Refund(SQLModel, table=True):
    """One sum that came back. The same row of an upstream's list is written down once."""

    __tablename__ = "refund"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "source", "row"),
        sa.Index("refund_by_state", "state", "id"),
        sa.Index("refund_of_service", "service_id", "id"),
        sa.Index("refund_of_operation", "operation_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: int = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="upstream_account.id")
    source: RefundSource = Field(sa_column=enum_column(RefundSource))
    row: str = Field(max_length=128)
    """Identity of what shows it: the number of the row, or our operation and the lower sum that its expense shows."""
    item: str = Field(default="", max_length=64)
    """Number of the item that the row names; empty: it names none."""
    text: str = Field(default="", max_length=255)
    """The row's own words."""
    amount: Decimal = Field(sa_column=amount_column())
    """Above zero."""
    currency: str = Field(max_length=3)
    """The upstream's; nothing is converted."""
    on_day: date | None = None
    """By the upstream's calendar."""
    state: RefundState = Field(default=RefundState.OPEN, sa_column=enum_column(RefundState))
    service_id: int | None = Field(default=None, foreign_key="service.id")
    operation_id: int | None = Field(default=None, foreign_key="operation.id")
    why: str = ""
    """Why it belongs to this operation, or to none for certain, in words."""
    seen_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    decided_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    decided_by: str = Field(default="", max_length=64)
    reason: str = ""

    @property
    def money(self) -> Money:
        return Money(amount=self.amount, currency=self.currency)
