"""How much the API takes at once. Loads nothing: settings are read before anything else."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ConnectionLimits:
    connections: int
    request_timeout: float
    """Seconds for the head of a request, from the connection or from its first byte on."""
    answer_timeout: float
    """Seconds for which a caller may read nothing of an answer that is more than the buffers hold."""


@dataclass(frozen=True)
class ConcurrencyLimits:
    at_once: int
    line: float
    """Seconds for which a request waits for its turn."""
    streams: int
    streams_of_token: int
