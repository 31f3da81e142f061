"""What an upstream's lists of expenses and payments show, row by row, where they can be read."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date

from models.enums import RefundSource
from models.money import Money
from upstreams.answers import Value


class LedgerRow(Value):
    """A row of one of the lists. Empty where the upstream does not show a thing."""

    source: RefundSource
    """Which list: `expense` or `payment`. Of payments only those come that say that they are refunds."""
    number: str
    item: str = ""
    """The item that it is for."""
    text: str = ""
    """Its own words."""
    amount: Money | None
    """The sum with the sign that the list shows; a payment is above zero. None: it can't be read in one way only."""
    on: date | None = None
    """By the upstream's calendar."""


TakeLedger = Callable[[Sequence[LedgerRow]], Awaitable[None]]


class LedgerEnd(Value):
    """How reading ended."""

    complete: bool
    """Every expense of the days asked for was shown."""
    problems: tuple[str, ...] = ()
    """What could not be read, and why, in sentences for operators."""
