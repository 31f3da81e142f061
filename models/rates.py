"""Exchange rates that the operator sets, each with its date. Nothing here guesses one."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_UP, Decimal

from pydantic import BaseModel, ConfigDict, Field

from models.money import Money

CENT = Decimal("0.01")
_CODE = r"^[A-Z]{3}$"


class ExchangeRate(BaseModel):
    """One unit of `from` is `rate` units of `to`, as of that date."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(alias="from", pattern=_CODE)
    target: str = Field(alias="to", pattern=_CODE)
    rate: Decimal = Field(gt=0, allow_inf_nan=False)
    day: date = Field(alias="date")

    def of(self, money: Money) -> Money:
        """The amount in the other currency. A part of a cent counts as a whole one: too little would overdraw."""
        return Money(amount=(money.amount * self.rate).quantize(CENT, ROUND_UP), currency=self.target)

    def __str__(self) -> str:
        return f"1 {self.source} = {self.rate:f} {self.target} of {self.day.isoformat()}"


@dataclass(frozen=True)
class Rates:
    """All rates of the settings. A rate serves in its own direction only."""

    rates: tuple[ExchangeRate, ...] = ()

    def find(self, source: str, target: str, today: date) -> ExchangeRate | None:
        """The latest one that is not of a day to come."""
        fitting = [rate for rate in self.rates if (rate.source, rate.target) == (source, target) and rate.day <= today]
        return max(fitting, key=lambda rate: rate.day, default=None)


NO_RATES = Rates()
