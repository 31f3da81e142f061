"""The circuit breakers of an upstream account, as its row has them."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, ValidationError

ACCOUNT = "account"
"""The name of the breaker of the whole account."""


class CircuitState(StrEnum):
    CLOSED = "closed"
    """Requests go."""
    OPEN = "open"
    """Nothing goes before the next try."""
    HALF_OPEN = "half_open"
    """One request is under way to try it."""


class CircuitNote(BaseModel):
    """One breaker at a moment."""

    model_config = ConfigDict(frozen=True)

    state: CircuitState
    since: datetime
    """When it opened (aware UTC)."""
    why: str
    """What came instead of the last answer."""
    next_try: datetime


def read_notes(stored: Mapping[str, object]) -> dict[str, CircuitNote]:
    """By name, those that are not closed. What this version can't read is left out."""
    notes = {}
    for name, one in stored.items():
        try:
            notes[name] = CircuitNote.model_validate(one)
        except ValidationError:
            continue
    return notes
