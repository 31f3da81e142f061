"""Days and times as callers write them. Read in one way only: a number of seconds, say, is no date."""

import re
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def check_day(value: object) -> object:
    """Raises ValueError."""
    if value is None or isinstance(value, date):
        return value
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"there is no such day: {error}; write it like 2026-03-31") from error
    raise ValueError("is not a day; write it like 2026-03-31")


def check_moment(value: object) -> object:
    """Raises ValueError."""
    if value is None or isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and _MOMENT.fullmatch(value):
            return datetime.fromisoformat(value.upper())
    except ValueError as error:
        raise ValueError(f"there is no such time: {error}; write it like 2026-03-01T00:00:00Z") from error
    raise ValueError("is not a time with its zone; write it like 2026-03-01T00:00:00Z (in an address, + is %2B)")


def in_utc(moment: datetime) -> datetime:
    """Raises ValueError where nothing could be reckoned with it: at either end of the calendar."""
    if not 1 < moment.year < 9999:
        raise ValueError("is not within the years 2 to 9998; write it like 2026-03-01T00:00:00Z")
    return moment.astimezone(UTC)


Day = Annotated[date, BeforeValidator(check_day)]
"""`2026-03-31`."""
Moment = Annotated[datetime, BeforeValidator(check_moment), AfterValidator(in_utc)]
"""RFC 3339 with a time zone; read as UTC."""
