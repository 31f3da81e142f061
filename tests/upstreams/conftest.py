import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextvars import ContextVar
from datetime import timedelta

import pytest

from tests.upstreams.panel import Panel
from upstreams import gate, lease
from upstreams.billmanager import BillmanagerUpstream
from upstreams.port import OrderSpec

pytest.register_assert_rewrite(
    "tests.upstreams.contract", "tests.upstreams.contract_of_lists", "tests.upstreams.changes"
)


@pytest.fixture(autouse=True)
def a_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about what is sent and answered: whoever sends may."""
    held = lease.Lease.starting(lease.Clocks.now(), timedelta(hours=1))
    monkeypatch.setattr(lease, "_held", ContextVar("lease", default=held))


class GateClock:
    """The clock of every gate: it stands still, and the test sets it on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> GateClock:
    clock = GateClock()
    monkeypatch.setattr(gate, "_now", clock)
    return clock


@pytest.fixture
async def panel() -> AsyncIterator[Panel]:
    panel = await Panel.start()
    yield panel
    await panel.stop()


@pytest.fixture
async def upstream(panel: Panel) -> AsyncIterator[BillmanagerUpstream]:
    async with BillmanagerUpstream(panel.connection()) as upstream:
        yield upstream


@pytest.fixture
def spec() -> OrderSpec:
    return OrderSpec(
        product_type="vds", tariff="58", location="1", period=1, name="s1042.example.test", mark="rf-1042-7-a1"
    )


@pytest.fixture(scope="session")
def tls_certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with a self-signed certificate of 127.0.0.1, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl program to make a certificate")
    certificate = tmp_path_factory.mktemp("tls") / "cert-and-key.pem"
    make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=127.0.0.1"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(certificate), "-out", "-"]
    made = subprocess.run([openssl, *make.split(), *names], check=True, capture_output=True)
    with certificate.open("ab") as file:
        file.write(made.stdout)
    return str(certificate)


@pytest.fixture(scope="session")
def tls_context(tls_certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_certificate)
    return context
