"""The numbers that the database gives, as the sweep reports them to Temporal: by them an older database is noticed."""

from typing import Any

from temporalio import activity

from models.database import Database
from models.messages import SweepInput
from models.outages import Outage
from orders.lifecycle.sweep import SweepLook
from orders.restoration import numbers

NUMBERS = "numbers"
"""Key of the heartbeat's details."""


class NumberWatch:
    """The highest numbers that any sweep has seen. Whoever beats reports `known`, so it never goes back."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._said = False
        self.known: dict[str, int] = {}

    def begin(self, sweep: SweepInput) -> None:
        """Take over what the lap and the attempt before have reported."""
        before: list[Any] = [one for one in activity.info().heartbeat_details if isinstance(one, dict)]
        self.known = numbers.highest(self.known, sweep.numbers, *(one.get(NUMBERS, {}) for one in before))

    async def is_held(self, look: SweepLook) -> bool:
        """Compare, and note what was given since. True: nothing may be started until `resell restored` has run."""
        if numbers.beyond(self.known, look.given) and await numbers.hold_if_lost(
            self._database, self.known, "the sweep has seen"
        ):
            return True  # the next look says why
        because = look.held_because
        if because is None:
            self.known = numbers.highest(self.known, look.given)
        elif not self._said:
            activity.logger.error("%s (%s)", Outage.HELD.words, because)
        self._said = because is not None
        return self._said
