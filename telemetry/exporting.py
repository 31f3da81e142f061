"""What sends traces; needs the packages of `resellflow[tracing]`."""

from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, Status, TraceState
from opentelemetry.util.types import Attributes

from program_version import VERSION

Clean = Callable[[str, Any], Any]


def provider(program: str, clean: Clean) -> TracerProvider:
    """Sends what is traced in this process to where the variables of OpenTelemetry say. `clean`: see `_Clean`."""
    about = {SERVICE_NAME: f"resellflow-{program}", SERVICE_NAMESPACE: "resellflow", SERVICE_VERSION: VERSION}
    traces = TracerProvider(sampler=ParentBased(root=_Requests()), resource=Resource.create(about))
    traces.add_span_processor(BatchSpanProcessor(_Clean(OTLPSpanExporter(), clean)))
    return traces


class _Requests(Sampler):
    """A trace begins with a request to us, and with nothing else."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        begins = kind is SpanKind.SERVER and not name.startswith("RunWorkflow")
        return SamplingResult(Decision.RECORD_AND_SAMPLE if begins else Decision.DROP)

    def get_description(self) -> str:
        return "requests to the API"


class _Clean(SpanExporter):
    """Has each attribute of a span, and of its events, cleaned by its name before it leaves."""

    def __init__(self, inner: SpanExporter, clean: Clean) -> None:
        self._inner = inner
        self._clean = clean

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._inner.export([self._cleaned(span) for span in spans])

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._inner.force_flush(timeout_millis)

    def _cleaned(self, span: ReadableSpan) -> ReadableSpan:
        return ReadableSpan(
            name=self._clean("name", span.name),
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=self._all(span.attributes),
            events=[Event(one.name, self._all(one.attributes), one.timestamp) for one in span.events],
            links=span.links,
            kind=span.kind,
            status=Status(span.status.status_code, self._clean("description", span.status.description)),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    def _all(self, attributes: Attributes) -> Attributes:
        return {name: self._clean(name, value) for name, value in (attributes or {}).items()}
