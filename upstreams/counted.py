"""Counts calls of an upstream by what came of them. Every adapter has each of its calls counted, with its log-in."""

from collections.abc import Iterator
from contextlib import contextmanager

from metrics import counters
from upstreams.errors import LeftAlone, UpstreamError
from upstreams.httpcalls import Call

OK = "ok"
HELD_BACK = "held_back"
"""Nothing was sent: the account is left alone, has a breaker open, or is busy. No answer of the upstream."""


@contextmanager
def counted(call: Call) -> Iterator[None]:
    """The results beside those above are the words of `FailureClass`."""
    try:
        yield
    except UpstreamError as error:
        _count(call, HELD_BACK if isinstance(error, LeftAlone) else error.failure_class.value)
        raise
    _count(call, OK)


def _count(call: Call, result: str) -> None:
    counters.UPSTREAM_CALLS.labels(call.upstream, counters.function_label(call.function), result).inc()
