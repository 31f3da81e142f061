"""Counts calls of an upstream by what came of them, and has a line in the log for each that an operation makes. Every
adapter has each of its calls counted, with its log-in."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from metrics import counters
from telemetry.fields import is_for_an_operation
from upstreams.errors import LeftAlone, UpstreamError
from upstreams.httpcalls import Call

OK = "ok"
HELD_BACK = "held_back"
"""Nothing was sent: the account is left alone, has a breaker open, or is busy. No answer of the upstream."""

log = logging.getLogger(__name__)


@contextmanager
def counted(call: Call) -> Iterator[None]:
    """The results beside those above are the words of `FailureClass`."""
    began = time.monotonic()
    try:
        yield
    except UpstreamError as error:
        result = HELD_BACK if isinstance(error, LeftAlone) else error.failure_class.value
        _count(call, result)
        _tell(call, began, result)
        raise
    _count(call, OK)
    _tell(call, began, OK)


def _count(call: Call, result: str) -> None:
    counters.UPSTREAM_CALLS.labels(call.upstream, counters.function_label(call.function), result).inc()


def _tell(call: Call, began: float, result: str) -> None:
    """What pollers read all day is shown at level `debug` alone. The words of an upstream are not for a log: a
    customer's address, or a password, may be among them."""
    level = logging.INFO if is_for_an_operation() else logging.DEBUG
    ms = round((time.monotonic() - began) * 1000)
    log.log(level, "%s: %s in %d ms", call.label, result, ms, extra={"upstream": call.upstream, "ms": ms})
