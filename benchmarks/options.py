"""Options of a run."""

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict

SQLITE = "sqlite"


class PlacedThrough(StrEnum):
    """How orders are placed."""

    STARTER = "starter"
    API = "api"


class TemporalStore(StrEnum):
    """Where the Temporal dev server keeps its state."""

    FILE = "file"
    MEMORY = "memory"


class Options(BaseModel):
    """Durations in seconds unless named otherwise. A phase of zero length is left out, and null in the report."""

    model_config = ConfigDict(frozen=True)

    orders: int = 200
    concurrency: tuple[int, ...] = (50,)
    """Orders under way at once: the next is placed when one has ended. One load for each."""
    warm_up: int = 10
    """Orders (and bare workflows) before the measured ones."""
    round_trip_ms: float = 50.0
    """Round trip of each request to the upstream."""
    opening_delay: float = 1.0
    """From the upstream's yes to its item being active."""
    existing: int = 0
    """Services on a second account, none of ours: how it is taken in, and what orders there cost."""
    workers: tuple[str, ...] = ("",)
    """The roles of each worker process; empty: all of them."""
    through: PlacedThrough = PlacedThrough.STARTER
    database: str = SQLITE
    """`sqlite`, or the address of a PostgreSQL server on which a database is made for the run, and dropped."""
    temporal_store: TemporalStore = TemporalStore.FILE
    temporal: str = ""
    """Address of a Temporal server that runs, instead of a dev server of the run's own."""
    temporal_namespace: str = "default"
    """One in which nothing was run yet, with our search attributes."""
    temporal_pid: int | None = None
    """Process of that server, if its CPU is to be counted."""
    postgresql_pid: int | None = None
    """First process of the PostgreSQL server; its CPU is counted with that of all its processes."""
    idle_seconds: float = 60.0
    waiting_orders: int = 10
    waiting_seconds: float = 30.0
    directory: Path | None = None
    """Where data and logs are kept; without it they are gone with the run."""

    @property
    def at_once(self) -> int:
        """The first concurrency: that of all that is not done for each of them."""
        return self.concurrency[0]
