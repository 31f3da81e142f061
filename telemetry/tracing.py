"""Traces by OpenTelemetry: off unless OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) is set.

A trace begins with a request to the API and goes on where its operation is worked for: in the workflow, in each
activity, in the calls to the upstream, and with the webhooks about it. It is kept with the operation, like the id of
the request. What no request began (pollers, sweeps, commands) is in no trace: it would have no end.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from telemetry.secrecy import without_secrets

if TYPE_CHECKING:
    import httpx
    from opentelemetry.sdk.trace import TracerProvider
    from starlette.middleware import Middleware
    from temporalio.contrib.opentelemetry import TracingInterceptor

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Variables of OpenTelemetry itself, like all others that say how traces are sent."""
WITH_QUERY = ("http.url", "url.full", "http.target", "url.query")
_provider: "TracerProvider | None" = None


class TracingUnavailable(Exception):
    """Traces are wanted and can't be made; the message says what is missing."""


def is_wanted() -> bool:
    return any(os.environ.get(name) for name in ENDPOINTS) and os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true"


def start(program: str) -> None:
    """Send traces from now on, if they are wanted. `program`: `api` or `worker`. Raises TracingUnavailable."""
    global _provider
    if not is_wanted() or _provider is not None:
        return
    check()
    from telemetry import exporting

    _provider = exporting.provider(program, cleaned)


def check() -> None:
    """Raises TracingUnavailable if traces are wanted and could go nowhere. Whether a collector answers is not tried."""
    if not is_wanted():
        return
    for name in ENDPOINTS:
        if (address := os.environ.get(name)) and not _is_address(address):
            raise TracingUnavailable(f"{name} is the address of a collector, for example http://collector:4318")
    try:
        import telemetry.exporting  # noqa: F401 - only whether it can be
    except ImportError as error:
        raise TracingUnavailable(
            f"{' or '.join(ENDPOINTS)} is set, and {error.name} is not installed: pip install 'resellflow[tracing]'"
        ) from None


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def cleaned(name: str, value: Any) -> Any:
    """An attribute as it may leave: without a query, in which credentials may stand, and without secrets."""
    if isinstance(value, str):
        return without_secrets("" if name == "url.query" else value.partition("?")[0] if name in WITH_QUERY else value)
    return value


def interceptors() -> "list[TracingInterceptor]":
    """For clients of Temporal, and so for their workers."""
    if _provider is None:
        return []
    from temporalio.contrib.opentelemetry import TracingInterceptor

    return [TracingInterceptor(_provider.get_tracer("temporal"))]


def middleware() -> "list[Middleware]":
    """For the API, outermost."""
    if _provider is None:
        return []
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
    from starlette.middleware import Middleware

    spans: Any = ["receive", "send"]
    return [Middleware(partial(OpenTelemetryMiddleware, tracer_provider=_provider, exclude_spans=spans))]


def watch(client: "httpx.AsyncClient") -> None:
    """Its requests are spans of the trace under way, and carry it in their header."""
    if _provider is not None:
        from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

        HTTPXClientInstrumentor.instrument_client(client, tracer_provider=_provider)


def traceparent() -> str | None:
    """The trace under way, as W3C Trace Context writes it. None: there is none."""
    if _provider is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def trace_id() -> str | None:
    """Its number alone, for lines of the log."""
    found = traceparent()
    return found.split("-")[1] if found else None


@contextmanager
def continuing(parent: str | None) -> Iterator[None]:
    """The block belongs to this trace; None: to none."""
    if _provider is None:
        yield
        return
    from opentelemetry import context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {} if parent is None else {"traceparent": parent}
    token = context.attach(TraceContextTextMapPropagator().extract(carrier, context.Context()))
    try:
        yield
    finally:
        context.detach(token)
