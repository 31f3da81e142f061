"""What waits at an upstream to be paid, and what was paid, where an upstream has such a cart."""

from datetime import date

from models.money import Money
from upstreams.answers import Unpaid, Value


class CartRow(Value):
    """One row of what waits to be paid. Empty where the upstream does not show a thing."""

    number: str = ""
    """The row's own."""
    order: str = ""
    """The order that it is in and is paid with."""
    item: str = ""
    """The item that it is about; what stands there is to be checked against the item's form."""
    product_type: str = ""
    name: str = ""
    amount: Money | None = None
    """None: it can't be read in one way only."""

    @property
    def label(self) -> str:
        """For people: number, item, name and sum."""
        return f"{self.title}: {self.amount or 'a sum that cannot be read'}"

    @property
    def title(self) -> str:
        """The same without the sum."""
        own = f"row {self.number}" if self.number and self.number != self.order else ""
        parts = [own, f"order {self.order}" if self.order else "", f"item {self.item}" if self.item else "", self.name]
        return ", ".join(part for part in parts if part)


class Cart(Value):
    """Everything of the account that waits to be paid."""

    rows: tuple[CartRow, ...]
    total: Money | None = None
    """What the upstream names as the sum of all; None where it names none, or in a way that can't be read."""
    unreadable: str = ""
    """What stands in the way of paying by what is shown here, in words: rows missing, a sum that can't be read."""


class Payment(Value):
    """The upstream said yes to a payment or a confirmation."""

    unpaid: Unpaid | None = None
    """It made an order of it, which has yet to be paid: then nothing was charged."""


class Expense(Value):
    """Something that the account was charged for."""

    number: str
    item: str = ""
    amount: Money | None = None
    on: date | None = None


class Expenses(Value):
    """What the account was charged for since a day, by the upstream's calendar."""

    entries: tuple[Expense, ...]
    complete: bool
