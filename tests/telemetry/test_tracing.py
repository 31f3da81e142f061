"""When there are traces, and what may leave in them. The story with real processes is tests/flow/test_one_trace.py."""

import sys

import pytest

from telemetry import tracing
from tests.infrastructure.processes import PROJECT, Program


@pytest.mark.parametrize(
    ("name", "value", "left"),
    [
        ("http.url", "https://host/panel?authinfo=reseller:word&func=vds", "https://host/panel"),
        ("url.full", "https://host/v1/services?customer=anna", "https://host/v1/services"),
        ("http.target", "/v1/services?customer=anna", "/v1/services"),
        ("url.query", "customer=anna", ""),
        ("exception.message", "it said password=hunter22", "it said password=‹secret›"),
        ("http.status_code", 200, 200),
    ],
)
def test_what_leaves_of_an_attribute(name: str, value: object, left: object) -> None:
    assert tracing.cleaned(name, value) == left


def test_there_are_none_unless_it_is_said_where_they_go(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*tracing.ENDPOINTS, "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    assert not tracing.is_wanted()
    tracing.start("worker")
    assert (tracing.interceptors(), tracing.middleware(), tracing.traceparent()) == ([], [], None)
    with tracing.continuing("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"):
        assert tracing.traceparent() is None
    monkeypatch.setenv(tracing.ENDPOINTS[1], "http://127.0.0.1:4318/v1/traces")
    assert tracing.is_wanted()
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not tracing.is_wanted()


def test_a_process_without_the_packages_says_what_to_install() -> None:
    hidden = "import sys; sys.modules['opentelemetry.exporter'] = None; import worker; worker.main([])"
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "TEMPORAL_ADDRESS": "127.0.0.1:1"}
    with Program([sys.executable, "-c", hidden], name="worker", cwd=PROJECT, env=env, forked=True) as program:
        program.wait_for_line(r"worker: OTEL_EXPORTER_OTLP_ENDPOINT .* is set, and opentelemetry\S* is not installed")
        assert program.wait_for_exit() == 2
