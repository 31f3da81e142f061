"""What an upstream says to a question about a price, and to a request: yes, or that it has yet to be paid."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field

from models.enums import UnpaidKind
from models.money import Money


class Value(BaseModel):
    """One answer, or a part of it."""

    model_config = ConfigDict(frozen=True)


class Quote(Value):
    """What the upstream says that something costs."""

    price: Money | None
    """In the account's currency. None: it shows no price there, or one that can't be read in one way (`unreadable`)."""
    unreadable: str = ""
    """What was shown and could not be taken for the price, in words; empty where it was read or none was shown."""
    foreign: Money | None = None
    """The price as shown, where it is in another currency than the account's: `unreadable` says so too, for those who
    can't convert it."""
    missing: str = ""
    """What the upstream itself lacks for a price, in its words; empty where it shows one or gives no reason."""

    held_as: str = ""
    """The name under which the upstream holds this price for us, if it does: a request that names it is charged no
    more."""
    held_until: datetime | None = None
    """Until when a request may name it, aware UTC."""

    @property
    def shown(self) -> Money | None:
        """The price in whatever currency."""
        return self.price or self.foreign


class OnSale(Value):
    """What an upstream sells of one product type at the moment."""

    tariffs: frozenset[str] | None
    """Tariffs that can be ordered. None: the answer does not show them in a way that can be read."""
    withheld: dict[str, str] = Field(default_factory=dict)
    """Tariffs that are shown and can't be ordered -> why, in words."""
    locations: frozenset[str] = frozenset()
    """Where its services can be had. Empty: the answer names no place."""
    location_refused: bool = False
    """The place that was asked about takes no orders."""


class News(Value):
    """What an upstream says has changed since the last time it was asked. Only which items is believed."""

    numbers: tuple[str, ...]
    """Each once."""
    cursor: str
    """To be kept, and handed over the next time."""
    more: bool = False
    """There is more by now."""
    begins_anew: bool = False
    """What happened before this cursor is not known: it is the first one, or the one of before was refused."""


class Unpaid(Value):
    """What the upstream made of a request that it did not charge: something that has yet to be paid.

    Nothing was charged and nothing was done. `number` is empty where the answer only led to the cart: then the row has
    to be found there.
    """

    kind: UnpaidKind
    number: str = ""


class OrderAccepted(Value):
    """The upstream said yes. Some answers carry no number; then the item has to be found by its mark."""

    upstream_number: str | None
    """The item's. None also where the answer has only the number of something to be paid: that is never the item's."""
    unpaid: Unpaid | None = None


class ProlongQuote(Quote):
    """What the renewal form shows for one period. None where it does not say it, or not for that period.

    The price is what is charged for the period (assumed: the form's fields are known, one for the price is not).
    """

    expires_on: date | None
    """The expiry now, as the form shows it."""
    new_expires_on: date | None
    """The expiry if it is prolonged by that period (seen in code)."""
    periods: tuple[int, ...]
    """Periods that the form offers, in the upstream's months, ascending; empty where it offers no choice."""


class ProlongAccepted(Value):
    """The upstream said yes."""

    new_expires_on: date | None
    """The new expiry in the answer. None: the answer has none; read the item's form."""
    unpaid: Unpaid | None = None
    """An order (or cart row) that has yet to be paid: then nothing was charged and the expiry stays."""


class PlanChangeQuote(Quote):
    """What changing the tariff would cost, from the reading steps of the upstream's wizard.

    The price is what is charged now, in part for the time left (assumed); negative: money comes back. None: not
    readable, or the tariff is not among those offered.
    """

    new_expires_on: date | None
    """The expiry after the change, which may move (seen in code)."""
    tariffs: tuple[str, ...]
    """Tariffs that this item may be changed to now; empty where the upstream names none."""


class PlanChangeAccepted(Value):
    """The upstream said yes."""

    new_expires_on: date | None = None
    unpaid: Unpaid | None = None
    """An order (or cart row) that has yet to be paid before the change is made."""


class ParametersAccepted(Value):
    """The upstream said yes."""

    unpaid: Unpaid | None = None
    """An order (or cart row) for the extra cost, to be paid before the change is made (seen in code).
    None: nothing to pay, or charged at once."""
