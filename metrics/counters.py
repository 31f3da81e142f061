"""What this process counts. docs/metrics.md has the same list, with what each is good for.

Every label is one of a closed set, or a name of the catalogue: never a number, a customer, a domain or a text. So the
number of series does not grow with what is sold. Adding costs microseconds, and nobody waits for it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from time import monotonic

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from program_version import VERSION, commit

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library gives no types here
REGISTRY = CollectorRegistry(auto_describe=True)
for _standard in (ProcessCollector, PlatformCollector, GCCollector):
    _standard(registry=REGISTRY)

BY_HAND = "by_hand"
"""The label `account` of what no upstream does."""
OTHER = "other"
_MOST_FUNCTIONS = 300
"""Functions of upstreams that one process distinguishes; further ones count as `other`."""

_MOMENTS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_LONG = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)

BUILD = Gauge(
    "resellflow_build_info",
    "Always 1; the labels say what runs here",
    ["program", "version", "commit", "build_id"],
    registry=REGISTRY,
)
OPERATIONS_ENDED = Counter(
    "resellflow_operations_ended",
    "Operations that this process has ended",
    ["kind", "account", "stage"],
    registry=REGISTRY,
)
OPERATION_SECONDS = Histogram(
    "resellflow_operation_seconds",
    "From the acceptance of an operation to its completion; of kind open: from the order to the active service",
    ["kind", "account"],
    buckets=_LONG,
    registry=REGISTRY,
)
SEEN_TO_COMPLETED_SECONDS = Histogram(
    "resellflow_seen_to_completed_seconds",
    "From the moment at which the poller saw the result at the upstream to the operation's completion",
    ["kind", "account"],
    buckets=_MOMENTS,
    registry=REGISTRY,
)
UPSTREAM_CALLS = Counter(
    "resellflow_upstream_calls",
    "Calls of an upstream's function, by what came of them",
    ["account", "function", "result"],
    registry=REGISTRY,
)
UPSTREAM_REQUEST_SECONDS = Histogram(
    "resellflow_upstream_request_seconds",
    "From the sending of a request to the last byte of its answer, or to its failure",
    ["account", "function"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)
LIST_SECONDS = Histogram(
    "resellflow_list_seconds",
    "Time in which the list of a product type was read to its end and compared",
    ["account", "product_type"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
    registry=REGISTRY,
)
LIST_ROWS = Counter(
    "resellflow_list_rows", "Rows of lists that were read", ["account", "product_type"], registry=REGISTRY
)
CHANGES = Counter(
    "resellflow_upstream_changes", "Changes that the poller has seen at the upstream", ["account"], registry=REGISTRY
)
SIGNAL_SECONDS = Histogram(
    "resellflow_signal_seconds",
    "From the moment at which a change was seen to the signal to the order that waits for it",
    ["account"],
    buckets=_MOMENTS,
    registry=REGISTRY,
)
WEBHOOK_ATTEMPTS = Counter(
    "resellflow_webhook_attempts", "Attempts to deliver a webhook, by what came of them", ["result"], registry=REGISTRY
)
NOTIFICATIONS = Counter(
    "resellflow_notifications", "Attempts to send a notification, by what came of them", ["channel", "result"],
    registry=REGISTRY,
)  # fmt: skip
WEBHOOK_REQUEST_SECONDS = Histogram(
    "resellflow_webhook_request_seconds",
    "Time of one attempt to deliver a webhook",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
WEBHOOK_DELIVERY_SECONDS = Histogram(
    "resellflow_webhook_delivery_seconds",
    "From what a webhook reports to its acceptance by the receiver",
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 43200),
    registry=REGISTRY,
)
API_REQUESTS = Counter(
    "resellflow_api_requests", "Requests that were answered", ["method", "route", "status"], registry=REGISTRY
)
API_SECONDS = Histogram(
    "resellflow_api_request_seconds",
    "From a request's arrival to the first line of its answer",
    ["method", "route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
TEMPORAL_AWAY_SINCE = Gauge(
    "resellflow_temporal_away_since_timestamp_seconds",
    "When this process lost Temporal; 0: Temporal answers",
    registry=REGISTRY,
)

_NUMBER = re.compile(r"\d+")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_functions: set[str] = set()


def function_label(function: str) -> str:
    """The function without the numbers of items and services in it, and one of at most some hundred."""
    label = "/".join("{number}" if _NUMBER.fullmatch(part) else part for part in function[:80].split("/"))
    if label not in _functions:
        if len(_functions) >= _MOST_FUNCTIONS:
            return OTHER
        _functions.add(label)
    return label


def build_shown(program: str, build_id: str) -> None:
    """What runs here, `api` or `worker`, and its version."""
    BUILD.labels(program, VERSION, commit(), build_id).set(1)


@contextmanager
def timed(metric: Histogram, *labels: str) -> Iterator[None]:
    """However it ends, also by an error."""
    began = monotonic()
    try:
        yield
    finally:
        metric.labels(*labels).observe(monotonic() - began)


def operation_ended(kind: str, account: str, stage: str, *, seconds: float | None) -> None:
    """`seconds`: since its acceptance, if it was completed."""
    OPERATIONS_ENDED.labels(kind, account or BY_HAND, stage).inc()
    if seconds is not None:
        OPERATION_SECONDS.labels(kind, account or BY_HAND).observe(seconds)


def seen_to_completed(kind: str, account: str, seen_at: datetime, now: datetime) -> None:
    SEEN_TO_COMPLETED_SECONDS.labels(kind, account or BY_HAND).observe((now - seen_at).total_seconds())


def webhook_attempt(status_code: int | None, seconds: float, *, delivered_after: float | None) -> None:
    """`status_code`: None, if there was no answer. `delivered_after`: seconds since what it reports."""
    WEBHOOK_ATTEMPTS.labels("no_answer" if status_code is None else f"{status_code // 100}xx").inc()
    WEBHOOK_REQUEST_SECONDS.observe(seconds)
    if delivered_after is not None:
        WEBHOOK_DELIVERY_SECONDS.observe(delivered_after)


def notification(channel: str, *, sent: bool) -> None:
    NOTIFICATIONS.labels(channel, "sent" if sent else "failed").inc()


def api_request(method: str, route: str, status: int, seconds: float) -> None:
    """`route`: the template of its path; empty: it led nowhere."""
    method, route = method if method in _METHODS else OTHER, route or OTHER
    API_REQUESTS.labels(method, route, str(status)).inc()
    API_SECONDS.labels(method, route).observe(seconds)
