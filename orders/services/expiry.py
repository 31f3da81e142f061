"""Dates on which services end: what is plausible, and what some months later is. Pure: no I/O."""

import calendar
from datetime import date

from dateutil.relativedelta import relativedelta

from models.columns import utc_now
from orders.errors import InvalidField

EARLIEST = date(2000, 1, 1)
YEARS_AHEAD = 30
"""Nobody sells a longer term; an upstream that means "for ever" may show the year 2099 or 9999."""


def why_implausible(expires_on: date, today: date | None = None) -> str:
    """Why no service ends then, in words that follow the date; empty where one may."""
    if expires_on < EARLIEST:
        return f"is before {EARLIEST.year}"
    if expires_on > (today or utc_now().date()) + relativedelta(years=YEARS_AHEAD):
        return f"is more than {YEARS_AHEAD} years ahead"
    return ""


def is_implausible(expires_on: date) -> bool:
    return bool(why_implausible(expires_on))


def check_expiry(field: str, expires_on: date | None) -> None:
    """Raises InvalidField for a date that somebody has entered and no service ends on."""
    if expires_on is not None and (why := why_implausible(expires_on)):
        raise InvalidField(field, f"{expires_on} {why}; nothing ends then")


def months_later(day: date, months: int, anchor_day: int | None = None) -> date:
    """The date these months later, on the anchor day, or on the month's last day if it has no such day: one month after
    28 February is 31 March if the term began on a 31st."""
    later = day + relativedelta(months=months)
    if anchor_day is None or not on_anchor(day, anchor_day):
        return later
    return later.replace(day=min(anchor_day, _last_day(later)))


def anchor_after(anchor_day: int | None, expires_on: date) -> int:
    """The anchor day of a service that ends then: the one that it had, unless the date belongs to another one."""
    return anchor_day if anchor_day is not None and on_anchor(expires_on, anchor_day) else expires_on.day


def on_anchor(day: date, anchor_day: int) -> bool:
    """The day is the anchor day, or stands for it in a month that has none."""
    return day.day == min(anchor_day, _last_day(day))


def _last_day(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]
