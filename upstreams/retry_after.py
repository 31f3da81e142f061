"""The header `Retry-After`, from whoever answers: an upstream or the receiver of a webhook. Pure: no I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_TEXT = 64
"""Characters. A date has 29; anything longer has no meaning."""
_SECONDS = re.compile(r"[0-9]{1,64}", re.ASCII)
_MOST_SECONDS = 999_999_999.0
"""Thirty years: more is the same to everybody."""


def retry_after(value: str, now: datetime) -> float:
    """Seconds from `now` on, by a number of seconds or a date; 0 for what is neither, or is over. Raises nothing.

    A receiver may name a year far away: whoever uses it sets the bound.
    """
    return seconds_asked(value, now) or 0.0


def seconds_asked(value: str, now: datetime) -> float | None:
    """The same; None for what is neither a number nor a date."""
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), _MOST_SECONDS)
    date = moment(text)
    try:
        return None if date is None else max(0.0, (date - now).total_seconds())
    except OverflowError:
        return None


def moment(text: str) -> datetime | None:
    """The moment that an HTTP date names; None if it is none."""
    if len(text) > _LONGEST_TEXT:
        return None
    try:
        date = parsedate_to_datetime(text)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date
    except (ValueError, TypeError, OverflowError):
        return None


@dataclass(frozen=True)
class Wait:
    words: str
    """What the upstream answered, to follow the call's label."""
    seconds: float | None
    """None: it named no time that can be read."""


def asked_to_wait(status: int, headers: Mapping[str, str]) -> Wait | None:
    """None: it does not ask for it. `Retry-After` of an answer that is no error is of something else."""
    value = headers.get("retry-after", "").strip()
    if status != 429 and not (value and 400 <= status < 600):
        return None
    return Wait(f"the upstream asks to be left alone (HTTP status {status})", _seconds(value, headers.get("date", "")))


def _seconds(value: str, date: str) -> float | None:
    """A date is measured by the clock that made it: the answer's own date, where it has one."""
    return seconds_asked(value, moment(date) or datetime.now(UTC))
