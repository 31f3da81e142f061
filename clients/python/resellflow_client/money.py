"""What a sum of money can do besides."""

from decimal import Decimal

from pydantic import BaseModel


class Sum(BaseModel):
    """`str` of it is like "5.00 EUR"."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
