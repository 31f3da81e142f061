"""What a run of the soak is asked to do."""

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class DatabaseKind(StrEnum):
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    """A server of the run's own, from the machine's programs: it is killed and started again, too."""


class Story(StrEnum):
    """A run with one particular outage instead of random ones."""

    STORES_AWAY = "stores-away"
    """Temporal, then the database, are away during 100 orders."""
    UPSTREAM_AWAY = "upstream-away"
    """The upstream is away with 100 operations under way."""


class Options(BaseModel):
    model_config = ConfigDict(frozen=True)

    seed: int = 1
    minutes: float = 10.0
    """How long operations are asked for and things break. The quiet time and the audit come after that."""
    database: DatabaseKind = DatabaseKind.SQLITE
    rate: float = 5.0
    """Requests a second that storefronts try to make, all together."""
    story: Story | None = None
    away: float = 0.0
    """Seconds of an outage of the story; 0: what its name promises (30 or 60)."""
    orders: int = 100
    """How many the story has under way."""
    patience: float = 240.0
    """Seconds of quiet after which what has not ended must wait for a person."""
    directory: Path | None = None
    """Where data and logs are kept; None: they are removed."""
