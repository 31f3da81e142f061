"""Errors in what a caller requests. Each contains what the caller needs to correct it."""

from models.numbers import HIGHEST_NUMBER
from models.periods import period_in_words


class InvalidField(Exception):
    """A field of the request is wrong. `field` is its path (`addons.ram`), `message` says what would be right."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class KeyReused(Exception):
    """An idempotency key was used again with another body. `what` it was used for; `new` is what needs another key."""

    def __init__(self, key: str, what: str, new: str) -> None:
        super().__init__(f"Idempotency-Key {key!r} was used for {what} with another body; {new} needs a new key")
        self.key = key


class OrderKeyReused(KeyReused):
    """The key made an operation."""

    def __init__(self, key: str, operation: int) -> None:
        super().__init__(key, f"operation {operation}", "a new order")
        self.operation = operation


class NotFound(Exception):
    """It does not exist. `what` is the kind ("service"), `number` the number or name that was given."""

    def __init__(self, what: str, number: int | str) -> None:
        super().__init__(f"there is no {what} {number}")
        self.what = what
        self.number = number


class Refused(Exception):
    """The request cannot be carried out in the present state; the message says why. Nothing was changed."""


class NotTheirs(Refused):
    """Somebody else has to decide this. Nothing was changed."""


class EventsGone(Exception):
    """What comes after a cursor of the list of events is not known any more; `why` says what happened."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"{why}, so some may be missing. Compare with GET /v1/services and GET /v1/operations, and begin anew "
            "without the cursor, from the oldest event that is kept"
        )


class NoMapping(NotFound):
    """The catalogue no longer says what the plan of a service is at its upstream."""

    def __init__(self, service: int, months: int) -> None:
        super().__init__(
            "mapping of the plan of service",
            f"{service} for {period_in_words(months)}; put it back with `resell setup`",
        )


class ByHand(Exception):
    """No upstream carries out the operations of this service: its processing module is manual."""


def existing(what: str, number: int) -> int:
    """The number, if a row could have it. Raises NotFound: no database need be asked for number 0 or 10**30."""
    if not 0 < number <= HIGHEST_NUMBER:
        raise NotFound(what, number)
    return number
