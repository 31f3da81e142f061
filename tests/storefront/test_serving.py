"""The API as a process of its own: starts while everything is away, stops gracefully."""

import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client

from storefront.server import COMPARED_WITHIN_SECONDS, serve
from tests.infrastructure.databases import copy_of
from tests.infrastructure.processes import Program, free_port
from tests.storefront.api import SHOP_TOKEN, api_settings, stocked_api

NEVER = 3600.0
PROGRAM = """
import asyncio, logging, sys
from process_exit import leave
from settings import load_settings
from storefront import server
from storefront.server import serve
server.COMPARED_WITHIN_SECONDS = float(sys.argv[2])
logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s")
asyncio.run(serve(load_settings(), "127.0.0.1", int(sys.argv[1])))
leave(0)
"""


def api_process(
    port: int, database_url: str, temporal_port: int | None = None, compared_within: float = COMPARED_WITHIN_SECONDS
) -> Program:
    """`compared_within`: seconds that it gives Temporal before it serves. No port: nobody listens there."""
    environment = {
        "RESELL_DATABASE_URL": database_url,
        "RESELL_STOREFRONT_TOKENS": f"shop={SHOP_TOKEN}",
        "TEMPORAL_ADDRESS": f"127.0.0.1:{temporal_port or free_port()}",
    }
    command = [sys.executable, "-c", PROGRAM, str(port), str(compared_within)]
    return Program(command, name="api", env=environment, forked=True)


def test_it_starts_without_database_and_temporal_and_stops_on_sigterm() -> None:
    port = free_port()
    with api_process(port, f"postgresql://nobody@127.0.0.1:{free_port()}/nothing") as api:
        api.wait_for_http(f"http://127.0.0.1:{port}/healthz")
        answer = httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False)

        assert answer.status_code == 503
        assert answer.json()["database"]["status"] == answer.json()["temporal"]["status"] == "unavailable"
        assert api.terminate() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_it_serves_ends_it_like_a_later_one(number: signal.Signals, tmp_path: Path) -> None:
    """A Temporal that takes connections and says nothing: the API waits for it, listens, and serves nobody yet."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        api_process(free_port(), f"sqlite:///{tmp_path / 'no.db'}", silent.getsockname()[1], NEVER) as api,
    ):
        api.wait_for_line("listens on http")
        api.send_signal(number)
        assert api.wait_for_exit() == 0
        assert f"{number.name}: stopping" in api.output


@pytest.fixture
async def database_with_order(tmp_path: Path, migrated_sqlite_template: Path, unreachable_temporal: Client) -> str:
    """The address of a database in which operation 1 is accepted."""
    url = copy_of(migrated_sqlite_template, tmp_path)
    async with stocked_api(url, unreachable_temporal) as api:
        await api.order()
    return url


def test_a_stream_does_not_hold_up_the_end(database_with_order: str) -> None:
    port = free_port()
    with api_process(port, database_with_order) as api:
        api.wait_for_http(f"http://127.0.0.1:{port}/readyz")
        headers = {"Authorization": f"Bearer {SHOP_TOKEN}"}
        url = f"http://127.0.0.1:{port}/v1/operations/1/stream"
        with httpx.stream("GET", url, headers=headers, trust_env=False, timeout=10) as answer:
            lines = answer.iter_lines()
            assert any(line.startswith("event: stage") for line in lines)

            api.send_signal(signal.SIGTERM)

            assert "event: end" not in list(lines)
        assert api.wait_for_exit() == 0
    assert SHOP_TOKEN not in api.output


async def test_a_port_that_is_taken_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="already in use"):
        await serve(api_settings("sqlite:///unused.db"), "127.0.0.1", taken.getsockname()[1])
