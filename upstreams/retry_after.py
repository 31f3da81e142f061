"""The header `Retry-After`, from whoever answers: an upstream or the receiver of a webhook. Pure: no I/O."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_TEXT = 64
"""Characters. A date has 29; whatever is longer tells nothing."""
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


def retry_after(told: str, now: datetime) -> float:
    """Seconds from `now` on, by a number of seconds or a date; 0 for what is neither, or is over. Raises nothing.

    A receiver may name a year far away: whoever uses it sets the bound.
    """
    text = told.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    if len(text) > _LONGEST_TEXT:
        return 0.0
    try:
        date = parsedate_to_datetime(text)
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date
        return max(0.0, (date - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0
