"""Money: an exact amount with its currency. Amounts of two currencies never mix."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met in one sum or comparison."""


def _exact(amount: object) -> object:
    """Raises ValueError for a number that is not written exactly."""
    if isinstance(amount, (float, bool)):
        raise ValueError('is a text, like "6.50": a number with a decimal point is not exact')
    return amount


class Money(BaseModel):
    """`amount` is exact (never a float); `currency` is an ISO 4217 code in capitals."""

    model_config = ConfigDict(frozen=True)

    amount: Annotated[
        Decimal,
        BeforeValidator(_exact),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]}, mode="validation"),
    ] = Field(allow_inf_nan=False)
    currency: str = Field(pattern=r"^[A-Z]{3}$")

    @classmethod
    def of(cls, amount: Decimal | str | int, currency: str) -> Self:
        return cls(amount=Decimal(amount), currency=currency)

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(amount=Decimal(0), currency=currency)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read our own notation, `7.90 EUR`. (What an upstream writes is read by its adapter.)

        Raises ValueError with what would be right.
        """
        amount, _, currency = text.strip().partition(" ")
        try:
            return cls(amount=Decimal(amount), currency=currency.strip())
        except (InvalidOperation, ValueError) as error:
            raise ValueError(f"{text!r} is not an amount of money; write it like '7.90 EUR'") from error

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self} and {other} are of different currencies")

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(amount=self.amount + other.amount, currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(amount=self.amount - other.amount, currency=self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._same(other)
        return self.amount < other.amount

    def __le__(self, other: "Money") -> bool:
        self._same(other)
        return self.amount <= other.amount

    def __str__(self) -> str:
        """At least two decimals, and all that there are: what people read is what is compared."""
        exact = f"{self.amount.normalize():f}"
        decimals = len(exact.partition(".")[2])
        return f"{exact if decimals > 2 else f'{self.amount:.2f}'} {self.currency}"
