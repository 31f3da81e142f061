"""The table of quotes: what an order was said to cost, until when, and what exactly was asked for."""

from datetime import datetime
from decimal import Decimal

from sqlmodel import Field, SQLModel

from models.columns import amount_column, enum_column, utc_column, utc_now
from models.enums import OperationKind
from models.money import Money


class StoredQuote(SQLModel, table=True):
    """One quote. An order that names it costs no more at the upstream than it says, or a person decides, and it is sold
    for what the quote says."""

    __tablename__ = "quote"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=40)
    """What callers see."""
    owner: str | None = Field(default=None, max_length=64)
    """The storefront that asked for it; None: the operators."""
    kind: OperationKind = Field(sa_column=enum_column(OperationKind))
    body_hash: str = Field(max_length=64)
    """Hash of what was asked for, without limit, reference and metadata."""
    selling_amount: Decimal | None = Field(default=None, sa_column=amount_column(nullable=True))
    selling_currency: str | None = Field(default=None, max_length=3)
    cost_amount: Decimal | None = Field(default=None, sa_column=amount_column(nullable=True))
    cost_currency: str | None = Field(default=None, max_length=3)
    """The most that the order may cost. None: it was not known."""
    created_at: datetime = Field(default_factory=utc_now, sa_column=utc_column())
    valid_until: datetime = Field(sa_column=utc_column())

    @property
    def selling(self) -> Money | None:
        if self.selling_amount is None or self.selling_currency is None:
            return None
        return Money(amount=self.selling_amount, currency=self.selling_currency)

    @property
    def cost(self) -> Money | None:
        if self.cost_amount is None or self.cost_currency is None:
            return None
        return Money(amount=self.cost_amount, currency=self.cost_currency)
