"""The panel's own clock, which can be moved."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from dateutil.relativedelta import relativedelta


class Clock:
    """Real time plus an offset."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset = offset

    def now(self) -> datetime:
        """The panel's time, in UTC."""
        return datetime.now(UTC) + self.offset

    def today(self) -> date:
        """The panel's date, in UTC."""
        return self.now().date()

    def advance(self, by: timedelta) -> None:
        """Move the clock, forwards or backwards."""
        self.offset += by

    def set(self, moment: datetime) -> None:
        """Make it ``moment`` now; time goes on from there."""
        self.offset = moment - datetime.now(UTC)


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or the last day of it."""
    return day + relativedelta(months=months)
