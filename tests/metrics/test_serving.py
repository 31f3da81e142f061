"""Where metrics are shown: beside the API, never by it, and under routes instead of addresses."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from metrics import counters
from models.database import Database
from settings import Settings
from storefront.server import NoMetrics, _metrics_of
from tests.infrastructure.databases import copy_of
from tests.infrastructure.processes import free_port
from tests.metrics.shown import Shown
from tests.storefront.api import client_of_nothing, stocked_api


@asynccontextmanager
async def metrics(url: str, address: str) -> AsyncIterator[httpx.AsyncClient]:
    database = Database(url)
    settings = Settings(database_url=url, metrics_api_address=address)
    async with (
        _metrics_of(settings, database),
        httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as client,
    ):
        yield client
    await database.close()


@pytest.fixture
def database_url(migrated_sqlite_template: Path, tmp_path: Path) -> str:
    return copy_of(migrated_sqlite_template, tmp_path)


async def test_process_and_installation_have_an_address_each(database_url: str) -> None:
    async with metrics(database_url, f"127.0.0.1:{free_port()}") as client:
        own, all_of_it = await client.get("/metrics"), await client.get("/metrics/installation")
    for answer in (own, all_of_it):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    of_process, of_installation = Shown.of(own.text), Shown.of(all_of_it.text)
    assert of_process.value("resellflow_build_info", program="api") == 1
    assert of_process.value("resellflow_database_connections_limit") == 30
    assert {one.labels["state"] for one in of_process.all("resellflow_database_connections")} == {"in_use", "idle"}
    assert of_installation.value("resellflow_database_up") == 1
    assert of_process.names.isdisjoint(of_installation.names), "or sums over processes would count twice"


async def test_an_address_that_is_taken_is_named(database_url: str) -> None:
    said = r"RESELL_METRICS_API_ADDRESS: can't listen there"
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(NoMetrics, match=said):
        async with metrics(database_url, f"127.0.0.1:{taken.getsockname()[1]}"):
            pass


async def test_requests_are_counted_by_the_route_and_not_by_the_address(database_url: str) -> None:
    before = Shown.registry()
    async with stocked_api(database_url, await client_of_nothing()) as api:
        for number in (4711, 4712):
            assert (await api.shop.get(f"/v1/services/{number}")).status_code == 404
        assert (await api.stranger.get("/jane.example.test")).status_code == 404
        assert (await api.stranger.get("/v1/services/4711")).status_code == 401
        assert (await api.stranger.get("/metrics")).status_code == 404, "shops reach this address"
    after = Shown.registry()

    def more(**labels: str) -> float:
        name = "resellflow_api_requests_total"
        return after.value(name, **labels) - before.value(name, **labels)

    assert more(method="GET", route="/v1/services/{number}", status="404") == 2
    assert more(method="GET", route="other", status="404") == 2
    assert more(status="401") == 1
    timed = {"method": "GET", "route": "/v1/services/{number}"}
    count = "resellflow_api_request_seconds_count"
    assert after.value(count, **timed) - before.value(count, **timed) == 2


def test_functions_of_upstreams_do_not_become_more_and_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "_functions", set())
    assert counters.function_label("POST /v1/services/17/prolong") == "POST /v1/services/{number}/prolong"
    assert counters.function_label("v2.vds.order.param") == "v2.vds.order.param"
    labels = {counters.function_label(f"made.up.{chr(97 + n % 26)}{n}") for n in range(1000)}
    assert len(labels) < 310
    assert counters.OTHER in labels


@pytest.mark.parametrize("address", ["localhost:8084", "8084", "127.0.0.1", "127.0.0.1:99999"])
def test_the_sdk_listens_on_addresses_alone(address: str) -> None:
    with pytest.raises(ValidationError):
        Settings(metrics_temporal_address=address)


@pytest.mark.parametrize("address", ["", "127.0.0.1:8084", "[::1]:8084"])
def test_addresses_that_can_be(address: str) -> None:
    assert Settings(metrics_temporal_address=address).metrics_temporal_address == address
