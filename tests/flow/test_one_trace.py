"""A request to the API is one trace: through the workflow and its activities to the upstream and to the webhook. What
receives the spans here is a real OTLP receiver, which decodes them as the protocol says."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.flow.shop import PASSWORD, Shop, Upstream, open_shop
from tests.flow.test_one_id import BODY, TOKEN, open_api
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.leaks import secrets_in
from tests.infrastructure.temporal import TemporalServer
from tests.webhooks.receiver import receiving
from tests.webhooks.sender import SECRET, SECRET_VARIABLE, add_endpoint

CUSTOMER = "anna-of-the-query"


@dataclass(frozen=True)
class Span:
    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, str]


@dataclass
class Collector:
    """What came, decoded, and the bytes."""

    url: str
    bodies: list[bytes] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        return [
            Span(
                next(one.value.string_value for one in of_process.resource.attributes if one.key == "service.name"),
                span.name,
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                {one.key: one.value.string_value for one in span.attributes},
            )
            for body in list(self.bodies)
            for of_process in ExportTraceServiceRequest.FromString(body).resource_spans
            for of_library in of_process.scope_spans
            for span in of_library.spans
        ]


@contextmanager
def collecting() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            collected.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collected = Collector(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield collected
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
async def shop(
    shop_database: str, temporal_server: TemporalServer, upstream: Upstream, collector: Collector
) -> AsyncIterator[Shop]:
    async with open_shop(shop_database, temporal_server, upstream, worker=False, webhook_private=True) as shop:
        shop.worker_settings |= {SECRET_VARIABLE: SECRET, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        yield shop


@pytest.mark.proof
async def test_a_request_is_one_trace(shop: Shop, collector: Collector) -> None:
    theirs = "4bf92f3577b34da6a3ce929d0e0e4736"
    with receiving() as receiver:
        await add_endpoint(shop.database, receiver.url)
        worker = shop.start_worker()
        async with open_api(shop) as (api, client):
            headers = {"Idempotency-Key": "k-1", "traceparent": f"00-{theirs}-00f067aa0ba902b7-01"}
            assert (await client.post("/v1/services", json=BODY, headers=headers)).status_code == 201
            await client.get("/v1/services", params={"customer": CUSTOMER})

            def reported() -> bool:
                return bool(receiver.of_type("resellflow.operation.completed.v1"))

            await assert_eventually(reported, timeout=30, message="the end is reported")
            api.terminate()
        worker.terminate()

    of_order = [span for span in collector.spans if span.trace == theirs]
    by_name = {(span.service, span.name) for span in of_order}
    assert by_name >= {
        ("resellflow-api", "POST /v1/services"),
        ("resellflow-api", "StartWorkflow:ServiceOrder"),
        ("resellflow-worker", "RunWorkflow:ServiceOrder"),
        ("resellflow-worker", "RunActivity:carry_out"),
        ("resellflow-worker", "RunActivity:complete_operation"),
    }
    known = {span.id: span for span in of_order}
    roots = {span.name for span in of_order if span.parent not in known}
    assert roots == {"POST /v1/services"}, "each span is somebody's child"

    def is_within(span: Span, name: str) -> bool:
        return span.name == name or (span.parent in known and is_within(known[span.parent], name))

    sent = [span for span in of_order if span.attributes.get("http.url", "").startswith(shop.upstream.url)]
    assert len(sent) >= 2
    assert all(is_within(span, "RunActivity:carry_out") for span in sent)
    posted = [span for span in of_order if span.attributes.get("http.url") == receiver.url]
    assert len(posted) >= 2
    [told] = receiver.of_type("resellflow.operation.completed.v1")
    _, trace, parent, _ = told.headers["traceparent"].split("-")
    assert (trace, known[parent].attributes["http.url"]) == (theirs, receiver.url)


async def test_spans_hold_no_secret_and_no_query_and_pollers_make_none(shop: Shop, collector: Collector) -> None:
    worker = shop.start_worker()
    async with open_api(shop) as (api, client):
        answer = await client.post("/v1/services", json=BODY, headers={"Idempotency-Key": "k-1"})
        operation = answer.json()["operation"]["number"]
        await client.get("/v1/services", params={"customer": CUSTOMER})
        await client.get("/v1/plans", headers={"Authorization": "Bearer wrong-token-of-somebody"})

        async def completed() -> bool:
            answer = await client.get(f"/v1/operations/{operation}", params={"customer": CUSTOMER})
            return answer.status_code == 422 and (await shop.operation(operation)).stage.is_final

        await assert_eventually(completed, timeout=30, message="the order's end")
        api.terminate()
    worker.terminate()

    names = {span.name for span in collector.spans}
    assert "RunActivity:carry_out" in names
    assert not [name for name in names if "poll_upstream" in name or "sweep" in name.lower() or "EventPoller" in name]
    everything = b"".join(collector.bodies).decode(errors="replace")
    for secret in (PASSWORD, TOKEN, SECRET, "wrong-token", CUSTOMER):
        assert secret not in everything
    assert secrets_in(everything) == []
    assert not [span for span in collector.spans if any("?" in value for value in span.attributes.values())]
