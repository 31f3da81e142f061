"""Whether an answer asks to be left alone, and for how long: status 429, or the header `Retry-After`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from upstreams.retry_after import moment, seconds_asked


@dataclass(frozen=True)
class Wait:
    words: str
    """What the upstream answered, to follow the call's label."""
    seconds: float | None
    """None: it named no time that can be read."""


def asked_to_wait(status: int, headers: Mapping[str, str]) -> Wait | None:
    """None: it does not ask for it. `Retry-After` of an answer that is no error is of something else."""
    told = headers.get("retry-after", "").strip()
    if status != 429 and not (told and 400 <= status < 600):
        return None
    return Wait(f"the upstream asks to be left alone (HTTP status {status})", _seconds(told, headers.get("date", "")))


def _seconds(told: str, date: str) -> float | None:
    """A date is measured by the clock that made it: the answer's own date, where it has one."""
    return seconds_asked(told, moment(date) or datetime.now(UTC))
