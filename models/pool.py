"""What a process asks of its database. Loads nothing: settings are read before anything else."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PoolTerms:
    """How many connections a process has to its database, and for how long it waits for what it asks of them."""

    size: int = 10
    """Connections that are kept."""
    more: int = 20
    """Connections beside them at busy times, closed when they are free again."""
    wait: float = 10.0
    """Seconds for a free connection, or for the lock that another holds."""
    statement_timeout: float = 60.0
    """Seconds for one statement, on PostgreSQL; 0 for no limits there, and no time-out for locks."""
    pause: float = 15.0
    """Seconds that a transaction may do nothing, on PostgreSQL. Longer ones are those of a process that is frozen, or
    whose machine is: its transaction is rolled back, or its locks would keep all others from its orders."""
